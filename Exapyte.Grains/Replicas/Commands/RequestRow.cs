using Exapyte.Grains.Fields;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>What a shard remembers of a request that it knows as a whole: what it is, and what became of its writes.</summary>
internal sealed record RequestRow(RequestFingerprint Fingerprint, AppliedCommand Applied)
{
    private const int HeadBytes = (2 * sizeof(ulong)) + (2 * sizeof(int));
    private const int OutcomeBytes = 1 + sizeof(ulong) + 1 + sizeof(long);

    public byte[] Encode()
    {
        var row = new byte[HeadBytes + (Applied.Writes.Length * OutcomeBytes)];
        var writer = new SpanWriter(row);
        writer.UInt64(Fingerprint.High);
        writer.UInt64(Fingerprint.Low);
        writer.Int32(Applied.RefusedAt);
        writer.Int32(Applied.Writes.Length);
        foreach (var write in Applied.Writes)
        {
            writer.Byte((byte)write.Kind);
            writer.UInt64(write.Version.Revision);
            writer.Byte(write.Changed ? (byte)1 : (byte)0);
            writer.Int64(write.ExpiresMs);
        }
        return row;
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; null where it is damaged.</summary>
    public static RequestRow? Decode(byte[] row)
    {
        var reader = new SpanReader(row);
        var fingerprint = new RequestFingerprint(reader.UInt64(), reader.UInt64());
        var refusedAt = reader.Int32();
        var writes = new AppliedWrite[reader.Count(OutcomeBytes)];
        for (var i = 0; i < writes.Length; i++)
        {
            var kind = (OutcomeKind)reader.Byte();
            var version = new VersionStamp(reader.UInt64());
            writes[i] = new(kind, version, reader.Byte() != 0) { ExpiresMs = reader.Int64() };
        }
        return reader.AtEnd ? new(fingerprint, new(writes, refusedAt)) : null;
    }
}
