using System.Globalization;
using System.Text;
using Exapyte.Grains.Replicas;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;
using Exapyte.Simulation.Linearizability;

namespace Exapyte.Simulation.Clients;

/// <summary>
/// Callers, each with one operation at a time: they find the leader, try again where nothing happened, and, with a request
/// id, also where nobody can tell. What they saw is kept key by key for the checker.
/// </summary>
internal sealed class Callers(World world)
{
    private const int AttemptsMax = 6;
    private const int TimeoutMs = 1_500;

    private readonly ClientOperation?[] current = new ClientOperation?[world.Weather.Clients];
    private readonly HashSet<(ulong Index, Term Term)> refused = [];
    private MemberId believedLeader;
    private long moment;
    private ulong lastValue;
    private long restUntilUs;

    public KeyHistories Seen { get; } = new();

    /// <summary>Writes acknowledged so far.</summary>
    public long Acknowledged => world.Tally[Happening.WritesAcknowledged];

    public void Begin()
    {
        for (var i = 0; i < current.Length; i++)
        {
            world.Add(world.Chance.Between(200_000, 900_000), EventKind.Client, null, i);
        }
        world.Add(world.Weather.LullEveryUs, EventKind.Lull);
    }

    /// <summary>All callers are quiet for a while: that is when groups fall asleep.</summary>
    public void Rest()
    {
        restUntilUs = world.Queue.NowUs + world.Chance.Between(1_000_000, 5_000_000);
        world.Add(restUntilUs - world.Queue.NowUs + world.Weather.LullEveryUs, EventKind.Lull);
    }

    /// <summary>A caller begins the next operation.</summary>
    public void Act(int client)
    {
        if (restUntilUs > world.Queue.NowUs && !world.IsHealed)
        {
            world.Add(restUntilUs - world.Queue.NowUs, EventKind.Client, null, client);
            return;
        }
        if (current[client] is null)
        {
            current[client] = world.Chance.Percent(35) ? NewRead(client) : NewWrite(client);
        }
        Send(current[client]!);
    }

    public void Arrive(ClientCall call)
    {
        if (call.IsSettled)
        {
            return;
        }
        if (
            world.PlaceOf(call.Replica) is { IsUp: true } node
            && node.PausedUntilUs <= world.Queue.NowUs
            && node.Replicas.TryGetValue(call.Replica.Value, out var replica)
        )
        {
            replica.Arrive(call);
            return;
        }
        Answered(call, OutcomeKind.NoSuchReplica);
    }

    public void TimeOut(ClientCall call)
    {
        if (!call.IsSettled)
        {
            Answered(call, call.Operation.IsRead ? OutcomeKind.Unavailable : OutcomeKind.Unknown);
        }
    }

    /// <summary>An attempt has ended without what was asked for.</summary>
    public void Answered(ClientCall call, OutcomeKind kind)
    {
        if (call.IsSettled)
        {
            return;
        }
        call.IsSettled = true;
        var operation = call.Operation;
        world.Trace.Note($"caller {operation.Client}: {operation} at {call.Replica} ends as {kind}");
        if (believedLeader == call.Replica)
        {
            believedLeader = MemberId.None;
        }
        world.Tally.Count(
            operation.IsRead ? Happening.ReadsRefused
            : kind == OutcomeKind.Unknown ? Happening.WritesUnknown
            : Happening.WritesRefused
        );
        operation.MayHaveHappened |= kind == OutcomeKind.Unknown;
        var mayRetry = !operation.MayHaveHappened || (operation.HasRequestId && world.Weather.RetriesUnknown);
        if (mayRetry && ++operation.Attempts < AttemptsMax)
        {
            if (operation.MayHaveHappened)
            {
                world.Tally.Count(Happening.RequestIdRetries);
            }
            world.Add(world.Chance.Between(10_000, 300_000), EventKind.Client, null, operation.Client);
            return;
        }
        if (operation.MayHaveHappened)
        {
            Seen.Unknown(operation);
        }
        End(operation);
    }

