using Exapyte.Grains.Replicas;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Clients;

/// <summary>How reads end.</summary>
internal sealed partial class Callers
{
    private void ReadEnded(ClientCall call, SimulatedReplica replica, OperationOutcome outcome)
    {
        if (outcome.Kind is not (OutcomeKind.Ok or OutcomeKind.NotFound))
        {
            var leader = new MemberId((ulong)outcome.LeaderReplicaId);
            believedLeader = leader.IsNone ? believedLeader : leader;
            Answered(call, outcome.Kind);
            return;
        }
        RequireExpiry(call, replica, outcome);
        if (call.Operation.Way == ReadWay.Eventual)
        {
            ReadAsItIs(call, replica, outcome);
            return;
        }
        var machine = replica.Machine;
        History.Require(
            machine.Applied.Value >= call.Floor,
            "stale-read",
            $"replica {replica.Id} reads at {machine.Applied} what began when {call.Floor} was acknowledged"
        );
        if (call.IsSettled)
        {
            return;
        }
        call.IsSettled = true;
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
        Seen.Read(call.Operation, outcome, ++moment);
        End(call.Operation);
    }

    /// <summary>
    /// A read that asks for no proof is answered as it arrives: with what was current once, and never with what is older
    /// than what the replica has shown before in the same life.
    /// </summary>
    private void ReadAsItIs(ClientCall call, SimulatedReplica replica, OperationOutcome outcome)
    {
        // It may wait for the log to be told the time: then its caller has given up and asks elsewhere.
        var isLate = call.IsSettled;
        call.IsSettled = true;
        var key = call.Operation.FirstKey;
        var revision = outcome.Kind == OutcomeKind.Ok ? outcome.Version.Revision : 0;
        replica.ShownThrough = !KeyTimelines.Covers(key)
            ? replica.ShownThrough
            : group.History.Timelines.FindMoment(key, revision, replica.ShownThrough)
                ?? throw new ViolationException(
                    "eventual-read",
                    $"replica {replica.Id} at {replica.Machine.Applied} shows revision {revision} of {key}, which was "
                        + $"not current at {replica.ShownThrough}, which it has shown before, nor later"
                );
        if (isLate)
        {
            return;
        }
        world.Tally.Count(Happening.EventualReads);
        End(call.Operation);
    }

    /// <summary>What a read shows of an entry that ends is judged right where it is read.</summary>
    private void RequireExpiry(ClientCall call, SimulatedReplica replica, OperationOutcome outcome)
    {
        if (!ExpiringKeys.Covers(call.Operation.FirstKey))
        {
            return;
        }
        world.Tally.Count(Happening.ExpiringReads);
        var isTold = call.IsToldTheTime && call.Operation.Way != ReadWay.Eventual;
        group.History.Expiring.Require(
            call.Operation.FirstKey,
            replica.Machine.Applied.Value,
            replica.View.StampMs,
            isTold ? call.ArrivedMs : 0,
            outcome
        );
    }
}
