using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Planted;

/// <summary>A counter behind a bound that rises and never falls: once the bound is reached nothing goes ahead any more.</summary>
internal abstract class CounterFlaw : Flaw
{
    private readonly Dictionary<object, (long Seen, long Risen)> counters = new(ReferenceEqualityComparer.Instance);

    public override void AfterInput(ReplicaInput input, SimulatedReplica replica) => Hold(replica.Core);

    public override void AfterWork(SimulatedReplica replica, List<ClientCall> waiting) => Hold(replica.Core);

    protected abstract void Hold(RaftCore core);

    /// <summary>What the counter would be if nothing had ever been taken off it.</summary>
    protected long NeverFallen(object owner, long now)
    {
        var (seen, risen) = counters.GetValueOrDefault(owner);
        risen += Math.Max(0, now - seen);
        counters[owner] = (risen, risen);
        return risen;
    }
}

/// <summary>Reads that have ended count as waiting at the member where they began.</summary>
internal sealed class ReadCounterNeverFalls : CounterFlaw
{
    protected override void Hold(RaftCore core)
    {
        ref var waiting = ref CoreDoor.WaitingOf(CoreDoor.MemberOf(core).Reads);
        waiting = (int)NeverFallen(core, waiting);
    }
}

/// <summary>Questions that were answered count as waiting at the leader that answered them.</summary>
internal sealed class LeaderReadCounterNeverFalls : CounterFlaw
{
    protected override void Hold(RaftCore core)
    {
        if (CoreDoor.LeaderOf(core) is { } leader)
        {
            ref var waiting = ref CoreDoor.WaitingOf(leader.Reads);
            waiting = (int)NeverFallen(leader, waiting);
        }
    }
}

/// <summary>Entries that are committed count as uncommitted.</summary>
internal sealed class UncommittedBytesNeverFall : CounterFlaw
{
    protected override void Hold(RaftCore core)
    {
        if (CoreDoor.LeaderOf(core) is { } leader)
        {
            ref var bytes = ref CoreDoor.UncommittedBytesOf(leader.Proposals);
            bytes = NeverFallen(leader, bytes);
        }
    }
}

/// <summary>Entries that are applied count as still being applied.</summary>
internal sealed class ApplyBudgetNeverFreed : Flaw
{
    public override RaftCore CreateCore(SimulatedReplica replica, ShardStateMachine machine, GroupLog log, ulong seed)
    {
        var core = base.CreateCore(replica, machine, log, seed);
        // What stands at the head of the line and is never applied keeps all behind it from being taken off.
        CoreDoor.ApplyBudgetOf(core).Handed(new(ulong.MaxValue), 0);
        return core;
    }
}

/// <summary>An acknowledged append stays in the window.</summary>
internal sealed class InflightsNeverFreed : Flaw
{
    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (
            MessageOf(input) is { Kind: RaftMessageKind.AppendResponse, Reject: false } answer
            && CoreDoor.LeaderOf(replica.Core)?.Progress.Find(answer.From)
                is { State: ReplicationState.Replicate } progress
        )
        {
            progress.Inflights.Add(new(ulong.MaxValue), 0);
        }
    }
}
