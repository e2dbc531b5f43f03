using Exapyte.Grains.Fields;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>What a shard remembers of a request that it knows as a whole.</summary>
/// <param name="Fingerprint">What it is.</param>
/// <param name="Applied">What became of its writes, as far as this row tells.</param>
/// <param name="Positions">Where these writes stood in the request (<see cref="Operation.Position"/>).</param>
/// <param name="KeyHashes">
/// The hash of each write's key (<see cref="Keyspaces.KeyHash.HashOf"/>), by which a row tells whose it is when the shard is
/// split; empty in rows of versions that did not write it. Behind them stand the numbers that increments made, where there are any.
/// </param>
internal sealed record RequestRow(
    RequestFingerprint Fingerprint,
    AppliedCommand Applied,
    int[] Positions,
    ulong[] KeyHashes
)
{
    private const int HeadBytes = (2 * sizeof(ulong)) + (2 * sizeof(int));
    private const int NumberBytes = 1 + sizeof(long);
    private const int OutcomeBytes = sizeof(int) + 1 + sizeof(ulong) + 1 + sizeof(long);

    public byte[] Encode()
    {
        var hasNumbers = Array.Exists(Applied.Writes, write => write.Number is not null);
        var row = new byte[
            HeadBytes
                + (Applied.Writes.Length * OutcomeBytes)
                + (KeyHashes.Length * sizeof(ulong))
                + (hasNumbers ? Applied.Writes.Length * NumberBytes : 0)
        ];
        var writer = new SpanWriter(row);
        writer.UInt64(Fingerprint.High);
        writer.UInt64(Fingerprint.Low);
        writer.Int32(Applied.RefusedAt);
        writer.Int32(Applied.Writes.Length);
        for (var i = 0; i < Positions.Length; i++)
        {
            var write = Applied.Writes[i];
            writer.Int32(Positions[i]);
            writer.Byte((byte)write.Kind);
            writer.UInt64(write.Version.Revision);
            writer.Byte(write.Changed ? (byte)1 : (byte)0);
            writer.Int64(write.ExpiresMs);
        }
        foreach (var keyHash in KeyHashes)
        {
            writer.UInt64(keyHash);
        }
        foreach (var write in hasNumbers ? Applied.Writes : [])
        {
            writer.Byte(write.Number is null ? (byte)0 : (byte)1);
            writer.Int64(write.Number.GetValueOrDefault());
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
        var positions = new int[writes.Length];
        for (var i = 0; i < writes.Length; i++)
        {
            positions[i] = reader.Int32();
            var kind = (OutcomeKind)reader.Byte();
            var version = new VersionStamp(reader.UInt64());
            writes[i] = new(kind, version, reader.Byte() != 0) { ExpiresMs = reader.Int64() };
        }
        var keyHashes = reader.AtEnd ? [] : new ulong[writes.Length];
        for (var i = 0; i < keyHashes.Length; i++)
        {
            keyHashes[i] = reader.UInt64();
        }
        for (var i = 0; i < writes.Length && !reader.AtEnd; i++)
        {
            var isNumber = reader.Byte() != 0;
            var number = reader.Int64();
            writes[i] = writes[i] with { Number = isNumber ? number : null };
        }
        return reader.AtEnd ? new(fingerprint, new(writes, refusedAt), positions, keyHashes) : null;
    }
}
