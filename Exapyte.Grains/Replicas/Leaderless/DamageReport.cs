using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Tells the control plane of a replica whose store was found damaged, until its map is without it: another one is to
/// take its place. Meanwhile the replica serves what it can read; and before it tells, it passes on for a while what
/// other replicas lack, for once it is told of all that it holds is gone. Thread-safe.
/// </summary>
internal sealed partial class DamageReport(ReplicaContext replica)
{
    private static readonly TimeSpan AgainMax = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan PassOnMax = TimeSpan.FromMinutes(1);

    private readonly ILogger logger = replica.Node.LoggerFactory.CreateLogger("Exapyte.Replicas");
    private volatile string reason = "";
    private TimeSpan again = TimeSpan.FromSeconds(1);
    private long foundAt;
    private long dueAt;
    private int reporting;

    /// <summary>What was found; empty where nothing was.</summary>
    public string Reason => reason;

    /// <summary>A row of the store does not verify.</summary>
    public void Found(string what)
    {
        if (Interlocked.CompareExchange(ref reason!, what, "") is not "")
        {
            return;
        }
        Volatile.Write(ref foundAt, replica.Node.Time.GetTimestamp());
        ComparisonMeter.Damaged.Add(1);
        LogDamaged(replica.Identity.ReplicaId, replica.Identity.KeyspaceId, replica.Identity.ShardId, what);
    }

    /// <summary>Reports what was found. Called by one thread at a time.</summary>
    public void Tick()
    {
        if (
            reason.Length == 0
            || replica.Node.Time.GetTimestamp() < dueAt
            || PassesOn
            || Interlocked.CompareExchange(ref reporting, 1, 0) != 0
        )
        {
            return;
        }
        dueAt = replica.Node.Time.GetTimestamp() + (long)(again.TotalSeconds * replica.Node.Time.TimestampFrequency);
        again = again * 2 < AgainMax ? again * 2 : AgainMax;
        _ = Task.Run(Report);
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

    private async Task Report()
    {
        try
        {
            if (replica.Peers.Map is { } map)
            {
                var reply = await replica
                    .Node.Grains.GetGrain<IKeyspaceControlGrain>(map.Name)
                    .RetireReplica(replica.Identity.KeyspaceId, replica.Identity.ReplicaId);
                LogReported(replica.Identity.ReplicaId, reply.Outcome);
            }
        }
        catch (Exception failure)
        {
            // Whatever keeps the control plane from answering, it is told again.
            LogNotReported(failure, replica.Identity.ReplicaId);
        }
        finally
        {
            Volatile.Write(ref reporting, 0);
        }
    }

    [LoggerMessage(
        LogLevel.Critical,
        "Replica {ReplicaId} of keyspace {KeyspaceId}, shard {ShardId}, is damaged and must be replaced: {Reason}"
    )]
    private partial void LogDamaged(long replicaId, long keyspaceId, long shardId, string reason);

    [LoggerMessage(LogLevel.Information, "Replica {ReplicaId} was reported as damaged: {Outcome}")]
    private partial void LogReported(long replicaId, KeyspaceOutcome outcome);

    [LoggerMessage(LogLevel.Debug, "Replica {ReplicaId} could not be reported as damaged")]
    private partial void LogNotReported(Exception failure, long replicaId);
}
