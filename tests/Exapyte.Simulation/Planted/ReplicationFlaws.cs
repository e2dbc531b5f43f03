using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Planted;

/// <summary>Every append ends the log where it ends, so that a late one takes back what was acknowledged.</summary>
internal sealed class AppendAlwaysTruncates : Flaw
{
    public override void BeforeInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (
            MessageOf(input) is { Kind: RaftMessageKind.Append } append
            && append.Term == replica.Core.Term
            && replica.Core.Role == RaftRole.Follower
        )
        {
            var log = CoreDoor.LogOf(replica.Core);
            var end = new LogIndex(append.Index.Value + (ulong)append.Entries.Count + 1);
            if (end > log.Committed && end <= log.Last)
            {
                CoreDoor.TruncateFrom(log, end);
            }
        }
    }
}

/// <summary>An append is taken behind any entry of the right index, whatever its term.</summary>
internal sealed class PreviousTermUnchecked : Flaw
{
    public override RaftMessage AlterReceived(RaftMessage message, SimulatedReplica replica)
    {
        if (
            message.Kind != RaftMessageKind.Append
            || message.Entries.Count == 0
            || message.Index >= replica.Core.LastIndex
            || CoreDoor.LogOf(replica.Core).TermAt(message.Index) is not { } term
            || term > message.Entries[0].Term
        )
        {
            return message;
        }
        return new()
        {
            Kind = message.Kind,
            From = message.From,
            To = message.To,
            Term = message.Term,
            Index = message.Index,
            LogTerm = term,
            Commit = message.Commit,
            Entries = message.Entries,
        };
    }
}

/// <summary>A heartbeat commits whatever stands in the follower's log.</summary>
internal sealed class HeartbeatCommitsUnmatched : Flaw
{
    public override RaftMessage? AlterSent(RaftMessage message, SimulatedReplica replica) =>
        message.Kind == RaftMessageKind.Heartbeat
            ? Copy(message, message.From, message.Term, commit: replica.Core.CommitIndex)
            : message;

    public override RaftMessage AlterReceived(RaftMessage message, SimulatedReplica replica) =>
        message.Kind == RaftMessageKind.Heartbeat
            ? Copy(message, message.From, message.Term, commit: LogIndex.Min(message.Commit, replica.Core.LastIndex))
            : message;
}

/// <summary>An append commits entries behind those that it has checked.</summary>
internal sealed class AppendCommitsUnmatched : Flaw
{
    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (
            MessageOf(input) is { Kind: RaftMessageKind.Append } append
            && append.Term == replica.Core.Term
            && replica.Core.Role == RaftRole.Follower
        )
        {
            var log = CoreDoor.LogOf(replica.Core);
            log.CommitTo(LogIndex.Min(append.Commit, log.Last));
        }
    }
}

/// <summary>An append that matches commits up to the end of the log, and not only what it has brought (figure 2, rule 5).</summary>
internal sealed class AppendCommitsToEnd : Flaw
{
    private bool matches;

    public override void BeforeInput(ReplicaInput input, SimulatedReplica replica) =>
        matches =
            MessageOf(input) is { Kind: RaftMessageKind.Append } append
            && append.Term >= replica.Core.Term
            && append.Index >= replica.Core.CommitIndex
            && CoreDoor.LogOf(replica.Core).Matches(append.Index, append.LogTerm);

    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (matches && MessageOf(input) is { } append && replica.Core.Leader == append.From)
        {
            var log = CoreDoor.LogOf(replica.Core);
            log.CommitTo(LogIndex.Min(append.Commit, log.Last));
        }
    }
}

/// <summary>
/// A write that is under way goes on vouching for its last entry after another one has replaced that: the cut begins one too
/// late.
/// </summary>
internal sealed class OvertakenWriteVouches : Flaw
{
    private WritesUnderWay.Write[] before = [];

    public override void BeforeInput(ReplicaInput input, SimulatedReplica replica) =>
        before = [.. CoreDoor.ListOf(CoreDoor.LogOf(replica.Core).Writes)];

    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        var writes = CoreDoor.ListOf(CoreDoor.LogOf(replica.Core).Writes);
        var cut = before
            .Zip(writes)
            .Where(pair => input is ReplicaInput.Message && pair.First.Through > pair.Second.Through)
            .Select(pair => pair.Second.Through.Next)
            .FirstOrDefault();
        for (var i = 0; cut > LogIndex.Zero && i < Math.Min(before.Length, writes.Count); i++)
        {
            writes[i] = before[i].Through == cut ? before[i] : writes[i];
        }
    }
}

/// <summary>A write is acknowledged as soon as it is proposed.</summary>
internal sealed class AcknowledgedBeforeCommit : Flaw
{
    public override void AfterWork(SimulatedReplica replica, List<ClientCall> waiting)
    {
        foreach (var call in waiting)
        {
            if (call.Write is { IsDone: false } write && write.Index > LogIndex.Zero)
            {
                write.Complete(write.VerdictOf(AppliedCommand.Nothing));
            }
        }
    }
}
