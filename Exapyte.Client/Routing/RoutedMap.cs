using System.Text;
using Exapyte.Client.Caching;
using Exapyte.Client.Lanes;
using Exapyte.Client.Scans;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client.Routing;

/// <summary>A keyspace's map and the lanes to its replicas. The map is swapped whole; lanes live on in the next one.</summary>
internal sealed class RoutedMap(KeyspaceMap map, ShardRoute[] routes)
{
    private long lookedMs = long.MinValue / 2;

    public KeyspaceMap Map => map;

    public ShardRoute[] Routes => routes;

    /// <summary>What this process keeps of the keyspace's entries; null: nothing.</summary>
    public EntryCache? Cache { get; init; }

    public ShardRoute RouteOf(ReadOnlySpan<byte> key) => routes[map.ShardIndexOf(key)];

    /// <summary>
    /// The shards that can hold keys under the prefix: where a delimiter is in it one, for keys are hashed through the delimiter
    /// only; in a range keyspace those whose keys it meets; else all.
    /// </summary>
    public ShardRoute[] RoutesUnder(ReadOnlyMemory<byte> prefix)
    {
        if (map.IsRange)
        {
            var bounds = ScanBounds.OfPrefix(prefix);
            return [.. routes.Where((_, at) => ShardIntervals.Meets(map.Shards, at, bounds.Start, bounds.End))];
        }
        return
            map.Settings.PartitionDelimiter is { } delimiter
            && prefix.Span.IndexOf(Encoding.UTF8.GetBytes(delimiter)) >= 0
            ? [RouteOf(prefix.Span)]
            : routes;
    }

    /// <summary>The keys that a shard owns; all of them unless it is one of a range keyspace.</summary>
    public ScanBounds BoundsOf(int at) => new(map.Shards[at].Start, ShardIntervals.EndOf(map.Shards, at));

    /// <summary>Whether a shard owns all keys of a range.</summary>
    public bool Owns(long shardId, ScanBounds range) =>
        Array.FindIndex(map.Shards, shard => shard.ShardId == shardId) is >= 0 and var at
        && BoundsOf(at) is var own
        && range.Within(own) == range;

    /// <summary>The position of the shard in which a walk through a range that is not empty begins.</summary>
    public int ShardIndexAt(ScanBounds bounds, bool reverse)
    {
        if (!reverse)
        {
            return map.ShardIndexOf(bounds.Start.Span);
        }
        if (bounds.End is not { } end)
        {
            return routes.Length - 1;
        }
        var at = map.ShardIndexOf(end.Span);
        // The end is no part of the range: where a shard starts with it, the one before is the last.
        return at > 0 && end.Span.SequenceEqual(map.Shards[at].Start) ? at - 1 : at;
    }

    /// <summary>Whether <paramref name="other"/> replaces this map: another life of the keyspace, or a later epoch.</summary>
    public bool IsOlderThan(KeyspaceMap other) =>
        other.KeyspaceId > map.KeyspaceId || (other.KeyspaceId == map.KeyspaceId && other.Epoch > map.Epoch);

    /// <summary>Whether nobody has looked for a newer map for so long; true for one caller.</summary>
    public bool MayLook(long nowMs, int everyMs)
    {
        var before = Volatile.Read(ref lookedMs);
        return nowMs - before >= everyMs && Interlocked.CompareExchange(ref lookedMs, nowMs, before) == before;
    }

    public void Retire()
    {
        foreach (var route in routes)
        {
            foreach (var lane in route.Lanes)
            {
                lane.Retire();
            }
        }
    }
}

/// <summary>Makes the routes of a map out of those of the one before.</summary>
internal sealed class RouteBuilder(IGrainFactory grains, LaneContext context, NodeRegions regions, EntryCaches? caches)
{
    public RoutedMap Build(KeyspaceMap map, RoutedMap? before)
    {
        var lanes = before?.Routes.SelectMany(route => route.Lanes).ToDictionary(lane => lane.Key) ?? [];
        var leaders = before?.Routes.Select(route => route.LeaderReplicaId).Where(id => id != 0).ToHashSet() ?? [];
        var routes = Array.ConvertAll(map.Shards, shard => RouteTo(map, shard, lanes, leaders));
        foreach (var gone in lanes.Values)
        {
            gone.Retire();
        }
        return new RoutedMap(map, routes) { Cache = caches?.Of(map) };
    }

    /// <summary>The map is not kept any more.</summary>
    public void Drop(RoutedMap map)
    {
        map.Retire();
        caches?.Remove(map.Map.KeyspaceId);
    }

    private ShardRoute RouteTo(
        KeyspaceMap map,
        ShardPlacement shard,
        Dictionary<ReplicaKey, ReplicaBatcher> before,
        HashSet<long> leaders
    )
    {
        // A joining replica of a leaderless shard answers nobody; one of a raft group redirects.
        var answering =
            map.Settings.Replication == ReplicationKind.Raft
                ? shard.Replicas
                : Array.FindAll(shard.Replicas, placed => !placed.Joining);
        var lanes = Array.ConvertAll(
            answering,
            placed =>
            {
                var key = new ReplicaKey(map.KeyspaceId, shard.ShardId, placed.ReplicaId, placed.Node);
                if (!before.Remove(key, out var lane))
                {
                    lane = new ReplicaBatcher(key, ReplicaOf(key, map.Settings.Replication), context);
                    context.Sweeper.Add(lane);
                }
                lane.MapEpoch = map.Epoch;
                return lane;
            }
        );
        var leader = Array.FindIndex(lanes, lane => leaders.Contains(lane.Key.ReplicaId));
        return new ShardRoute(shard, lanes, leader, regions);
    }

    private IShardReplica ReplicaOf(ReplicaKey key, ReplicationKind replication) =>
        replication == ReplicationKind.Raft
            ? grains.GetGrain<IRaftGroupGrain>(key.ToString())
            : grains.GetGrain<IShardGrain>(key.ToString());
}