    /// <summary>A write's verdict is there.</summary>
    public void WriteEnded(ClientCall call)
    {
        var write = call.Write!;
        var verdict = write.Completion.Result;
        if (verdict.Kind != OutcomeKind.Ok)
        {
            if (verdict.Kind != OutcomeKind.Unknown && write.Index > LogIndex.Zero)
            {
                RequireNotCommitted(write);
            }
            believedLeader = verdict.Leader.IsNone ? believedLeader : verdict.Leader;
            Answered(call, verdict.Kind);
            return;
        }
        var index = write.Index.Value;
        History.Require(
            index <= world.History.CommittedThrough && world.History.TermOf(index) == write.Term.Value,
            "acknowledged-uncommitted",
            $"the write at {index} of {write.Term} was acknowledged"
        );
        var wanted = world.History.ExpectedAt(index).Outcomes;
        History.Require(
            wanted.AsSpan().SequenceEqual(verdict.Writes),
            "answer-differs",
            $"the write at {index} was answered {string.Join(", ", verdict.Writes)}, not {string.Join(", ", wanted)}"
        );
        world.History.Acknowledged(index);
        if (call.IsSettled)
        {
            return;
        }
        call.IsSettled = true;
        believedLeader = call.Replica;
        world.Tally.Count(Happening.WritesAcknowledged);
        world.Trace.Note($"caller {call.Operation.Client}: {call.Operation} is done at {index} of {write.Term}");
        world.Tally[Happening.ConditionsFailed] += verdict.Writes.Count(done => done.Kind != OutcomeKind.Ok);
        Seen.Written(call.Operation, verdict.Writes, ++moment);
        End(call.Operation);
    }

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
        call.IsSettled = true;
        believedLeader = call.Replica;
        var outcome = ReplicaReads.Read(
            world.Flaw.ReadFrom(machine.Store, replica),
            call.Operation.Operations[0],
            Math.Max(replica.NowMs, machine.StampMs)
        );
        world.Tally.Count(Happening.ReadsAnswered);
        Seen.Read(call.Operation, outcome, ++moment);
        End(call.Operation);
    }

    /// <summary>The run ends: what is still asked for may or may not have happened.</summary>
    public void LeaveOpen()
    {
        foreach (var operation in current)
        {
            if (operation is { IsRead: false })
            {
                Seen.Unknown(operation);
            }
        }
    }

    /// <summary>A write that was surely refused must never turn up.</summary>
    public void Committed(ulong index, Term term) =>
        History.Require(
            !refused.Contains((index, term)),
            "refused-but-committed",
            $"the write at {index} of {term} was refused for sure"
        );

    private void RequireNotCommitted(PendingWrite write)
    {
        refused.Add((write.Index.Value, write.Term));
        if (write.Index.Value <= world.History.CommittedThrough)
        {
            Committed(write.Index.Value, new(world.History.TermOf(write.Index.Value)));
        }
    }

    private void End(ClientOperation operation)
    {
        operation.IsEnded = true;
        current[operation.Client] = null;
        var think = world.Chance.Between(world.Weather.ThinkUs / 4, world.Weather.ThinkUs);
        world.Add(think, EventKind.Client, null, operation.Client);
    }

    private void Send(ClientOperation operation)
    {
        var to = Target();
        var deadlineMs = world.PlaceOf(to)!.NowMs + TimeoutMs;
        var batch = new OperationBatch
        {
            Operations = operation.Operations,
            MapEpoch = 1,
            Atomic = operation.Atomic,
            TimeoutMs = TimeoutMs,
        };
        var call = operation.IsRead
            ? new ClientCall(operation, to, null, new(deadlineMs))
            : new ClientCall(operation, to, new(batch, deadlineMs), null);
        world.Add(world.Network.LatencyUs(), EventKind.ClientArrives, call);
        world.Add(TimeoutMs * 1_200, EventKind.ClientTimesOut, call);
    }

    private MemberId Target()
    {
        if (!believedLeader.IsNone && world.PlaceOf(believedLeader) is not null && world.Chance.Percent(95))
        {
            return believedLeader;
        }
        var members = world.History.Configuration.Members;
        var member = members[world.Chance.Below(members.Length)];
        return world.PlaceOf(member) is null ? world.Placed.First() : member;
    }

    private ClientOperation NewRead(int client) =>
        new(client, [new() { Kind = OperationKind.Get, Key = Key() }], isRead: true, atomic: false)
        {
            BeganAt = ++moment,
        };

    private ClientOperation NewWrite(int client)
    {
        var count = world.Chance.OneIn(6) ? world.Chance.Between(2, 3) : 1;
        var requestId = world.Chance.Percent(50) ? $"q{++lastValue}" : null;
        var operations = new Operation[count];
        for (var i = 0; i < count; i++)
        {
            operations[i] = NewWriteOf(requestId is null ? null : $"{requestId}/{i}");
        }
        return new(client, operations, isRead: false, atomic: count > 1 && world.Chance.OneIn(2))
        {
            BeganAt = ++moment,
        };
    }

    private Operation NewWriteOf(string? requestId)
    {
        if (world.Chance.OneIn(10))
        {
            // Entries that expire have keys of their own: when a reader sees them go depends on its clock.
            return new()
            {
                Kind = OperationKind.Put,
                Key = Encoding.UTF8.GetBytes($"x{world.Chance.Below(4)}"),
                Value = NewValue(),
                TtlMs = world.Chance.Between(1, 4_000),
                Condition = world.Chance.OneIn(3) ? WriteCondition.IfAbsent : null,
                RequestId = requestId,
            };
        }
        var key = Key();
        var isDelete = world.Chance.OneIn(6);
        return new()
        {
            Kind = isDelete ? OperationKind.Delete : OperationKind.Put,
            Key = key,
            Value = isDelete ? default : NewValue(),
            Condition = NewCondition(key),
            RequestId = requestId,
        };
    }

    private WriteCondition? NewCondition(ReadOnlyMemory<byte> key) =>
        world.Chance.Below(8) switch
        {
            0 => WriteCondition.IfAbsent,
            1 => WriteCondition.IfPresent,
            2 or 3 when Seen.LastVersionOf(key) is { } version => WriteCondition.IfVersion(version),
            _ => null,
        };

    private ReadOnlyMemory<byte> Key() =>
        Encoding.UTF8.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"k{world.Chance.Below(world.Weather.Keys)}")
        );

    /// <summary>A value that no other write has: its first eight bytes are its number.</summary>
    private ReadOnlyMemory<byte> NewValue()
    {
        var value = new byte[world.Chance.Between(sizeof(ulong), world.Weather.ValueBytesMax)];
        BitConverter.TryWriteBytes(value, ++lastValue);
        return value;
    }
}
