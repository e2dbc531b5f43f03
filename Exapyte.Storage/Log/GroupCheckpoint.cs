using System.Buffers.Binary;
using System.Text;

namespace Exapyte.Storage.Log;

/// <summary>
/// Payload of a <see cref="RecordKind.GroupCheckpoint"/>: all about a group but its entries, so that older segments
/// matter for entries only.
/// <code>
///  0 1 flags (1 described, 2 destroyed, 4 snapshot, 8 quarantined)
///  1 8 term   9 8 vote   17 8 commit   25 8 compacted index   33 8 compacted term   41 8 last index
/// 49   descriptor: 4 bytes length, bytes
///      snapshot (if flagged): 8 prefix, 8 index, 8 term, 4 length, configuration
///      reason (if flagged): 4 length, UTF-8
/// </code>
/// </summary>
sealed record GroupCheckpoint
{
    const int FixedBytes = 49;
    const int SnapshotBytes = 28;

    [Flags]
    enum Flag : byte
    {
        None = 0,
        Described = 1,
        Destroyed = 2,
        Snapshot = 4,
        Quarantined = 8,
    }

    public ReadOnlyMemory<byte>? Descriptor { get; init; }
    public bool Destroyed { get; init; }
    public string? Quarantined { get; init; }
    public GroupState State { get; init; }
    public SnapshotRecord? Snapshot { get; init; }
    public ulong CompactedIndex { get; init; }
    public ulong CompactedTerm { get; init; }
    public ulong LastIndex { get; init; }

    public static int Bytes(GroupIndex group)
    {
        var bytes = FixedBytes + sizeof(int) + (group.Descriptor?.Length ?? 0);
        if (group.Snapshot is { } snapshot)
            bytes += SnapshotBytes + snapshot.Configuration.Length;
        if (group.Quarantined is { } reason)
            bytes += sizeof(int) + Encoding.UTF8.GetByteCount(reason);
        return bytes;
    }

    public static void Write(GroupIndex group, Span<byte> into)
    {
        into[0] = (byte)(
            (group.Descriptor is null ? Flag.None : Flag.Described)
            | (group.Destroyed ? Flag.Destroyed : Flag.None)
            | (group.Snapshot is null ? Flag.None : Flag.Snapshot)
            | (group.Quarantined is null ? Flag.None : Flag.Quarantined)
        );
        BinaryPrimitives.WriteUInt64LittleEndian(into[1..], group.State.Term);
        BinaryPrimitives.WriteUInt64LittleEndian(into[9..], group.State.Vote);
        BinaryPrimitives.WriteUInt64LittleEndian(into[17..], group.State.Commit);
        BinaryPrimitives.WriteUInt64LittleEndian(into[25..], group.CompactedIndex);
        BinaryPrimitives.WriteUInt64LittleEndian(into[33..], group.CompactedTerm);
        BinaryPrimitives.WriteUInt64LittleEndian(into[41..], group.LastIndex);
        into = WriteBlock(into[FixedBytes..], group.Descriptor.GetValueOrDefault().Span);
        if (group.Snapshot is { } snapshot)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(into, snapshot.Prefix);
            BinaryPrimitives.WriteUInt64LittleEndian(into[8..], snapshot.Index);
            BinaryPrimitives.WriteUInt64LittleEndian(into[16..], snapshot.Term);
            into = WriteBlock(into[24..], snapshot.Configuration.Span);
        }
        if (group.Quarantined is { } reason)
            WriteBlock(into, Encoding.UTF8.GetBytes(reason));
    }

    public static GroupCheckpoint Read(ReadOnlySpan<byte> from)
    {
        var flags = (Flag)from[0];
        var rest = from[FixedBytes..];
        var descriptor = ReadBlock(ref rest);
        SnapshotRecord? snapshot = null;
        if (flags.HasFlag(Flag.Snapshot))
        {
            var prefix = BinaryPrimitives.ReadUInt64LittleEndian(rest);
            var index = BinaryPrimitives.ReadUInt64LittleEndian(rest[8..]);
            var term = BinaryPrimitives.ReadUInt64LittleEndian(rest[16..]);
            rest = rest[24..];
            snapshot = new SnapshotRecord(prefix, index, term, ReadBlock(ref rest));
        }
        return new GroupCheckpoint
        {
            Descriptor = flags.HasFlag(Flag.Described) ? descriptor : null,
            Destroyed = flags.HasFlag(Flag.Destroyed),
            Quarantined = flags.HasFlag(Flag.Quarantined) ? Encoding.UTF8.GetString(ReadBlock(ref rest)) : null,
            State = new GroupState(
                BinaryPrimitives.ReadUInt64LittleEndian(from[1..]),
                BinaryPrimitives.ReadUInt64LittleEndian(from[9..]),
                BinaryPrimitives.ReadUInt64LittleEndian(from[17..])
            ),
            Snapshot = snapshot,
            CompactedIndex = BinaryPrimitives.ReadUInt64LittleEndian(from[25..]),
            CompactedTerm = BinaryPrimitives.ReadUInt64LittleEndian(from[33..]),
            LastIndex = BinaryPrimitives.ReadUInt64LittleEndian(from[41..]),
        };
    }

    static Span<byte> WriteBlock(Span<byte> into, ReadOnlySpan<byte> bytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(into, bytes.Length);
        bytes.CopyTo(into[sizeof(int)..]);
        return into[(sizeof(int) + bytes.Length)..];
    }

    static byte[] ReadBlock(ref ReadOnlySpan<byte> from)
    {
        var length = BinaryPrimitives.ReadInt32LittleEndian(from);
        var bytes = from.Slice(sizeof(int), length).ToArray();
        from = from[(sizeof(int) + length)..];
        return bytes;
    }
}
