using Exapyte.Grains.Replicas;
using Exapyte.Simulation.Invariants;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Clusters;

/// <summary>The node's log as one replica's writer sees it; what passes is entered in the replica's book.</summary>
internal sealed class SpiedLog(SimulatedReplica replica, SimulatedNode node) : INodeLog
{
    public LogHealth Health => node.Log.Health;

    public NodeLogStatistics Statistics => node.Log.Statistics;

    public void Append(GroupAppend append)
    {
        var submission = (ReplicaLogWriter.Submission)append.Completion!;
        replica.World.Flaw.Alter(append, replica);
        var change = LogChange.Of(append, node.NextOrder());
        replica.Book.Submitted(change);
        append.Completion = new Tracked(replica, change, submission);
        node.Log.Append(append);
        node.InNextBatch(append.Group);
        node.LogHasWork(append.MustSync);
        replica.World.Flaw.Submitted(submission, replica);
    }

    public GroupLog OpenGroup(GroupId id) => node.Log.OpenGroup(id);

    public void SetDescriptor(GroupId group, ReadOnlyMemory<byte> descriptor, ILogCompletion? completion = null) =>
        throw new NotSupportedException();

    public void Compact(GroupId group, ulong throughIndex, ulong term, ILogCompletion? completion = null) =>
        throw new NotSupportedException();

    public void Destroy(GroupId group, ILogCompletion? completion = null) => throw new NotSupportedException();

    public void ForgetDestroyed(GroupId group, ILogCompletion? completion = null) => throw new NotSupportedException();

    public void SnapshotInstalled(
        GroupId group,
        ulong prefix,
        ulong index,
        ulong term,
        ReadOnlyMemory<byte> configuration,
        ILogCompletion? completion = null
    ) => throw new NotSupportedException();

    public void SetClockHighWater(long stamp, ILogCompletion? completion = null) => throw new NotSupportedException();

    /// <summary>Enters in the book what is durable, before anybody acts on it.</summary>
    private sealed class Tracked(SimulatedReplica replica, LogChange change, ReplicaLogWriter.Submission submission)
        : ILogCompletion
    {
        public void Complete(LogAppendResult result)
        {
            if (result.IsOk)
            {
                replica.Synced(change);
            }
            else
            {
                replica.Book.Failed(change, result.Status);
            }
            if (replica.World.Flaw.Passes(ref result, replica))
            {
                submission.Complete(result);
            }
        }
    }
}

/// <summary>A completion as a call.</summary>
internal sealed class Completed(Action<LogAppendResult> act) : ILogCompletion
{
    public void Complete(LogAppendResult result) => act(result);
}
