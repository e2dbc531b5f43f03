using Exapyte.Grains.Replicas;
using Exapyte.Operations;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Clusters;

/// <summary>Reads: by the loop's own way, by a lease, at a follower, and as it is.</summary>
internal sealed partial class SimulatedReplica
{
    private ulong lastReadNumber;

    /// <summary>The index that reads without proof have shown in this life: none may show an older one.</summary>
    public ulong ShownThrough { get; set; }

    /// <summary>Reads with a proof that it has answered in this life.</summary>
    public int ProvenReads { get; set; }

    /// <summary>Whether the mailbox takes one more message or caller.</summary>
    private bool HasRoom
    {
        get
        {
            var hasRoom = inbox.Count < World.Limits.InboxInputsMax;
            World.Tally[Happening.InboxFull] += hasRoom ? 0 : 1;
            return hasRoom;
        }
    }

    private void ArriveRead(ClientCall call, PendingRead read)
    {
        call.Floor = Group.History.AcknowledgedThrough;
        if (call.Operation.Way == ReadWay.Eventual)
        {
            Group.Callers.ReadAsItIs(call, this);
            return;
        }
        if (!HasRoom)
        {
            Group.Callers.Answered(call, OutcomeKind.Overloaded);
            return;
        }
        waiting.Add(call);
        switch (call.Operation.Way)
        {
            case ReadWay.Lease:
                Post(loop => ReadByLease(loop, read));
                break;
            case ReadWay.Anywhere:
                Post(loop => Ask(read, number => LoopDoor.AskAnywhere(loop, number, read)));
                break;
            default:
                Post(ReplicaInput.Of(read));
                break;
        }
        World.Flaw.ReadArrived(call, this);
    }

    private void ReadByLease(ReplicaLoop loop, PendingRead read)
    {
        var nowUs = World.Flaw.LeaseClockUs(this);
        World.Tally.Count(Leases.Holds(this) ? Happening.LeaseReads : Happening.LeaseReadsWithoutLease);
        Ask(read, number => LoopDoor.AskByLease(loop, number, read, nowUs));
    }

    private void Ask(PendingRead read, Action<ulong> ask)
    {
        if (Driver.Problem.Length > 0)
        {
            read.Refuse(OutcomeKind.Unavailable, Driver.Problem);
            return;
        }
        ask(++lastReadNumber);
    }

    /// <summary>The loop ticks its core without a time: leases need one with each tick.</summary>
    private void TellTime(ReplicaInput input)
    {
        if (input.Kind == ReplicaInputKind.Tick)
        {
            CoreDoor.MemberOf(Core).Observe(Node.MonotonicUs);
        }
    }
}
