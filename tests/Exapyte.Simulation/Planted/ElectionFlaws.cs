using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Planted;

/// <summary>A member votes for everybody who asks in a term.</summary>
internal sealed class VotesTwice : Flaw
{
    public override void BeforeInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (
            MessageOf(input) is { Kind: RaftMessageKind.VoteRequest } request
            && request.Term == replica.Core.Term
            && replica.Core.Role == RaftRole.Follower
        )
        {
            var member = CoreDoor.MemberOf(replica.Core);
            CoreDoor.VoteOf(member) = MemberId.None;
            member.ForgetLeader();
        }
    }
}

/// <summary>A member votes for candidates whose log is shorter than its own.</summary>
internal sealed class VotesForShorterLogs : Flaw
{
    public override RaftMessage AlterReceived(RaftMessage message, SimulatedReplica replica) =>
        message.Kind is RaftMessageKind.VoteRequest or RaftMessageKind.PreVoteRequest
            ? new()
            {
                Kind = message.Kind,
                From = message.From,
                To = message.To,
                Term = message.Term,
                Index = new(ulong.MaxValue),
                LogTerm = new(ulong.MaxValue),
                Force = message.Force,
            }
            : message;
}

/// <summary>A member stands for election although a committed configuration waits to be applied.</summary>
internal sealed class StandsByOldConfiguration : Flaw
{
    private LogEntry[] hidden = [];

    public override void BeforeInput(ReplicaInput input, SimulatedReplica replica)
    {
        var log = CoreDoor.LogOf(replica.Core);
        var trail = CoreDoor.ListOf(log.Configurations);
        if (MayBegin(input) && log.Configurations.HasCommitted(log.Committed))
        {
            hidden = [.. trail];
            trail.Clear();
        }
    }

    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        CoreDoor.ListOf(CoreDoor.LogOf(replica.Core).Configurations).AddRange(hidden);
        hidden = [];
    }

    private static bool MayBegin(ReplicaInput input) =>
        input is ReplicaInput.Tick
        || MessageOf(input)
            is { Kind: RaftMessageKind.TimeoutNow or RaftMessageKind.PreVoteResponse or RaftMessageKind.VoteResponse };
}

/// <summary>A vote that arrives twice counts twice.</summary>
internal sealed class DuplicateVoteCounted : Flaw
{
    public override void BeforeInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (
            MessageOf(input) is { Kind: RaftMessageKind.VoteResponse, Reject: false } vote
            && vote.Term == replica.Core.Term
            && replica.Core.Role == RaftRole.Candidate
        )
        {
            foreach (var voter in replica.Core.Configuration.Voters)
            {
                if (voter != vote.From && voter != replica.Id)
                {
                    replica.Core.Step(Copy(vote, voter, vote.Term));
                    return;
                }
            }
        }
    }
}

/// <summary>A vote of an earlier campaign counts in this one.</summary>
internal sealed class OldVotesCounted : Flaw
{
    public override RaftMessage AlterReceived(RaftMessage message, SimulatedReplica replica) =>
        message is { Kind: RaftMessageKind.VoteResponse, Reject: false } && message.Term < replica.Core.Term
            ? WithTerm(message, replica.Core.Term)
            : message;
}

/// <summary>A member stands for election whatever the others say when it asks them first.</summary>
internal sealed class PreVoteIgnored : Flaw
{
    public override RaftMessage AlterReceived(RaftMessage message, SimulatedReplica replica) =>
        message is { Kind: RaftMessageKind.PreVoteResponse, Reject: true }
            ? Copy(message, message.From, replica.Core.Term.Next, reject: false)
            : message;
}

/// <summary>A leader or candidate that hears of a newer term goes on in its own.</summary>
internal sealed class HigherTermIgnored : Flaw
{
    public override RaftMessage AlterReceived(RaftMessage message, SimulatedReplica replica) =>
        message.Term > replica.Core.Term && message.Kind is RaftMessageKind.Append or RaftMessageKind.VoteRequest
            ? WithTerm(message, replica.Core.Term)
            : message;
}

/// <summary>An append of a leader whose term is over is taken.</summary>
internal sealed class StaleAppendAccepted : Flaw
{
    public override RaftMessage AlterReceived(RaftMessage message, SimulatedReplica replica) =>
        message.Kind == RaftMessageKind.Append && message.Term < replica.Core.Term && message.Term.Value > 0
            ? WithTerm(message, replica.Core.Term)
            : message;
}
