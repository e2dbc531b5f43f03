using Exapyte.Operations;

namespace Exapyte.Keyspaces;

/// <summary>How many replicas of a shard take part in an operation.</summary>
public enum ReplicaCount : byte
{
    /// <summary>One, whichever is asked.</summary>
    One = 0,

    /// <summary>As many as <see cref="QuorumSizes"/> says.</summary>
    Quorum = 1,

    /// <summary>Every replica that counts, lost ones included.</summary>
    All = 2,
}

/// <summary>
/// What a consistency level means in a kind of keyspace: the one table, level by kind, that routing, replicas and answers
/// go by. Immutable.
/// </summary>
/// <param name="Level">The level that it is, the default and the aliases resolved.</param>
/// <param name="Takes">How many replicas take part.</param>
/// <param name="NeedsLeader">Whether it is rather sent to the leader than to the nearest replica.</param>
/// <param name="IsFresh">
/// Whether what it answers is proven to hold every write that was acknowledged, at the keyspace's default or a stronger
/// level, before it began.
/// </param>
public readonly record struct ConsistencyPolicy(
    ConsistencyLevel Level,
    ReplicaCount Takes,
    bool NeedsLeader,
    bool IsFresh
)
{
    /// <summary>What the level means for reads; null where such a keyspace does not take it.</summary>
    public static ConsistencyPolicy? OfRead(ReplicationKind replication, ConsistencyLevel level) =>
        (replication, level) switch
        {
            (ReplicationKind.Raft, ConsistencyLevel.Default or ConsistencyLevel.Linearizable) => new(
                ConsistencyLevel.Linearizable,
                ReplicaCount.Quorum,
                NeedsLeader: true,
                IsFresh: true
            ),
            (ReplicationKind.Raft, ConsistencyLevel.Bounded) => new(level, ReplicaCount.Quorum, false, IsFresh: true),
            (ReplicationKind.Raft, ConsistencyLevel.Session or ConsistencyLevel.Eventual) => new(
                level,
                ReplicaCount.One,
                NeedsLeader: false,
                IsFresh: false
            ),
            (ReplicationKind.Raft, _) => null,
            (ReplicationKind.Quorum, ConsistencyLevel.Default or ConsistencyLevel.Quorum) => new(
                ConsistencyLevel.Quorum,
                ReplicaCount.Quorum,
                NeedsLeader: false,
                IsFresh: true
            ),
            // In an async keyspace a write is acknowledged by one replica, which a majority may be without.
            (ReplicationKind.Async, ConsistencyLevel.Quorum) => new(level, ReplicaCount.Quorum, false, IsFresh: false),
            (_, ConsistencyLevel.Session) => new(level, ReplicaCount.Quorum, false, IsFresh: false),
            (_, ConsistencyLevel.All) => new(level, ReplicaCount.All, NeedsLeader: false, IsFresh: true),
            (ReplicationKind.Async, ConsistencyLevel.Default) => new(ConsistencyLevel.One, default, false, false),
            (_, ConsistencyLevel.One or ConsistencyLevel.Eventual) => new(ConsistencyLevel.One, default, false, false),
            _ => null,
        };

    /// <summary>What the level means for writes; null where such a keyspace does not take it.</summary>
    /// <remarks>A leaderless write is answered from the copy of the replica that took it, whatever others hold.</remarks>
    public static ConsistencyPolicy? OfWrite(ReplicationKind replication, ConsistencyLevel level) =>
        (replication, level) switch
        {
            (ReplicationKind.Raft, ConsistencyLevel.Default or ConsistencyLevel.Linearizable) => OfRead(
                replication,
                level
            ),
            (ReplicationKind.Raft, _) or (_, ConsistencyLevel.Session) => null,
            _ => OfRead(replication, level) is { } read ? read with { IsFresh = false } : null,
        };

    /// <summary>What the operation's level means; null where such a keyspace does not take it.</summary>
    public static ConsistencyPolicy? Of(ReplicationKind replication, Operation operation) =>
        operation.IsWrite ? OfWrite(replication, operation.Level) : OfRead(replication, operation.Level);

    /// <summary>Replicas that must hold a write of a leaderless shard before it is acknowledged.</summary>
    /// <param name="settings">The keyspace's settings.</param>
    /// <param name="counted">Replicas that count in the shard, lost ones included.</param>
    public int WriteReplicas(KeyspaceSettings settings, int counted) =>
        Replicas(QuorumSizes.Of(settings, counted).Write, counted);

    /// <summary>Replicas of a leaderless shard that a read asks.</summary>
    /// <param name="settings">The keyspace's settings.</param>
    /// <param name="counted">Replicas that count in the shard, lost ones included.</param>
    public int ReadReplicas(KeyspaceSettings settings, int counted) =>
        Replicas(QuorumSizes.Of(settings, counted).Read, counted);

    private int Replicas(int quorum, int counted) =>
        Takes switch
        {
            ReplicaCount.One => 1,
            ReplicaCount.Quorum => quorum,
            ReplicaCount.All => counted,
            _ => throw new InvalidOperationException($"{Takes} is no number of replicas."),
        };
}
