using Exapyte.Grains.Replicas.Log;
using Exapyte.Simulation.Invariants;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Clusters;

/// <summary>The node's log as one replica's writer sees it; what passes is entered in the replica's book.</summary>
internal sealed class SpiedLog(SimulatedReplica replica, SimulatedNode node, LimitWatch limits) : INodeLog
{
    private readonly List<Tracked> unanswered = [];

    public LogHealth Health => node.Log.Health;

    public NodeLogStatistics Statistics => node.Log.Statistics;

    public void Append(GroupAppend append)
    {
        var submission = (ReplicaLogWriter.Submission)append.Completion!;
        replica.World.Flaw.Alter(append, replica);
        var change = LogChange.Of(append, node.NextOrder());
        replica.Book.Submitted(change);
        if (unanswered.Exists(other => other.IsOvertakenBy(change)))
        {
            limits.Overtakes();
        }
        if (unanswered.Count > 0 && unanswered[^1].IsPartOf(submission))
        {
            limits.WriteWasSplit();
        }
        var tracked = new Tracked(this, replica, change, submission);
        unanswered.Add(tracked);
        append.Completion = tracked;
        node.Log.Append(append);
        node.InNextBatch(append.Group);
        node.LogHasWork(append.MustSync);
        replica.World.Flaw.Submitted(submission, replica);
    }

    public GroupLog OpenGroup(GroupId id) => node.Log.OpenGroup(id);

    public void SetDescriptor(GroupId group, ReadOnlyMemory<byte> descriptor, ILogCompletion? completion = null) =>
        throw new NotSupportedException();

    public void Compact(GroupId group, ulong throughIndex, ulong term, ILogCompletion? completion = null)
    {
        (throughIndex, term) = replica.World.Flaw.AlterCompaction(throughIndex, term, replica);
        replica.World.Tally.Count(Happening.Compactions);
        replica.Book.CompactionAsked(throughIndex);
        node.Log.Compact(group, throughIndex, term, completion);
        node.LogHasWork(mustSync: false);
        replica.World.Flaw.Compacted(replica, new(throughIndex));
    }

    public void Destroy(GroupId group, ILogCompletion? completion = null) => throw new NotSupportedException();

    public void ForgetDestroyed(GroupId group, ILogCompletion? completion = null) => throw new NotSupportedException();

    public void SnapshotInstalled(
        GroupId group,
        ulong prefix,
        ulong index,
        ulong term,
        ReadOnlyMemory<byte> configuration,
        ILogCompletion? completion = null
    )
    {
        var change = new LogChange(null, [], node.NextOrder(), index, term);
        replica.World.Trace.Note(
            $"{replica.Id}, {replica.Core.Role} with {replica.Core.CommitIndex} of {replica.Core.LastIndex}, records a snapshot of {index}"
        );
        replica.Book.Submitted(change);
        var recorded = new Completed(result => Recorded(result, change, completion));
        node.Log.SnapshotInstalled(group, prefix, index, term, configuration, recorded);
        node.LogHasWork(mustSync: true);
    }

    public void SetClockHighWater(long stamp, ILogCompletion? completion = null) => throw new NotSupportedException();

    /// <summary>Enters in the book what is durable, before anybody acts on it.</summary>
    private sealed class Tracked(
        SpiedLog log,
        SimulatedReplica replica,
        LogChange change,
        ReplicaLogWriter.Submission submission
    ) : ILogCompletion
    {
        /// <summary>Whether the other one replaces the very entry that this one ends with.</summary>
        public bool IsOvertakenBy(LogChange other) =>
            change.Entries.Length > 0
            && other.Entries.Length > 0
            && change.Entries[^1].Index == other.Entries[0].Index
            && change.Entries[^1].Term != other.Entries[0].Term;

        public bool IsPartOf(ReplicaLogWriter.Submission other) => submission == other;

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
            log.Refused(result.Status);
            if (replica.World.Flaw.Passes(ref result, replica))
            {
                log.Answer(this, result);
            }
        }

        public void Answer(LogAppendResult result) => submission.Complete(result);
    }

    private void Recorded(LogAppendResult result, LogChange change, ILogCompletion? completion)
    {
        if (result.IsOk)
        {
            replica.Synced(change);
        }
        else
        {
            replica.Book.Failed(change, result.Status);
        }
        node.Answer(() => completion?.Complete(result));
    }

    private void Refused(LogAppendStatus status) => limits.LogRefused(status);

    private void Answer(Tracked tracked, LogAppendResult result) =>
        node.Answer(() =>
        {
            unanswered.Remove(tracked);
            tracked.Answer(result);
        });
}

/// <summary>A completion as a call.</summary>
internal sealed class Completed(Action<LogAppendResult> act) : ILogCompletion
{
    public void Complete(LogAppendResult result) => act(result);
}
