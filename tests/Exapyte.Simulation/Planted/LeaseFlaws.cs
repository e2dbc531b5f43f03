using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Planted;

/// <summary>A lease counts from the moment when the answer to a heartbeat came, not from when the heartbeat left.</summary>
internal sealed class LeaseFromResponse : Flaw
{
    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (
            MessageOf(input) is { Kind: RaftMessageKind.HeartbeatResponse } answer
            && answer.Term == replica.Core.Term
            && CoreDoor.LeaderOf(replica.Core)?.Progress.Find(answer.From) is { } progress
        )
        {
            progress.LeaseFrom = (ulong)replica.Node.MonotonicUs + 1;
        }
    }
}

/// <summary>A leader that has told another member to take over goes on reading alone.</summary>
internal sealed class LeaseSurvivesTransfer : Flaw
{
    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (CoreDoor.LeaderOf(replica.Core) is { } leader)
        {
            CoreDoor.HasVoidedLeases(leader.Transfer) = false;
        }
    }
}

/// <summary>
/// A lease is judged by the time of the last tick: it lasts for ever where no ticks come, in a group that sleeps and on a
/// node that stands still.
/// </summary>
internal sealed class LeaseSurvivesSleep : Flaw
{
    public override long LeaseClockUs(SimulatedReplica replica) => CoreDoor.MemberOf(replica.Core).Now;
}

/// <summary>A member that has given a lease votes for another leader all the same.</summary>
internal sealed class VoteDespiteLease : Flaw
{
    public override void BeforeInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (
            MessageOf(input) is { Kind: RaftMessageKind.VoteRequest or RaftMessageKind.PreVoteRequest }
            && replica.Core.Role == RaftRole.Follower
        )
        {
            var member = CoreDoor.MemberOf(replica.Core);
            CoreDoor.LeasedTicksOf(member) = 0;
            member.ForgetLeader();
        }
    }
}

/// <summary>A member that starts again has forgotten that it gave a lease.</summary>
internal sealed class LeaseForgottenAtStart : Flaw
{
    public override RaftCore CreateCore(SimulatedReplica replica, ShardStateMachine machine, GroupLog log, ulong seed)
    {
        var core = base.CreateCore(replica, machine, log, seed);
        CoreDoor.LeasedTicksOf(CoreDoor.MemberOf(core)) = 0;
        return core;
    }
}

/// <summary>A lease lasts longer than members wait before they stand for election.</summary>
internal sealed class LeaseTooLong : Flaw
{
    public override long LeaseUs(SimulatedReplica replica) => 3L * replica.World.LeaseUs;
}
