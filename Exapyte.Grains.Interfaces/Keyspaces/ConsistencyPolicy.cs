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

/// <summary>What must be known of the state that a read is answered from.</summary>
public enum ReadProof : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>It holds what the session has seen (<see cref="Operation.Session"/>).</summary>
    Session = 1,

    /// <summary>It is not older than <see cref="Operation.MaxStalenessMs"/>.</summary>
    Bounded = 2,

    /// <summary>
    /// It holds every write that was acknowledged, at the keyspace's default or a stronger level, before the read began.
    /// </summary>
    Fresh = 3,
}

/// <summary>
/// What a consistency level means in a kind of keyspace: the one table, level by kind, that routing, replicas, answers and
/// refusals go by. Nothing else switches over levels. Immutable.
/// </summary>
/// <param name="Level">The level that it is, the default and the aliases resolved.</param>
/// <param name="Takes">How many replicas take part.</param>
/// <param name="NeedsLeader">Whether it is rather sent to the leader than to the nearest replica.</param>
/// <param name="Proof">What must be known of the state that is read; of a write, of the state that its answer speaks of.</param>
public readonly record struct ConsistencyPolicy(
    ConsistencyLevel Level,
    ReplicaCount Takes,
    bool NeedsLeader,
    ReadProof Proof
)
{
    /// <summary>Whether what it answers is proven to hold every write that was acknowledged before it began.</summary>
    public bool IsFresh => Proof == ReadProof.Fresh;

    /// <summary>Whether what one replica answered before may answer a read again, where that is as recent as is asked.</summary>
    public bool MayBeCached => Takes == ReplicaCount.One && Proof != ReadProof.Fresh;

    /// <summary>What the level means for reads; null where such a keyspace does not take it.</summary>
    public static ConsistencyPolicy? OfRead(ReplicationKind replication, ConsistencyLevel level) =>
        (replication, level) switch
        {
            (ReplicationKind.Raft, ConsistencyLevel.Default or ConsistencyLevel.Linearizable) => new(
                ConsistencyLevel.Linearizable,
                ReplicaCount.Quorum,
                NeedsLeader: true,
                ReadProof.Fresh
            ),
            (ReplicationKind.Raft, ConsistencyLevel.Bounded) => Nearest(level, ReplicaCount.One, ReadProof.Bounded),
            (ReplicationKind.Raft, ConsistencyLevel.Eventual) => Nearest(level, ReplicaCount.One, ReadProof.None),
            (_, ConsistencyLevel.Session) => Nearest(level, ReplicaCount.One, ReadProof.Session),
            (ReplicationKind.Raft, _) => null,
            (ReplicationKind.Quorum, ConsistencyLevel.Default or ConsistencyLevel.Quorum) => Nearest(
                ConsistencyLevel.Quorum,
                ReplicaCount.Quorum,
                ReadProof.Fresh
            ),
            // In an async keyspace a write is acknowledged by one replica, which a majority may be without.
            (ReplicationKind.Async, ConsistencyLevel.Quorum) => Nearest(level, ReplicaCount.Quorum, ReadProof.None),
            (ReplicationKind.Async, ConsistencyLevel.Default) => Nearest(
                ConsistencyLevel.One,
                ReplicaCount.One,
                ReadProof.None
            ),
            (_, ConsistencyLevel.All) => Nearest(level, ReplicaCount.All, ReadProof.Fresh),
            (_, ConsistencyLevel.One or ConsistencyLevel.Eventual) => Nearest(
                ConsistencyLevel.One,
                ReplicaCount.One,
                ReadProof.None
            ),
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
            _ => OfRead(replication, level) is { } read ? read with { Proof = ReadProof.None } : null,
        };

    /// <summary>What the operation's level means; null where such a keyspace does not take it.</summary>
    public static ConsistencyPolicy? Of(ReplicationKind replication, Operation operation) =>
        operation.IsWrite ? OfWrite(replication, operation.Level) : OfRead(replication, operation.Level);

    /// <summary>Why such a keyspace does not take the level; null where it does.</summary>
    public static string? ReasonAgainst(ReplicationKind replication, bool isWrite, ConsistencyLevel level)
    {
        var policy = isWrite ? OfWrite(replication, level) : OfRead(replication, level);
        if (policy is not null)
        {
            return null;
        }
        var refused = $"Level {level.ToString().ToLowerInvariant()} does not go with {(isWrite ? "writes" : "reads")}";
        return (replication, isWrite) switch
        {
            (ReplicationKind.Raft, true) =>
                $"{refused} of a raft keyspace, which always take a majority: leave it out.",
            (ReplicationKind.Raft, false) =>
                $"{refused} of a raft keyspace: use linearizable, bounded, session or eventual.",
            (_, true) => $"{refused} of a leaderless keyspace: use one, quorum or all.",
            (_, false) => $"{refused} of a leaderless keyspace: use one, quorum, all or session.",
        };
    }

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

    /// <summary>
    /// Replicas of a leaderless shard that a session's read merges where the one that is asked may lack what the session has
    /// seen. They overlap with those of every write at <see cref="ConsistencyLevel.Quorum"/> and with each other.
    /// </summary>
    /// <param name="settings">The keyspace's settings.</param>
    /// <param name="counted">Replicas that count in the shard, lost ones included.</param>
    public static int SessionReplicas(KeyspaceSettings settings, int counted) =>
        Math.Max(QuorumSizes.Of(settings, counted).Read, KeyspaceRules.Majority(Math.Max(1, counted)));

    private static ConsistencyPolicy Nearest(ConsistencyLevel level, ReplicaCount takes, ReadProof proof) =>
        new(level, takes, NeedsLeader: false, proof);

    private int Replicas(int quorum, int counted) =>
        Takes switch
        {
            ReplicaCount.One => 1,
            ReplicaCount.Quorum => quorum,
            ReplicaCount.All => counted,
            _ => throw new InvalidOperationException($"{Takes} is no number of replicas."),
        };
}
