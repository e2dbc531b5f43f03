using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas;

/// <summary>How a replica ends: it takes no input any more, and may or may not still be read.</summary>
internal sealed partial class RaftReplica
{
    private volatile bool servesReads;
    private volatile bool servesProvenReads;

    /// <summary>
    /// Where only the disk failed, what was applied before can still be read: without proof by any replica, with proof by
    /// the only member of its group, for nobody else can have acknowledged anything since.
    /// </summary>
    private void Stop(Exception exception)
    {
        if (exception is StoreFailedException and not StoreDamagedException)
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

    private static bool IsDiskFailure(Exception exception) =>
        exception is ReplicaFailedException { IsOfDisk: true } or StoreFailedException and not StoreDamagedException;

    private void RequireLog()
    {
        if (node.Log.Health is { Condition: LogCondition.Failed } failed)
        {
            throw new ReplicaFailedException($"The node's log has failed: {failed.Reason}", isOfDisk: true);
        }
    }

    [LoggerMessage(LogLevel.Critical, "Replica {ReplicaId} stops: {Reason}")]
    private partial void LogFailed(Exception exception, long replicaId, string reason);

    [LoggerMessage(LogLevel.Critical, "Replica {ReplicaId} takes no writes any more: {Reason}")]
    private partial void LogOnlyReads(long replicaId, string reason);
}
