using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Exapyte.Simulation.Stores;

namespace Exapyte.Simulation.Invariants;

/// <summary>Receives one row of a state.</summary>
internal delegate void Row(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

/// <summary>The hash of a shard's state: a sum over its rows, so that their order does not matter.</summary>
internal static class StateHash
{
    /// <summary>Bytes that stand for an entry: revision, times, and the hash of its value.</summary>
    public const int EntryBytes = 32;

    public static void Head(Span<byte> into, ulong revision, long modifiedMs, long expiresMs, ReadOnlySpan<byte> value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(into, revision);
        BinaryPrimitives.WriteInt64LittleEndian(into[8..], modifiedMs);
        BinaryPrimitives.WriteInt64LittleEndian(into[16..], expiresMs);
        BinaryPrimitives.WriteUInt64LittleEndian(into[24..], XxHash3.HashToUInt64(value));
    }

    public static ulong OfRow(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        XxHash3.HashToUInt64(value, (long)XxHash3.HashToUInt64(key));

    /// <summary>The hash of what a replica holds: what has expired by its own stamp is passed over.</summary>
    public static ulong Of(ModelShard shard, long stampMs)
    {
        var hash = 0ul;
        Visit(shard, stampMs, (key, value) => hash += OfRow(key, value));
        return hash;
    }

    public static List<string> Rows(ModelShard shard, long stampMs)
    {
        List<string> rows = [];
        Visit(shard, stampMs, (key, value) => rows.Add($"{Encoding.UTF8.GetString(key)}={Convert.ToHexString(value)}"));
        return rows;
    }

    private static void Visit(ModelShard shard, long stampMs, Row visit)
    {
        Span<byte> head = stackalloc byte[EntryBytes];
        for (var i = 0; i < shard.Keys.Count; i++)
        {
            var entry = shard.Entries[i];
            if (entry.IsLive(stampMs))
            {
                Head(head, entry.Version.Revision, entry.ModifiedMs, entry.ExpiresMs, entry.Value.Span);
                visit(shard.Keys[i], head);
            }
        }
        shard.ScanMeta(
            [],
            (key, value) =>
            {
                if (key[0] is (byte)'r' or (byte)'c' or (byte)'b' or (byte)'h')
                {
                    visit(key, value);
                }
                return true;
            }
        );
    }
}
