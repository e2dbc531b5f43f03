using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// A replica whose store was found damaged: the node asks that another one take its place. Meanwhile it serves what it can
/// read, and since what it cannot read is found again, a restart need not know of it. Thread-safe.
/// </summary>
internal sealed partial class DamageReport(ReplicaContext replica)
{
    private readonly ILogger logger = replica.Node.LoggerFactory.CreateLogger("Exapyte.Replicas");
    private string? reason;

    /// <summary>What was found; empty where nothing was.</summary>
    public string Reason => Volatile.Read(ref reason) ?? "";

    /// <summary>A row of the store does not verify; the first finding stands.</summary>
    public void Found(string what)
    {
        if (Interlocked.CompareExchange(ref reason, what, null) is not null)
        {
            return;
        }
        replica.Node.Meter.FoundDamaged();
        replica.Node.Damaged.Record(replica.Identity, what, isFoundAgain: true);
        LogDamaged(replica.Identity.ReplicaId, replica.Identity.KeyspaceId, replica.Identity.ShardId, what);
    }

    [LoggerMessage(
        LogLevel.Critical,
        "Replica {ReplicaId} of keyspace {KeyspaceId}, shard {ShardId}, is damaged and must be replaced: {Reason}"
    )]
    private partial void LogDamaged(long replicaId, long keyspaceId, long shardId, string reason);
}
