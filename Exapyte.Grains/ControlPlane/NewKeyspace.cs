using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Grains.ControlPlane;

/// <summary>Draws the first map of a keyspace. Pure.</summary>
internal static class NewKeyspace
{
    /// <summary>Ids that a keyspace needs: its own, one a shard, one a replica.</summary>
    public static int IdsFor(KeyspaceSettings settings, int aliveNodes) =>
        1 + (KeyspaceRules.ShardsAtCreation(settings) * (1 + Math.Min(settings.Replicas, aliveNodes)));

    /// <summary>A registered node as one that may take replicas.</summary>
    public static PlacementNode CandidateOf(NodeInfo node) =>
        new(node.Registration.Node, $"{node.Registration.Region}/{node.Registration.Zone}", node.Weight);

    /// <summary>Shards of equal ranges of slots, or of the keys between the split keys, replicas spread over the nodes that are alive.</summary>
    /// <param name="name">The name.</param>
    /// <param name="settings">The settings, acceptable ones.</param>
    /// <param name="alive">The nodes that are alive, at least one.</param>
    /// <param name="firstId">The first of <see cref="IdsFor"/> ids: the keyspace, then the shards, then the replicas.</param>
    /// <param name="epoch">The map's epoch.</param>
    /// <param name="nodeEpoch">The node epoch of which <paramref name="alive"/> is.</param>
    public static KeyspaceMap MapOf(
        string name,
        KeyspaceSettings settings,
        IReadOnlyCollection<NodeInfo> alive,
        long firstId,
        long epoch,
        long nodeEpoch
    )
    {
        PlacementNode[] candidates = [.. alive.Select(CandidateOf)];
        var isRange = settings.Distribution == DistributionKind.Range;
        var shards = new ShardPlacement[KeyspaceRules.ShardsAtCreation(settings)];
        var placed = ReplicaPlacer.Place(candidates, shards.Length, settings.Replicas, firstId);
        var shardId = firstId + 1;
        var replicaId = shardId + shards.Length;
        for (var shard = 0; shard < shards.Length; shard++)
        {
            var replicas = Array.ConvertAll(
                placed[shard],
                node => new ReplicaPlacement
                {
                    ReplicaId = replicaId++,
                    Node = node,
                    NodeEpoch = nodeEpoch,
                }
            );
            shards[shard] = new()
            {
                ShardId = shardId + shard,
                FirstSlot = isRange ? 0 : (int)((long)KeyHash.Slots * shard / shards.Length),
                Start = isRange && shard > 0 ? settings.SplitKeys!.Keys[shard - 1] : [],
                Replicas = replicas,
                Founders = Array.ConvertAll(replicas, replica => replica.ReplicaId),
            };
        }
        return new()
        {
            Name = name,
            KeyspaceId = firstId,
            Epoch = epoch,
            Settings = settings,
            Shards = shards,
        };
    }
}
