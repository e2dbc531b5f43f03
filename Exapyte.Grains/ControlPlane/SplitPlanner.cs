using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Which shards of a range keyspace are to be split for their size. It looks at a map and at what replicas report now and remembers
/// nothing, so that it finds the same after a restart. Pure.
/// </summary>
internal static class SplitPlanner
{
    /// <summary>
    /// The ids of the shards of which more than half of the replicas that count hold at least <c>splitBytes</c>, the largest
    /// first; no more of them than the keyspace may still have shards. What a single replica reports does not decide: rows that
    /// were deleted take space until its store is compacted.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="statuses">What its replicas report; of some there may be none.</param>
    public static long[] Wanted(KeyspaceMap map, IEnumerable<ReplicaStatus> statuses)
    {
        if (!map.IsRange)
        {
            return [];
        }
        var splitBytes = map.Settings.SplitBytes ?? KeyspaceSettings.SplitBytesDefault;
        var bytes = statuses.ToLookup(status => status.ReplicaId, status => status.Bytes);
        return
        [
            .. map
                .Shards.Where(shard => !shard.IsChanging)
                .Select(shard => (shard.ShardId, Bytes: MedianOf(shard, bytes)))
                .Where(shard => shard.Bytes >= splitBytes)
                .OrderByDescending(shard => shard.Bytes)
                .ThenBy(shard => shard.ShardId)
                .Take(Math.Max(0, Limits.ShardsMax - map.Shards.Length))
                .Select(shard => shard.ShardId),
        ];
    }

    /// <summary>The most that more than half of the shard's replicas hold at least; one that reports nothing holds nothing.</summary>
    private static long MedianOf(ShardPlacement shard, ILookup<long, long> bytes)
    {
        long[] held =
        [
            .. shard.Replicas.Select(replica => bytes[replica.ReplicaId].DefaultIfEmpty().Max()).OrderDescending(),
        ];
        return held.Length == 0 ? 0 : held[KeyspaceRules.Majority(held.Length) - 1];
    }
}
