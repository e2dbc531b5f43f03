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

    /// <summary>Goes on with whatever was begun and not finished when an earlier activation ended.</summary>
    [Alias("resume")]
    Task Resume();
}
