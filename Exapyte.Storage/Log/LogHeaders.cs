using System.Buffers.Binary;

namespace Exapyte.Storage.Log;

/// <summary>First block of a segment; see <see cref="LogFormat"/>.</summary>
readonly record struct SegmentHeader(
    uint Version,
    ulong LogId,
    uint Number,
    long SegmentBytes,
    ulong FirstSequence,
    uint Previous,
    long PreviousEnd
)
{
    static ReadOnlySpan<byte> Magic => "EXAPYTEL"u8;

    /// <summary>Writes the header and its copy into the first <see cref="LogFormat.DataOffset"/> bytes.</summary>
    public void Write(Span<byte> into)
    {
        into = into[..LogFormat.DataOffset];
        into.Clear();
        Magic.CopyTo(into);
        BinaryPrimitives.WriteUInt32LittleEndian(into[12..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(into[16..], LogId);
        BinaryPrimitives.WriteUInt64LittleEndian(into[24..], Number);
        BinaryPrimitives.WriteInt64LittleEndian(into[32..], SegmentBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(into[40..], FirstSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(into[48..], Previous);
        BinaryPrimitives.WriteInt64LittleEndian(into[56..], PreviousEnd);
        var checksum = LogChecksum.Compute(Number, into[12..LogFormat.HeaderBytes]);
        BinaryPrimitives.WriteUInt32LittleEndian(into[8..], checksum);
        into[..LogFormat.HeaderBytes].CopyTo(into[LogFormat.BlockBytes..]);
    }

    public static SegmentHeader? Read(ReadOnlySpan<byte> block, uint number)
    {
        if (block.Length < LogFormat.HeaderBytes || !block.StartsWith(Magic))
            return null;
        var checksum = LogChecksum.Compute(number, block[12..LogFormat.HeaderBytes]);
        if (checksum != BinaryPrimitives.ReadUInt32LittleEndian(block[8..]))
            return null;
        var header = new SegmentHeader(
            BinaryPrimitives.ReadUInt32LittleEndian(block[12..]),
            BinaryPrimitives.ReadUInt64LittleEndian(block[16..]),
            (uint)BinaryPrimitives.ReadUInt64LittleEndian(block[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(block[32..]),
            BinaryPrimitives.ReadUInt64LittleEndian(block[40..]),
            (uint)BinaryPrimitives.ReadUInt64LittleEndian(block[48..]),
            BinaryPrimitives.ReadInt64LittleEndian(block[56..])
        );
        return header.Number == number ? header : null;
    }
}

/// <summary>Head of a batch; see <see cref="LogFormat"/>.</summary>
readonly record struct BatchHeader(int BodyBytes, uint BodyChecksum, ulong Sequence, int Records)
{
    const uint Magic = 0x54425845; // "EXBT"

    public void Write(Span<byte> into, uint seed)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(into, Magic);
        BinaryPrimitives.WriteInt32LittleEndian(into[8..], BodyBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(into[12..], BodyChecksum);
        BinaryPrimitives.WriteUInt64LittleEndian(into[16..], Sequence);
        BinaryPrimitives.WriteInt32LittleEndian(into[24..], Records);
        BinaryPrimitives.WriteInt32LittleEndian(into[28..], 0);
        BinaryPrimitives.WriteUInt32LittleEndian(
            into[4..],
            LogChecksum.Compute(seed, into[8..LogFormat.BatchHeaderBytes])
        );
    }

    public static BatchHeader? Read(ReadOnlySpan<byte> from, uint seed)
    {
        if (from.Length < LogFormat.BatchHeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(from) != Magic)
            return null;
        var checksum = LogChecksum.Compute(seed, from[8..LogFormat.BatchHeaderBytes]);
        if (checksum != BinaryPrimitives.ReadUInt32LittleEndian(from[4..]))
            return null;
        return new BatchHeader(
            BinaryPrimitives.ReadInt32LittleEndian(from[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(from[12..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[24..])
        );
    }
}

/// <summary>Head of a record; see <see cref="LogFormat"/>.</summary>
readonly record struct RecordHeader(
    RecordKind Kind,
    byte EntryKind,
    uint Ordinal,
    GroupId Group,
    ulong Term,
    ulong Index,
    int PayloadBytes,
    uint PayloadChecksum
)
{
    public int TotalBytes => LogFormat.RecordHeaderBytes + PayloadBytes;

    public void Write(Span<byte> into, uint seed)
    {
        into = into[..LogFormat.RecordHeaderBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(into[4..], PayloadChecksum);
        BinaryPrimitives.WriteInt32LittleEndian(into[8..], PayloadBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(into[12..], Ordinal);
        BinaryPrimitives.WriteUInt64LittleEndian(into[16..], Group.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(into[24..], Term);
        BinaryPrimitives.WriteUInt64LittleEndian(into[32..], Index);
        into[40] = (byte)Kind;
        into[41] = EntryKind;
        into[42] = 0;
        into[43] = 0;
        BinaryPrimitives.WriteUInt32LittleEndian(into, LogChecksum.Compute(seed, into[4..]));
    }

    /// <summary>Reads without verifying; for bytes that are known to be whole.</summary>
    public static RecordHeader ReadTrusted(ReadOnlySpan<byte> from) =>
        new(
            (RecordKind)from[40],
            from[41],
            BinaryPrimitives.ReadUInt32LittleEndian(from[12..]),
            new GroupId(BinaryPrimitives.ReadUInt64LittleEndian(from[16..])),
            BinaryPrimitives.ReadUInt64LittleEndian(from[24..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[32..]),
            BinaryPrimitives.ReadInt32LittleEndian(from[8..]),
            BinaryPrimitives.ReadUInt32LittleEndian(from[4..])
        );

    public static RecordHeader? Read(ReadOnlySpan<byte> from, uint seed)
    {
        if (from.Length < LogFormat.RecordHeaderBytes)
            return null;
        var checksum = LogChecksum.Compute(seed, from[4..LogFormat.RecordHeaderBytes]);
        if (checksum != BinaryPrimitives.ReadUInt32LittleEndian(from))
            return null;
        var header = ReadTrusted(from);
        return header is { PayloadBytes: >= 0, Kind: not RecordKind.None } ? header : null;
    }

    public bool PayloadVerifies(ReadOnlySpan<byte> payload, uint seed) =>
        LogChecksum.Compute(seed, payload) == PayloadChecksum;
}
