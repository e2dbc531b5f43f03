using Exapyte.Raft;
using Exapyte.Simulation.Clusters;

namespace Exapyte.Simulation.Invariants;

/// <summary>Watches one life of one replica: what it commits, when it stands and leads, and what it was told before.</summary>
internal sealed class ReplicaWatch
{
    private readonly SimulatedReplica replica;
    private readonly GrantedPreVotes granted = new();
    private ulong seenCommit;
    private ulong seenLedTerm;
    private RaftRole seenRole;

    /// <summary>Begins to watch.</summary>
    /// <param name="replica">The replica.</param>
    /// <param name="from">The index behind which its log begins.</param>
    public ReplicaWatch(SimulatedReplica replica, ulong from)
    {
        this.replica = replica;
        ObserveCommit(from);
    }

    private RaftCore Core => replica.Core;

    /// <summary>A message has arrived.</summary>
    public void Heard(RaftMessage message)
    {
        if (message is { Kind: RaftMessageKind.PreVoteResponse, Reject: false })
        {
            granted.Add(message);
        }
        if (message.Kind == RaftMessageKind.TimeoutNow)
        {
            granted.ToldToCampaign(message.Term);
        }
    }

    /// <summary>The member may have changed.</summary>
    public void Observe()
    {
        if (Core.CommitIndex.Value > seenCommit)
        {
            ObserveCommit(seenCommit);
        }
        CoreChecks.RequireStableIsDurable(replica);
        CoreChecks.RequireHardStateIsDurable(replica);
        CoreChecks.RequireAppliedByCandidate(Core);
        var role = Core.Role;
        if (role == RaftRole.Leader && Core.Term.Value < replica.Group.History.NewestLedTerm)
        {
            Leases.RequireLost(replica);
        }
        if (role == seenRole && (role != RaftRole.Leader || Core.Term.Value == seenLedTerm))
        {
            return;
        }
        if (role is RaftRole.Candidate or RaftRole.Leader && seenRole is not (RaftRole.Candidate or RaftRole.Leader))
        {
            granted.RequireFor(Core);
        }
        seenRole = role;
        if (role == RaftRole.Leader && Core.Term.Value != seenLedTerm)
        {
            seenLedTerm = Core.Term.Value;
            replica.Group.History.SawLeader(Core);
            Leases.RequireNoneBefore(Core, replica.Group);
        }
    }

    private void ObserveCommit(ulong from)
    {
        replica.Group.History.SawCommit(Core, from);
        seenCommit = Core.CommitIndex.Value;
    }
}
