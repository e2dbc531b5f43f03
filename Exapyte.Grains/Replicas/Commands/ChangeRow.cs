using System.Buffers.Binary;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// One change of a shard, as it is kept for those who watch: row <c>h</c> + revision + ordinal (big-endian), so that rows stand
/// in the order of the changes; written in the batch of the change itself. It has no value: that is the entry's.
/// </summary>
/// <param name="Revision">The shard's revision of the change; in leaderless shards the number of the merge.</param>
/// <param name="Ordinal">Which of the changes of that number, from 0.</param>
/// <param name="Kind">What it did.</param>
/// <param name="StampMs">When, Unix milliseconds of log time.</param>
/// <param name="Version">The version of what was written or deleted.</param>
/// <param name="Key">The key.</param>
internal readonly record struct ChangeRow(
    ulong Revision,
    uint Ordinal,
    ChangeKind Kind,
    long StampMs,
    VersionStamp Version,
    ReadOnlyMemory<byte> Key
)
{
    /// <summary>The first byte of the key of every row.</summary>
    public const byte Prefix = (byte)'h';

    /// <summary>Bytes of the key of a row.</summary>
    public const int KeyBytes = 1 + sizeof(ulong) + sizeof(uint);

    /// <summary>The version stands in the row; where it does not it is the revision.</summary>
    private const byte VersionFlag = 0x80;
    private const int HeadBytes = 1 + sizeof(long);
    private const int VersionBytes = 2 * sizeof(ulong);

    private bool HasOwnVersion => Version != new VersionStamp(Revision);

    /// <summary>Bytes that the row takes, key and value.</summary>
    public int Bytes => KeyBytes + ValueBytes;

    /// <summary>Bytes of its value.</summary>
    public int ValueBytes => HeadBytes + (HasOwnVersion ? VersionBytes : 0) + Key.Length;

    /// <summary>Writes the key of the row of a change.</summary>
    public static void WriteKey(Span<byte> key, ulong revision, uint ordinal)
    {
        key[0] = Prefix;
        BinaryPrimitives.WriteUInt64BigEndian(key[1..], revision);
        BinaryPrimitives.WriteUInt32BigEndian(key[(1 + sizeof(ulong))..], ordinal);
    }

    /// <summary>The revision in a row's key.</summary>
    public static ulong RevisionOf(ReadOnlySpan<byte> key) => BinaryPrimitives.ReadUInt64BigEndian(key[1..]);

    /// <summary>The stamp in a row's value.</summary>
    public static long StampOf(ReadOnlySpan<byte> value) => BinaryPrimitives.ReadInt64LittleEndian(value[1..]);

    /// <summary>Writes the value, of <see cref="ValueBytes"/> bytes.</summary>
    public void WriteValue(Span<byte> value)
    {
        value[0] = (byte)((byte)Kind | (HasOwnVersion ? VersionFlag : 0));
        BinaryPrimitives.WriteInt64LittleEndian(value[1..], StampMs);
        var at = HeadBytes;
        if (HasOwnVersion)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(value[at..], Version.Revision);
            BinaryPrimitives.WriteUInt64LittleEndian(value[(at + sizeof(ulong))..], Version.Origin);
            at += VersionBytes;
        }
        Key.Span.CopyTo(value[at..]);
    }

    /// <summary>Reads a row; null where it is none.</summary>
    public static ChangeRow? Read(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (key.Length != KeyBytes || key[0] != Prefix || value.Length < HeadBytes)
        {
            return null;
        }
        var revision = RevisionOf(key);
        var at = HeadBytes;
        var version = new VersionStamp(revision);
        if ((value[0] & VersionFlag) != 0)
        {
            if (value.Length < HeadBytes + VersionBytes)
            {
                return null;
            }
            version = new(
                BinaryPrimitives.ReadUInt64LittleEndian(value[at..]),
                BinaryPrimitives.ReadUInt64LittleEndian(value[(at + sizeof(ulong))..])
            );
            at += VersionBytes;
        }
        return new(
            revision,
            BinaryPrimitives.ReadUInt32BigEndian(key[(1 + sizeof(ulong))..]),
            (ChangeKind)(value[0] & ~VersionFlag),
            StampOf(value),
            version,
            value[at..].ToArray()
        );
    }
}
