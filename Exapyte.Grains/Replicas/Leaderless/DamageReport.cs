using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// A replica whose store was found damaged. It serves what it can read, and passes on for a while what other replicas lack,
/// for once it is given up all that it holds is gone; then the node asks that another one take its place. Since what it
/// cannot read is found again, a restart need not know of it. Thread-safe.
/// </summary>
internal sealed partial class DamageReport(ReplicaContext replica)
{
    private static readonly TimeSpan PassOnMax = TimeSpan.FromMinutes(1);

    private readonly ILogger logger = replica.Node.LoggerFactory.CreateLogger("Exapyte.Replicas");
    private string? reason;
    private long foundAt;
    private int isRecorded;

    /// <summary>What was found; empty where nothing was.</summary>
    public string Reason => Volatile.Read(ref reason) ?? "";

    /// <summary>A row of the store does not verify; the first finding stands.</summary>
    public void Found(string what)
    {
        if (Interlocked.CompareExchange(ref reason, what, null) is not null)
        {
            return;
        }
        Volatile.Write(ref foundAt, replica.Node.Time.GetTimestamp());
        replica.Node.Meter.FoundDamaged();
        LogDamaged(replica.Identity.ReplicaId, replica.Identity.KeyspaceId, replica.Identity.ShardId, what);
    }

    /// <summary>Gives the replica up once it has passed on what it could.</summary>
    public void Tick()
    {
        if (Reason.Length > 0 && !PassesOn && Interlocked.Exchange(ref isRecorded, 1) == 0)
        {
            replica.Node.Damaged.Record(replica.Identity, Reason, isFoundAgain: true);
        }
    }

    private bool PassesOn =>
        Volatile.Read(ref foundAt) is var since
        && (since == 0 || replica.Node.Time.GetElapsedTime(since) < PassOnMax)
        && Array.Exists(
            replica.Peers.Others,
            peer =>
                replica.Node.Peers.IsAlive(peer.Placed.Node)
                && (peer.Lane.Waiting > 0 || peer.Lane.OldestIndex is not null)
        );

    [LoggerMessage(
        LogLevel.Critical,
        "Replica {ReplicaId} of keyspace {KeyspaceId}, shard {ShardId}, is damaged and must be replaced: {Reason}"
    )]
    private partial void LogDamaged(long replicaId, long keyspaceId, long shardId, string reason);
}
