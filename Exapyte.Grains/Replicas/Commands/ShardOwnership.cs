using System.Text;
using Exapyte.Grains.Fields;
using Exapyte.Keyspaces;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>A shard that this one was split from.</summary>
/// <param name="ShardId">Its id.</param>
/// <param name="Through">Its revision at the split: what came later is not in this shard.</param>
internal readonly record struct ShardAncestor(ulong ShardId, ulong Through);

/// <summary>
/// Which keys are a shard's, and where it comes from: part of its replicated state, row <c>b</c>. Keys are judged by it where
/// they are read and written; what a map says only finds the shard. Immutable.
/// </summary>
internal sealed class ShardOwnership
{
    private const byte Format = 1;
    private const byte HasEndFlag = 1;
    private const int AncestorBytes = 2 * sizeof(ulong);

    /// <summary>Rises with every change of it; the first is 1.</summary>
    public required ulong Generation { get; init; }

    /// <summary>First slot that it owns (<see cref="KeyHash"/>).</summary>
    public required int FirstSlot { get; init; }

    /// <summary>The slot behind the last one that it owns.</summary>
    public required int EndSlot { get; init; }

    /// <summary>Keys are hashed through its first occurrence; empty: whole.</summary>
    public ReadOnlyMemory<byte> PartitionDelimiter { get; init; }

    /// <summary>The range of keys that it owns, of those in its slots.</summary>
    public KeyRange Keys { get; init; } = KeyRange.All;

    /// <summary>Where it comes from, the nearest first; empty: it was created with its keyspace.</summary>
    public ShardAncestor[] Lineage { get; init; } = [];

    /// <summary>What a shard of a map owns when it is created; null where the map is without it.</summary>
    public static ShardOwnership? Of(KeyspaceMap map, long shardId)
    {
        var at = Array.FindIndex(map.Shards, shard => shard.ShardId == shardId);
        return at < 0
            ? null
            : new()
            {
                Generation = 1,
                FirstSlot = map.Shards[at].FirstSlot,
                EndSlot = at + 1 < map.Shards.Length && !map.IsRange ? map.Shards[at + 1].FirstSlot : KeyHash.Slots,
                PartitionDelimiter = Encoding.UTF8.GetBytes(map.Settings.PartitionDelimiter ?? ""),
                // A part that is being split off is the shard's own until its log says otherwise.
                Keys = new(
                    map.Shards[at].Start,
                    ShardIntervals.EndOf(map.Shards, map.FormingFrom(shardId) is null ? at : at + 1)
                ),
            };
    }

    /// <summary>Whether the key is the shard's.</summary>
    public bool Owns(ReadOnlySpan<byte> key)
    {
        if (!Keys.Contains(key))
        {
            return false;
        }
        if (FirstSlot == 0 && EndSlot == KeyHash.Slots)
        {
            return true;
        }
        var slot = KeyHash.SlotOf(key, PartitionDelimiter.Span);
        return slot >= FirstSlot && slot < EndSlot;
    }

    /// <summary>As it lies in the store and travels in commands.</summary>
    public byte[] Encode()
    {
        var end = Keys.End ?? default;
        var buffer = new byte[
            1
                + sizeof(ulong)
                + (2 * sizeof(int))
                + (4 * sizeof(int))
                + 1
                + PartitionDelimiter.Length
                + Keys.Start.Length
                + end.Length
                + (Lineage.Length * AncestorBytes)
        ];
        var writer = new SpanWriter(buffer);
        writer.Byte(Format);
        writer.UInt64(Generation);
        writer.Int32(FirstSlot);
        writer.Int32(EndSlot);
        writer.Bytes(PartitionDelimiter.Span);
        writer.Bytes(Keys.Start.Span);
        writer.Byte(Keys.End is null ? (byte)0 : HasEndFlag);
        writer.Bytes(end.Span);
        writer.Int32(Lineage.Length);
        foreach (var ancestor in Lineage)
        {
            writer.UInt64(ancestor.ShardId);
            writer.UInt64(ancestor.Through);
        }
        return buffer;
    }

    /// <summary>Reads what <see cref="Encode"/> wrote; null where it is none that this version knows.</summary>
    public static ShardOwnership? Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        if (reader.Byte() != Format)
        {
            return null;
        }
        var generation = reader.UInt64();
        var firstSlot = reader.Int32();
        var endSlot = reader.Int32();
        var delimiter = reader.Bytes();
        var start = reader.Bytes();
        var hasEnd = (reader.Byte() & HasEndFlag) != 0;
        var end = reader.Bytes();
        var lineage = new ShardAncestor[reader.Count(AncestorBytes)];
        for (var i = 0; i < lineage.Length; i++)
        {
            lineage[i] = new(reader.UInt64(), reader.UInt64());
        }
        return !reader.AtEnd
            ? null
            : new()
            {
                Generation = generation,
                FirstSlot = firstSlot,
                EndSlot = endSlot,
                PartitionDelimiter = delimiter,
                Keys = new(start, hasEnd ? end : (ReadOnlyMemory<byte>?)null),
                Lineage = lineage,
            };
    }
}
