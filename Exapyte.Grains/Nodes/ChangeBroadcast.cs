using System.Collections.Concurrent;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Tells who keeps entries of a keyspace with a cache that some are older now: the client of this process at once, and, where
/// this node's replica is the one that speaks for the shard, the nodes without a replica of it, which hear of a change by
/// nobody else. Best effort: what is lost is healed by the lifetime of what is kept. Thread-safe.
/// </summary>
internal sealed class ChangeBroadcast(NodeServices node)
{
    private readonly ConcurrentDictionary<string, ChangeLane> lanes = new(StringComparer.Ordinal);

    /// <summary>Keys sent to other nodes.</summary>
    public long Sent => lanes.Values.Sum(lane => lane.Sent);

    /// <summary>Keys that were dropped or not delivered.</summary>
    public long Lost => lanes.Values.Sum(lane => lane.Lost);

    /// <summary>Entries of a shard have changed.</summary>
    /// <param name="map">The keyspace's map.</param>
    /// <param name="changed">Which.</param>
    /// <param name="tellsOthers">Whether this replica speaks for the shard.</param>
    public void Tell(KeyspaceMap map, ChangedKeys changed, bool tellsOthers)
    {
        node.News.Changes.Tell(changed);
        if (!tellsOthers)
        {
            return;
        }
        var shard = Array.Find(map.Shards, shard => shard.ShardId == changed.ShardId);
        foreach (var other in node.OtherNodes())
        {
            if (shard is null || !Array.Exists(shard.Replicas, placed => placed.Node == other && !placed.Joining))
            {
                lanes.GetOrAdd(other, NewLane).Send(changed);
            }
        }
    }

    /// <summary>The whole state of a replica was replaced: any entry of the shard may have changed.</summary>
    public void AnyChanged(KeyspaceMap map, long shardId)
    {
        if (map.Settings.Cache is not null)
        {
            node.News.Changes.Tell(
                new()
                {
                    KeyspaceId = map.KeyspaceId,
                    ShardId = shardId,
                    Keys = [],
                    Versions = [],
                }
            );
        }
    }

    private ChangeLane NewLane(string other) => new(node.Grains.GetGrain<INodeGrain>(NodeKey.Of(other)), node.Time);
}
