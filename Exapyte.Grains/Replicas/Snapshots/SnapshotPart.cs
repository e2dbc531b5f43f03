using Exapyte.Grains.Fields;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Snapshots;

/// <summary>What a snapshot is of: the state of a shard at one index of its log.</summary>
/// <param name="SnapshotId">Tells one sending from another.</param>
/// <param name="Index">Last log index that it contains.</param>
/// <param name="Term">Term of that index.</param>
/// <param name="Configuration">The membership at that index, in the core's encoding.</param>
internal readonly record struct SnapshotHead(
    long SnapshotId,
    ulong Index,
    ulong Term,
    ReadOnlyMemory<byte> Configuration
);

/// <summary>One row of a snapshot: an entry, or a row of metadata.</summary>
/// <param name="IsMeta">A row of metadata: only key and value count.</param>
/// <param name="Key">The key.</param>
/// <param name="Entry">The entry; of a row of metadata only the value.</param>
internal readonly record struct SnapshotRow(bool IsMeta, ReadOnlyMemory<byte> Key, StoredEntry Entry);

/// <summary>A part of a snapshot as it travels: parts are numbered from 0 and taken in order.</summary>
/// <param name="Head">Of which snapshot.</param>
/// <param name="Number">Which part.</param>
/// <param name="IsLast">Whether none follows.</param>
/// <param name="Rows">The rows.</param>
internal sealed record SnapshotPart(SnapshotHead Head, int Number, bool IsLast, SnapshotRow[] Rows)
{
    private const byte Format = 1;
    private const int RowBytesMin = 1 + sizeof(int) + sizeof(int);

    /// <summary>Bytes that a row takes in a part.</summary>
    public static int BytesOf(in SnapshotRow row) =>
        row.IsMeta
            ? RowBytesMin + row.Key.Length + row.Entry.Value.Length
            : RowBytesMin
                + row.Key.Length
                + row.Entry.Value.Length
                + (4 * sizeof(long))
                + 1
                + SpanWriter.TextBytes(row.Entry.ContentType);

    /// <summary>Encodes the part.</summary>
    public byte[] Encode()
    {
        var bytes = 1 + (3 * sizeof(long)) + sizeof(int) + Head.Configuration.Length + sizeof(int) + 1 + sizeof(int);
        foreach (ref readonly var row in Rows.AsSpan())
        {
            bytes += BytesOf(row);
        }
        var buffer = GC.AllocateUninitializedArray<byte>(bytes);
        var writer = new SpanWriter(buffer);
        writer.Byte(Format);
        writer.Int64(Head.SnapshotId);
        writer.UInt64(Head.Index);
        writer.UInt64(Head.Term);
        writer.Bytes(Head.Configuration.Span);
        writer.Int32(Number);
        writer.Byte(IsLast ? (byte)1 : (byte)0);
        writer.Int32(Rows.Length);
        foreach (ref readonly var row in Rows.AsSpan())
        {
            Write(ref writer, row);
        }
        return buffer;
    }

    /// <summary>Decodes a part; null where the bytes are none.</summary>
    public static SnapshotPart? Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (reader.Byte() != Format)
        {
            return null;
        }
        var head = new SnapshotHead(reader.Int64(), reader.UInt64(), reader.UInt64(), reader.Bytes());
        var number = reader.Int32();
        var isLast = reader.Byte() != 0;
        var rows = new SnapshotRow[reader.Count(RowBytesMin)];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = Read(ref reader);
        }
        return reader.AtEnd ? new(head, number, isLast, rows) : null;
    }

    private static void Write(ref SpanWriter writer, in SnapshotRow row)
    {
        writer.Byte(row.IsMeta ? (byte)1 : (byte)0);
        writer.Bytes(row.Key.Span);
        writer.Bytes(row.Entry.Value.Span);
        if (row.IsMeta)
        {
            return;
        }
        writer.UInt64(row.Entry.Version.Revision);
        writer.UInt64(row.Entry.Version.Origin);
        writer.Int64(row.Entry.ModifiedMs);
        writer.Int64(row.Entry.ExpiresMs);
        writer.Byte((byte)row.Entry.Flags);
        writer.Text(row.Entry.ContentType);
    }

    private static SnapshotRow Read(ref SpanReader reader)
    {
        var isMeta = reader.Byte() != 0;
        var key = reader.Bytes();
        var value = reader.Bytes();
        if (isMeta)
        {
            return new(true, key, new(default, 0, 0, EntryFlags.None, "", value));
        }
        var version = new EntryVersion(reader.UInt64(), reader.UInt64());
        return new(
            false,
            key,
            new(version, reader.Int64(), reader.Int64(), (EntryFlags)reader.Byte(), reader.Text(), value)
        );
    }
}

/// <summary>The receiver's answer to a part.</summary>
/// <param name="SnapshotId">Of which snapshot.</param>
/// <param name="NextPart">The part it wants next: a sender that was cut off goes on there.</param>
/// <param name="Status">How it stands.</param>
internal readonly record struct SnapshotReply(long SnapshotId, int NextPart, SnapshotReplyStatus Status)
{
    private const int ReplyBytes = sizeof(long) + sizeof(int) + 1;

    /// <summary>Encodes the answer.</summary>
    public byte[] Encode()
    {
        var buffer = new byte[ReplyBytes];
        var writer = new SpanWriter(buffer);
        writer.Int64(SnapshotId);
        writer.Int32(NextPart);
        writer.Byte((byte)Status);
        return buffer;
    }

    /// <summary>Decodes an answer; null where the bytes are none.</summary>
    public static SnapshotReply? Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        var reply = new SnapshotReply(reader.Int64(), reader.Int32(), (SnapshotReplyStatus)reader.Byte());
        return reader.AtEnd ? reply : null;
    }
}

/// <summary>How the receiving of a snapshot stands.</summary>
internal enum SnapshotReplyStatus : byte
{
    /// <summary>Go on.</summary>
    Wanted = 0,

    /// <summary>Installed durably, or no longer needed.</summary>
    Done = 1,

    /// <summary>It cannot be taken now.</summary>
    Refused = 2,
}
