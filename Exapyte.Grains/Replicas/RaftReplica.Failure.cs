using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas;

/// <summary>How a replica ends: it takes no input any more, and may or may not still be read.</summary>
internal sealed partial class RaftReplica
{
    private volatile string? damage;
    private volatile bool isBlemished;
    private volatile bool servesReads;
    private volatile bool servesProvenReads;

    /// <summary>
    /// Where only the disk failed, what was applied before can still be read: without proof by any replica, with proof by
    /// the only member of its group, for nobody else can have acknowledged anything since.
    /// </summary>
    private void Stop(Exception exception)
    {
        if (exception is StoreDamagedException or ReplicaFailedException { IsOfDamage: true } && !IsOnlyVoter)
        {
            TryCondemn(exception.Message);
        }
        if (exception is StoreFailedException and not (StoreDamagedException or StoreDeletedException))
        {
            node.Health.StoreFailed(exception.Message);
        }
        // What has stopped for another reason before is not read any more, whatever comes after.
        var canRead = IsDiskFailure(exception) && (Problem.Length == 0 || servesReads);
        servesProvenReads = canRead && loop.HoldsAllAcknowledged;
        servesReads = canRead;
        if (servesReads)
        {
            LogOnlyReads(Identity.ReplicaId, exception.Message);
        }
        else
        {
            LogFailed(exception, Identity.ReplicaId, exception.Message);
        }
        driver.Fail(exception.Message);
    }

    /// <summary>
    /// Damage was found in what the replica holds. It answers nothing more, gives leadership away if it has it, and stops;
    /// the control plane is asked to replace it. The only voter of its group goes on with what can be read: nobody could
    /// take its place. For any thread.
    /// </summary>
    private void Condemn(string reason)
    {
        if (IsOnlyVoter)
        {
            if (!isBlemished)
            {
                isBlemished = true;
                node.Meter.FoundDamaged();
                LogBlemished(Identity.ReplicaId, reason);
            }
            return;
        }
        if (TryCondemn(reason))
        {
            _ = HandOverAndStop(reason);
        }
    }

    private bool IsOnlyVoter => loop.Core.Configuration.Voters.Length <= 1 && IsVoter;

    private bool TryCondemn(string reason)
    {
        if (Interlocked.CompareExchange(ref damage, reason, null) is not null)
        {
            return false;
        }
        servesReads = servesProvenReads = false;
        node.Damaged.Record(Identity, reason);
        node.Meter.FoundDamaged();
        LogDamaged(Identity.ReplicaId, reason);
        return true;
    }

    private async Task HandOverAndStop(string reason)
    {
        await HandOver();
        Post(_ => driver.Fail(reason));
    }

    /// <summary>What a reader is told of a store that could not read.</summary>
    private string Met(StoreFailedException failure)
    {
        if (failure is StoreDamagedException)
        {
            Condemn(failure.Message);
        }
        return failure.Message;
    }

    private static bool IsDiskFailure(Exception exception) =>
        exception
            is ReplicaFailedException { IsOfDisk: true }
                or StoreFailedException
                and not (StoreDamagedException or StoreDeletedException);

    private void RequireLog()
    {
        if (node.Log.Health is { Condition: LogCondition.Failed } failed)
        {
            throw new ReplicaFailedException($"The node's log has failed: {failed.Reason}", isOfDisk: true);
        }
    }

    [LoggerMessage(LogLevel.Critical, "Replica {ReplicaId} is damaged and must be replaced: {Reason}")]
    private partial void LogDamaged(long replicaId, string reason);

    [LoggerMessage(
        LogLevel.Critical,
        "Replica {ReplicaId} is damaged and the only one of its shard, so it goes on with what can be read: {Reason}"
    )]
    private partial void LogBlemished(long replicaId, string reason);

    [LoggerMessage(LogLevel.Critical, "Replica {ReplicaId} stops: {Reason}")]
    private partial void LogFailed(Exception exception, long replicaId, string reason);

    [LoggerMessage(LogLevel.Critical, "Replica {ReplicaId} takes no writes any more: {Reason}")]
    private partial void LogOnlyReads(long replicaId, string reason);
}
