using Exapyte.Keyspaces;

namespace Exapyte.Grains.ControlPlane;

/// <summary>Whether a keyspace can do without what a node holds that is gone for good. Pure.</summary>
internal static class GivenUpNode
{
    /// <summary>One reason for each shard that would be left without a majority that is alive; empty where there is none.</summary>
    /// <param name="map">The map.</param>
    /// <param name="node">The node.</param>
    /// <param name="alive">The nodes that are alive.</param>
    public static List<string> ReasonsAgainst(KeyspaceMap map, string node, IReadOnlyCollection<string> alive) =>
        [
            .. map
                .Shards.Select((shard, at) => (shard, at))
                .Where(one => IsNeeded(map, one.shard, node, alive))
                .Select(one =>
                    $"Shard {one.at} of keyspace '{map.Name}' would be left without a majority that is alive. Bring its "
                    + "other nodes up first, or delete the keyspace and restore a backup."
                ),
        ];

    private static bool IsNeeded(KeyspaceMap map, ShardPlacement shard, string node, IReadOnlyCollection<string> alive)
    {
        // A leaving replica of a raft group may still be a voter; one of a leaderless shard counts for nothing.
        var members = (map.IsLeaderless ? shard.Replicas : shard.Hosted).Where(ReplicaRepair.IsMember).ToArray();
        var size = map.IsLeaderless ? shard.Counted : members.Length;
        return Array.Exists(members, replica => replica.Node == node)
            && members.Count(replica => replica.Node != node && alive.Contains(replica.Node))
                < KeyspaceRules.Majority(size);
    }
}
