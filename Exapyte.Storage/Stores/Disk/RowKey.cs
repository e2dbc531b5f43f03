using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>What a row of the database is.</summary>
internal enum RowSpace : byte
{
    /// <summary>Metadata as format 1 had it, without a shard id; a <see cref="StoreMigration"/> takes them away.</summary>
    OldMeta = 0,

    /// <summary>An entry.</summary>
    Entry = 1,

    /// <summary>The expiry index as format 1 had it, rounded; a <see cref="StoreMigration"/> takes it away.</summary>
    OldExpiry = 2,

    /// <summary>A row of metadata: shard id, then its key; the one with nothing behind the shard id is the applied index.</summary>
    Meta = 3,

    /// <summary>A row of the expiry index: when the entry ends (8 bytes, big-endian), then its key; no value.</summary>
    Expiry = 4,
}

/// <summary>
/// The key of a row: <c>[store prefix, 8 bytes big-endian][space, 1 byte][key]</c>. Entries and the expiry index are shared by
/// all views of a prefix; the key of a row of metadata begins with the shard id of its view (8 bytes, big-endian).
/// </summary>
internal static class RowKey
{
    public const int PrefixBytes = sizeof(ulong);
    public const int HeadBytes = PrefixBytes + 1;
    public const int ShardBytes = sizeof(ulong);

    /// <summary>What stands before the key of a row of metadata.</summary>
    public const int MetaHeadBytes = HeadBytes + ShardBytes;
    public const int DueBytes = sizeof(long);

    /// <summary>No replica's: what concerns the whole store.</summary>
    public const ulong StorePrefix = 0;

    /// <summary>Row keys up to this length are built on the stack.</summary>
    public const int StackBytesMax = 256;

    public static void WriteHead(Span<byte> destination, ulong prefix, RowSpace space)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, prefix);
        destination[PrefixBytes] = (byte)space;
    }

    public static void WriteMetaHead(Span<byte> destination, ulong prefix, ulong shard)
    {
        WriteHead(destination, prefix, RowSpace.Meta);
        BinaryPrimitives.WriteUInt64BigEndian(destination[HeadBytes..], shard);
    }

    /// <summary>Builds a row key in <paramref name="buffer"/>, or in a new one where it is too small.</summary>
    public static ReadOnlySpan<byte> Build(Span<byte> buffer, ulong prefix, RowSpace space, ReadOnlySpan<byte> key)
    {
        int length = HeadBytes + key.Length;
        Span<byte> row = length <= buffer.Length ? buffer[..length] : new byte[length];
        WriteHead(row, prefix, space);
        key.CopyTo(row[HeadBytes..]);
        return row;
    }

    public static byte[] Build(ulong prefix, RowSpace space, ReadOnlySpan<byte> key)
    {
        byte[] row = new byte[HeadBytes + key.Length];
        WriteHead(row, prefix, space);
        key.CopyTo(row.AsSpan(HeadBytes));
        return row;
    }

    /// <summary>Builds the key of a row of metadata in <paramref name="buffer"/>, or in a new one where it is too small.</summary>
    public static ReadOnlySpan<byte> BuildMeta(Span<byte> buffer, ulong prefix, ulong shard, ReadOnlySpan<byte> key)
    {
        int length = MetaHeadBytes + key.Length;
        Span<byte> row = length <= buffer.Length ? buffer[..length] : new byte[length];
        WriteMetaHead(row, prefix, shard);
        key.CopyTo(row[MetaHeadBytes..]);
        return row;
    }

    public static byte[] BuildMeta(ulong prefix, ulong shard, ReadOnlySpan<byte> key) =>
        BuildMeta(default, prefix, shard, key).ToArray();

    /// <summary>The first key behind all metadata of a view.</summary>
    public static byte[] MetaEnd(ulong prefix, ulong shard) =>
        shard == ulong.MaxValue ? SpaceEnd(prefix, RowSpace.Meta) : BuildMeta(prefix, shard + 1, default);

    /// <summary>The first key behind all rows of a space of a prefix.</summary>
    public static byte[] SpaceEnd(ulong prefix, RowSpace space) =>
        Build(prefix, (RowSpace)((byte)space + 1), ReadOnlySpan<byte>.Empty);

    public static byte[] ShardStart(ulong prefix)
    {
        byte[] start = new byte[PrefixBytes];
        BinaryPrimitives.WriteUInt64BigEndian(start, prefix);
        return start;
    }

    /// <summary>The first key behind all rows of a prefix: no space byte is 0xFF.</summary>
    public static byte[] ShardEnd(ulong prefix) => Build(prefix, (RowSpace)0xFF, ReadOnlySpan<byte>.Empty);

    public static ulong PrefixOf(ReadOnlySpan<byte> row) => BinaryPrimitives.ReadUInt64BigEndian(row);

    /// <summary>Whether the row is the applied index of a view, in this format or in format 1.</summary>
    public static bool IsAppliedIndex(RowSpace space, ReadOnlySpan<byte> key) =>
        (space == RowSpace.Meta && key.Length == ShardBytes) || (space == RowSpace.OldMeta && key.IsEmpty);
}
