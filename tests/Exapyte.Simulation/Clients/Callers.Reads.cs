using Exapyte.Grains.Replicas;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Clients;

/// <summary>How reads end.</summary>
internal sealed partial class Callers
{
    /// <summary>A read's verdict is there: where it may go ahead it does so now, as the real one does.</summary>
    public void ReadEnded(ClientCall call, SimulatedReplica replica)
    {
        var verdict = call.Read!.Completion.Result;
        if (verdict.Kind != OutcomeKind.Ok)
        {
            believedLeader = verdict.Leader.IsNone ? believedLeader : verdict.Leader;
            Answered(call, verdict.Kind);
            return;
        }
        var machine = replica.Loop.Machine;
        History.Require(
            machine.Applied.Value >= call.Floor,
            "stale-read",
            $"replica {replica.Id} reads at {machine.Applied} what began when {call.Floor} was acknowledged"
        );
        if (call.IsSettled)
        {
            return;
        }
        if (replica.Core.Role == RaftRole.Leader)
        {
            believedLeader = call.Replica;
        }
        else
        {
            world.Tally.Count(Happening.FollowerReads);
        }
        world.Tally.Count(Happening.ReadsAnswered);
        replica.ProvenReads++;
        Seen.Read(call.Operation, Settle(call, replica), ++moment);
        End(call.Operation);
    }

    /// <summary>
    /// A read that asks for no proof is answered as it arrives: with what was current once, and never with what is older
    /// than what the replica has shown before in the same life.
    /// </summary>
    public void ReadAsItIs(ClientCall call, SimulatedReplica replica)
    {
        if (!replica.Core.Configuration.IsVoter(replica.Id))
        {
            // It may hold next to nothing yet.
            Answered(call, OutcomeKind.Unavailable);
            return;
        }
        var outcome = Settle(call, replica);
        var key = call.Operation.FirstKey;
        var revision = outcome.Kind == OutcomeKind.Ok ? outcome.Version.Revision : 0;
        replica.ShownThrough = !KeyTimelines.Covers(key)
            ? replica.ShownThrough
            : group.History.Timelines.FindMoment(key, revision, replica.ShownThrough)
                ?? throw new ViolationException(
                    "eventual-read",
                    $"replica {replica.Id} at {replica.Loop.Machine.Applied} shows revision {revision} of {key}, which was "
                        + $"not current at {replica.ShownThrough}, which it has shown before, nor later"
                );
        world.Tally.Count(Happening.EventualReads);
        End(call.Operation);
    }

    private OperationOutcome Settle(ClientCall call, SimulatedReplica replica)
    {
        call.IsSettled = true;
        var machine = replica.Loop.Machine;
        var store = world.Flaw.ReadFrom(machine.Store, call.Operation.Way, replica);
        var outcome = ReplicaReads.Read(
            store,
            call.Operation.Operations[0],
            world.Flaw.ReadClockMs(Math.Max(replica.NowMs, machine.StampMs))
        );
        if (ExpiringKeys.Covers(call.Operation.FirstKey))
        {
            world.Tally.Count(Happening.ExpiringReads);
            var index = machine.Applied.Value;
            var isHidden = group.History.Expiring.Require(
                call.Operation.FirstKey,
                index,
                machine.StampMs,
                replica.NowMs,
                outcome
            );
            world.Tally[Happening.ReadsHiddenByClock] += isHidden ? 1 : 0;
        }
        return outcome;
    }
}
