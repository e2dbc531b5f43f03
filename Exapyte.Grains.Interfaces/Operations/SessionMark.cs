namespace Exapyte.Operations;

/// <summary>
/// How far a session has seen a shard. Raft: its revision. Leaderless: the greatest stamp, and the replica that is known to
/// hold all of it; several marks where several replicas do. Immutable.
/// </summary>
[GenerateSerializer, Immutable, Alias("exapyte.session-mark")]
public readonly record struct SessionMark
{
    /// <summary>The value of <see cref="ReplicaId"/> that means: nobody knows which replicas hold it.</summary>
    public const long AnyReplica = -1;

    /// <summary>
    /// What has been seen is not known any more: only what is proven to hold every acknowledged write is sure to hold it.
    /// </summary>
    public static readonly SessionMark Everything = new(AnyReplica, ulong.MaxValue);

    /// <summary>Creates a mark.</summary>
    public SessionMark(long replicaId, ulong revision)
    {
        ReplicaId = replicaId;
        Revision = revision;
    }

    /// <summary>
    /// The leaderless replica that holds it; 0: any <see cref="Exapyte.Keyspaces.ConsistencyPolicy.SessionReplicas"/> of the
    /// shard hold it between them, or it is a raft shard's; or <see cref="AnyReplica"/>.
    /// </summary>
    [Id(0)]
    public long ReplicaId { get; init; }

    /// <summary>Shard revision, or clock stamp.</summary>
    [Id(1)]
    public ulong Revision { get; init; }
}
