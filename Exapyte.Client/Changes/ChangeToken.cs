using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>
/// A place among the changes of a keyspace: what has been seen of each of its shards. Whoever goes on from it misses nothing.
/// Its text can be kept and read again. Immutable.
/// </summary>
public sealed class ChangeToken
{
    private const byte Format = 1;
    private const int VarintBytesMax = 10;

    private readonly long[] shardIds;
    private readonly ulong[] revisions;

    internal ChangeToken(long keyspaceId, long[] shardIds, ulong[] revisions)
    {
        KeyspaceId = keyspaceId;
        this.shardIds = shardIds;
        this.revisions = revisions;
    }

    /// <summary>The keyspace's id: a token ends with the keyspace, even where the name is used again.</summary>
    public long KeyspaceId { get; }

    /// <summary>What has been seen of a shard; null where the token says nothing of it.</summary>
    internal ulong? RevisionOf(long shardId)
    {
        var at = Array.IndexOf(shardIds, shardId);
        return at < 0 ? null : revisions[at];
    }

    /// <summary>The token as bytes: format (1), keyspace id (8, big-endian), then shard ids and revisions as varints.</summary>
    public byte[] Encode()
    {
        Span<byte> varint = stackalloc byte[VarintBytesMax];
        var bytes = new List<byte>(16 + (shardIds.Length * 6)) { Format };
        BinaryPrimitives.WriteInt64BigEndian(varint, KeyspaceId);
        bytes.AddRange(varint[..sizeof(long)]);
        for (var i = 0; i < shardIds.Length; i++)
        {
            bytes.AddRange(varint[..WriteVarint(varint, (ulong)shardIds[i])]);
            bytes.AddRange(varint[..WriteVarint(varint, revisions[i])]);
        }
        return [.. bytes];
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; false for anything else.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ChangeToken? token)
    {
        token = null;
        if (bytes.Length < 1 + sizeof(long) || bytes[0] != Format)
        {
            return false;
        }
        var keyspaceId = BinaryPrimitives.ReadInt64BigEndian(bytes[1..]);
        bytes = bytes[(1 + sizeof(long))..];
        List<long> shards = [];
        List<ulong> seen = [];
        while (!bytes.IsEmpty)
        {
            if (
                shards.Count == Limits.ShardsMax
                || !TryReadVarint(ref bytes, out var shardId)
                || !TryReadVarint(ref bytes, out var revision)
            )
            {
                return false;
            }
            shards.Add((long)shardId);
            seen.Add(revision);
        }
        token = new(keyspaceId, [.. shards], [.. seen]);
        return true;
    }

    /// <summary>Reads what <see cref="ToString"/> wrote; false for anything else.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ChangeToken? token)
    {
        token = null;
        var bytes = new byte[text is null ? 0 : (text.Length / 4 * 3) + 3];
        return text is not null
            && Convert.TryFromBase64String(text, bytes, out var length)
            && TryDecode(bytes.AsSpan(0, length), out token);
    }

    /// <summary>The token as text. It is not that of the REST gateway, which signs its own.</summary>
    public override string ToString() => Convert.ToBase64String(Encode());

    private static int WriteVarint(Span<byte> to, ulong value)
    {
        var at = 0;
        for (; value >= 0x80; value >>= 7)
        {
            to[at++] = (byte)(value | 0x80);
        }
        to[at++] = (byte)value;
        return at;
    }

    private static bool TryReadVarint(ref ReadOnlySpan<byte> from, out ulong value)
    {
        value = 0;
        for (var at = 0; at < Math.Min(from.Length, VarintBytesMax); at++)
        {
            value |= (ulong)(from[at] & 0x7F) << (7 * at);
            if (from[at] < 0x80)
            {
                from = from[(at + 1)..];
                return true;
            }
        }
        return false;
    }
}
