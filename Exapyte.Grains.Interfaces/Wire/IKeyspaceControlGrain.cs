using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Wire;

/// <summary>What the control plane commands of a keyspace; the same grain as <see cref="IKeyspaceGrain"/>, same key.</summary>
[Alias("exapyte.keyspace-control")]
public interface IKeyspaceControlGrain : IGrainWithStringKey
{
    /// <summary>
    /// Takes the replicas on a node out of the map at a new epoch, because what they held is gone. Idempotent: replicas
    /// placed at <paramref name="nodeEpoch"/> or later belong to the node's new data folder and stay. Ok once the new
    /// map is stored (also where there is no such keyspace), else Unavailable.
    /// </summary>
    [Alias("retire-node")]
    Task<KeyspaceReply> RetireNode(string node, long nodeEpoch);

    /// <summary>
    /// Takes one raft replica out of the map at a new epoch, because its node cannot read it any more; another takes its
    /// place. Idempotent. Ok where the replica is not in the map (any more); Conflict where its group would be left without
    /// a majority of those it has: such a group needs a person; else Unavailable.
    /// </summary>
    [Alias("retire-replica")]
    Task<KeyspaceReply> RetireReplica(long keyspaceId, long replicaId);

    /// <summary>
    /// Takes the replicas on a node that is gone for good out of the map at a new epoch, and others take their place.
    /// Idempotent. Ok where there are none (any more); Conflict, and nothing is changed, where a shard would be left without
    /// a majority that is alive; else Unavailable.
    /// </summary>
    /// <param name="node">The node.</param>
    /// <param name="dryRun">Only say how it would end.</param>
    [Alias("give-up-node")]
    Task<KeyspaceReply> GiveUpNode(string node, bool dryRun);

    /// <summary>What the keyspace has on nodes, one entry a node that has any; null where its state cannot be read.</summary>
    /// <param name="topology">The nodes.</param>
    [Alias("on-nodes")]
    Task<KeyspaceOnNode[]?> OnNodes(ClusterTopology topology);

    /// <summary>
    /// What a balance of the cluster must know of the keyspace, and what it wishes of it; null where its state cannot be read.
    /// </summary>
    /// <param name="topology">The nodes.</param>
    /// <param name="wishes">
    /// What is to move, in the place of what was wished before; each wish is to be repeated well within half a minute, or it is
    /// forgotten. Null: only ask.
    /// </param>
    [Alias("balance")]
    Task<KeyspaceBalance?> Balance(ClusterTopology topology, RebalancePlan? wishes);

    /// <summary>Goes on with whatever was begun and not finished when an earlier activation ended.</summary>
    [Alias("resume")]
    Task Resume();
}

/// <summary>What a balance of the cluster must know of a keyspace.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.keyspace-balance")]
public sealed record KeyspaceBalance
{
    /// <summary>Its map; null where there is no such keyspace.</summary>
    [Id(0)]
    public KeyspaceMap? Map { get; init; }

    /// <summary>
    /// For each of the map's shards, in order, whether a replica of it may be moved: it is short of none, does not change, all its
    /// replicas are alive, and its quorums allow it.
    /// </summary>
    [Id(1)]
    public bool[] MayMove { get; init; } = [];

    /// <summary>Whether some shard changes, or is short of a replica for which there is a node.</summary>
    [Id(2)]
    public bool AwaitsRepair { get; init; }
}
