using Exapyte.Grains.Replicas.Raft;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Invariants;
using Exapyte.Simulation.Planted;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Clusters;

/// <summary>Calls, run as in production; reads beside the replica's own way by a lease.</summary>
internal sealed partial class SimulatedReplica
{
    private ulong lastReadNumber;

    /// <summary>The index that reads without proof have shown in this life: none may show an older one.</summary>
    public ulong ShownThrough { get; set; }

    /// <summary>Reads with a proof that it has answered in this life.</summary>
    public int ProvenReads { get; set; }

    /// <summary>A caller's batch has arrived.</summary>
    public void Arrive(ClientCall call)
    {
        call.Floor = Group.History.AcknowledgedThrough;
        call.ArrivedMs = NowMs;
        turn.Begin(() => call.Begin(new(Identity, new CallInbox(this, call))));
        waiting.Add(call);
        if (call.Read is not null)
        {
            World.Flaw.ReadArrived(call, this);
        }
        if (call.IsDone)
        {
            AnswerClients();
        }
    }

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

    /// <summary>The replica as one call reaches it.</summary>
    private sealed class CallInbox(SimulatedReplica replica, ClientCall call) : IReplicaInbox
    {
        private Flaw Flaw => replica.World.Flaw;

        // What a planted bug does to a read it does to the view that the read is answered from.
        public ReplicaView View =>
            call.Operation.IsRead
                ? replica.View with
                {
                    Store = Flaw.ReadFrom(replica.View.Store, call.Operation.Way, replica),
                    StampMs = Flaw.ReadClockMs(replica.View.StampMs, replica),
                }
                : replica.View;

        // An old one, by which all keys are the shard's: what it owns is judged by its state.
        public KeyspaceMap? Map => replica.Map is { } map ? map with { Shards = [map.Shards[0]] } : null;

        public long NowMs => replica.NowMs;

        public long SteadyUs => replica.Node.MonotonicUs;

        public bool IsDiskFull => replica.Node.Log.Health.Condition == LogCondition.DiskFull;

        public ValueTask<Usage> LimitsOf(KeyspaceMap current, Usage held, Usage put) =>
            throw new InvalidOperationException("The keyspace of a run has no quota.");

        public bool TryPost(ReplicaInput input)
        {
            if (!replica.HasRoom)
            {
                return false;
            }
            switch (input)
            {
                case ReplicaInput.Write { Pending.IsClock: true }:
                    replica.World.Tally.Count(Happening.ClocksAsked);
                    call.IsToldTheTime = true;
                    replica.Post(input);
                    break;
                case ReplicaInput.Write write:
                    call.Write = write.Pending;
                    replica.Post(input);
                    break;
                case ReplicaInput.Read read:
                    call.Read = read.Pending;
                    replica.PostRead(call.Operation.Way, input, read.Pending);
                    break;
                default:
                    throw new InvalidOperationException($"A call posts {input}.");
            }
            return true;
        }

        public void Post(ReplicaInput input) => replica.Post(input);
    }

    private void PostRead(ReadWay way, ReplicaInput input, PendingRead read)
    {
        switch (way)
        {
            case ReadWay.Lease:
                Post(new Posted(null, () => ReadByLease(read)));
                break;
            default:
                Post(input);
                break;
        }
    }

    private void ReadByLease(PendingRead read)
    {
        var nowUs = World.Flaw.LeaseClockUs(this);
        World.Tally.Count(Leases.Holds(this) ? Happening.LeaseReads : Happening.LeaseReadsWithoutLease);
        Ask(read, number => LoopDoor.AskByLease(Replica, number, read, nowUs));
    }

    private void Ask(PendingRead read, Action<ulong> ask)
    {
        if (Problem.Length > 0)
        {
            read.Complete(new(OutcomeKind.Unavailable, Problem, default));
            return;
        }
        executor.Take(ReplicaInput.StayAwake.Now, NowMs);
        ask(++lastReadNumber);
    }

    /// <summary>The replica ticks its core without a time: leases need one with each tick.</summary>
    private void TellTime(ReplicaInput input)
    {
        if (input is ReplicaInput.Tick)
        {
            CoreDoor.MemberOf(Core).Observe(Node.MonotonicUs);
        }
    }
}
