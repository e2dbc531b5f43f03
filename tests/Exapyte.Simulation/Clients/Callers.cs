using System.Globalization;
using System.Text;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Raft;
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
internal sealed partial class Callers(World world, SimulatedGroup group, int callers)
{
    private const int AttemptsMax = 6;
    private const int TimeoutMs = 1_500;
    private const int QuietTimes = 20;

    private readonly ClientOperation?[] current = new ClientOperation?[callers];
    private readonly HashSet<(ulong Index, Term Term)> refused = [];
    private MemberId believedLeader;
    private long moment;
    private ulong lastValue;
    private long restUntilUs;
    private long onlyReadUntilUs;

    public KeyHistories Seen { get; } = new();

    /// <summary>Writes acknowledged so far.</summary>
    public long Acknowledged { get; private set; }

    public void Begin()
    {
        for (var i = 0; i < current.Length; i++)
        {
            world.Add(world.Chance.Between(200_000, 900_000), EventKind.Client, this, i);
        }
        world.Add(world.Weather.LullEveryUs, EventKind.Lull, this);
    }

    /// <summary>All callers are quiet for a while: that is when groups fall asleep.</summary>
    public void Rest()
    {
        RestFor(world.Chance.Between(1_000_000, 5_000_000));
        world.Add(restUntilUs - world.Queue.NowUs + world.Weather.LullEveryUs, EventKind.Lull, this);
    }

    private void RestFor(long us) => restUntilUs = world.Queue.NowUs + us;

    /// <summary>For a while nobody begins to write.</summary>
    public void OnlyReadFor(long us) => onlyReadUntilUs = world.Queue.NowUs + us;

    /// <summary>A caller begins the next operation.</summary>
    public void Act(int client)
    {
        if (restUntilUs > world.Queue.NowUs && !world.IsHealed)
        {
            world.Add(restUntilUs - world.Queue.NowUs, EventKind.Client, this, client);
            return;
        }
        if (current[client] is null)
        {
            var reads =
                world.Chance.Percent(world.IsHealed ? 60 : 35)
                || (onlyReadUntilUs > world.Queue.NowUs && !world.IsHealed);
            current[client] = reads ? NewRead(client) : NewWrite(client);
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
            group.PlaceOf(call.Replica) is { IsUp: true } node
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
        world.Tally[Happening.UncommittedBytesFull] += kind == OutcomeKind.Overloaded && !operation.IsRead ? 1 : 0;
        operation.MayHaveHappened |= kind == OutcomeKind.Unknown;
        var mayRetry = !operation.MayHaveHappened || (operation.HasRequestId && world.Weather.RetriesUnknown);
        if (mayRetry && ++operation.Attempts < AttemptsMax)
        {
            if (operation.MayHaveHappened)
            {
                world.Tally.Count(Happening.RequestIdRetries);
            }
            world.Add(world.Chance.Between(10_000, 300_000), EventKind.Client, this, operation.Client);
            return;
        }
        if (operation.MayHaveHappened)
        {
            Seen.Unknown(operation);
        }
        End(operation);
    }

    /// <summary>A call has ended, be it that it has never reached the mailbox.</summary>
    public void Ended(ClientCall call, SimulatedReplica replica)
    {
        var outcome = call.Outcomes[0];
        world.Tally[Happening.WritesStuckOnFullDisk] += outcome.Kind == OutcomeKind.DiskFull ? 1 : 0;
        if (call.Operation.IsRead)
        {
            ReadEnded(call, replica, outcome);
        }
        else if (call.Write is { } write)
        {
            WriteEnded(call, write, write.Completion.Result);
        }
        else
        {
            Answered(call, outcome.Kind);
        }
    }

    private void WriteEnded(ClientCall call, PendingWrite write, WriteVerdict verdict)
    {
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
            index <= group.History.CommittedThrough && group.History.TermOf(index) == write.Term.Value,
            "acknowledged-uncommitted",
            $"the write at {index} of {write.Term} was acknowledged"
        );
        var wanted = group.History.ExpectedAt(index).Outcomes;
        History.Require(
            wanted.AsSpan().SequenceEqual(verdict.Writes),
            "answer-differs",
            $"the write at {index} was answered {string.Join(", ", verdict.Writes)}, not {string.Join(", ", wanted)}"
        );
        History.Require(
            verdict.RefusedAt != AppliedCommand.NotRefused
                || verdict
                    .Writes.Select(done => (done.Kind, done.ToOutcome(SimulatedGroup.Life).Version))
                    .SequenceEqual(world.Flaw.Told(call.Outcomes).Select(outcome => (outcome.Kind, outcome.Version))),
            "outcome-differs",
            $"the write at {index} became {string.Join(", ", verdict.Writes)}, its caller was told "
                + string.Join(", ", call.Outcomes.Select(outcome => $"{outcome.Kind} {outcome.Version}"))
        );
        group.History.Acknowledged(index);
        if (call.IsSettled)
        {
            return;
        }
        call.IsSettled = true;
        believedLeader = call.Replica;
        world.Tally.Count(Happening.WritesAcknowledged);
        Acknowledged++;
        world.Trace.Note($"caller {call.Operation.Client}: {call.Operation} is done at {index} of {write.Term}");
        world.Tally[Happening.ConditionsFailed] += verdict.Writes.Count(done => done.Kind != OutcomeKind.Ok);
        Seen.Written(call.Operation, verdict.Writes, ++moment);
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
        if (write.Index.Value <= group.History.CommittedThrough)
        {
            Committed(write.Index.Value, new(group.History.TermOf(write.Index.Value)));
        }
    }

    private void End(ClientOperation operation)
    {
        operation.IsEnded = true;
        current[operation.Client] = null;
        var think = world.Chance.Between(world.Weather.ThinkUs / 4, world.Weather.ThinkUs);
        // Long after the healing they hold back, or bounds as tight as some are never see all members at one index.
        think *= world.IsHealed ? (world.IsLongHealed ? QuietTimes : 1) : (group.IsQuiet ? QuietTimes : 1);
        world.Add(think, EventKind.Client, this, operation.Client);
    }

    private void Send(ClientOperation operation)
    {
        var to = Target(operation);
        var batch = new OperationBatch
        {
            Operations = operation.Operations,
            MapEpoch = 1,
            Atomic = operation.Atomic,
            TimeoutMs = TimeoutMs,
        };
        var call = new ClientCall(this, operation, to, batch);
        world.Add(world.Network.LatencyUs(), EventKind.ClientArrives, call);
        world.Add(TimeoutMs * 1_200, EventKind.ClientTimesOut, call);
    }

    private MemberId Target(ClientOperation operation)
    {
        if (
            !operation.IsForAnyMember
            && !believedLeader.IsNone
            && group.PlaceOf(believedLeader) is not null
            && world.Chance.Percent(95)
        )
        {
            return believedLeader;
        }
        var members = group.History.Configuration.Members;
        var member = members[world.Chance.Below(members.Length)];
        return group.PlaceOf(member) is null ? group.Placed.First() : member;
    }
}
