using Exapyte.Grains.Replicas.Log;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// One member of a raft group, whole: the consensus core, the state machine, the callers that wait, and what decides about
/// leaders, members, the log and snapshots. It takes one input and returns what is to be done. It has no thread, timer or
/// socket and knows nothing of Orleans: <see cref="RaftReplica"/> pumps it in production, the simulator in tests.
/// </summary>
/// <remarks>
/// Invariants: what an effect promises is on disk by then; a read is answered only when the consensus core has proved that the
/// applied state is recent enough; a view never says more than the store holds. An input that meets a broken invariant, a failed
/// disk or damage stops the replica (<see cref="ReplicaHealth"/>) and is never thrown. Used by one thread at a time, but for
/// <see cref="View"/> and <see cref="Prefixes"/>, which any may read.
/// </remarks>
internal sealed class RaftReplicaCore
{
    private readonly RaftReplicaParts parts;
    private readonly RaftCore core;
    private readonly ReplicaLogWriter writer;
    private readonly RaftEffects raft = new();
    private readonly ReplicaEffects effects = new();
    private readonly WaitingCallers callers;
    private readonly LeaderCommands commands;
    private readonly CommittedEntries committed;
    private readonly SnapshotInstall install;
    private readonly ReplicaEnding ending;
    private readonly Quiescence quiescence;
    private readonly QuorumWatch quorum;
    private readonly ReplicaDeciders deciders;
    private ReplicaView view;
    private ulong storePrefix;
    private ulong snapshotsSent;

    public RaftReplicaCore(RaftReplicaParts parts)
    {
        this.parts = parts;
        var options = parts.Options;
        core = parts.Core;
        writer = parts.Writer;
        Machine = parts.Machine;
        storePrefix = parts.StorePrefix;
        quorum = new(options.OutageTicks);
        callers = new(core, quorum, effects);
        committed = new(core, callers.Writes, effects);
        install = new(core, parts.Receiver, effects);
        ending = new(core, callers, committed, effects);
        quiescence = new(options.IdleTicksBeforeSleep);
        deciders = new(parts);
        commands = new(core, callers.Writes, effects, Machine.StampMs);
        view = Look();
    }

    /// <summary>The consensus core, to be looked at.</summary>
    public RaftCore Core => core;

    /// <summary>The replicated state.</summary>
    public ShardStateMachine Machine { get; private set; }

    /// <summary>What others may see. For any thread.</summary>
    public ReplicaView View => Volatile.Read(ref view);

    /// <summary>
    /// All prefixes that the replica uses: a snapshot that is being received has one of its own. For any thread.
    /// </summary>
    public IReadOnlyList<ulong> Prefixes =>
        // In this order: what is installed meanwhile is in both.
        install.Prefix
            is { } receiving
            ? [receiving, View.StorePrefix]
            : [View.StorePrefix];

    /// <summary>Whether the replica stands between the question whether a snapshot is wanted and its install.</summary>
    public bool IsInstalling => install.IsUnderWay;

    /// <summary>Takes an input. The effects are good until the next step.</summary>
    /// <param name="input">What happened.</param>
    /// <param name="nowMs">The node's time, Unix milliseconds.</param>
    public ReplicaEffects Step(ReplicaInput input, long nowMs)
    {
        effects.Clear();
        try
        {
            Take(input, nowMs);
        }
        catch (Exception met)
        {
            // A broken invariant, a failed disk or damage stops this replica; the node and its other replicas go on.
            ending.Fail(met);
        }
        if (input is not (ReplicaInput.Write or ReplicaInput.Read or ReplicaInput.Message or ReplicaInput.Logged))
        {
            Publish();
        }
        return effects;
    }

    /// <summary>Opens the state as it is now, between two steps, to be sent to another member; null where it cannot be.</summary>
    public SnapshotSource? OpenSnapshot() => parts.OpenSnapshot(Machine, ++snapshotsSent);

    private bool IsWell => !ending.Health.IsStopped && !install.IsUnderWay;

    private string DetailOfUnwell =>
        ending.Health.IsStopped ? ending.Health.Problem : "The replica is installing a snapshot.";

    private void Take(ReplicaInput input, long nowMs)
    {
        switch (input)
        {
            case ReplicaInput.Write write:
                TakeWrite(write.Pending);
                break;
            case ReplicaInput.Read read:
                TakeRead(read.Pending);
                break;
            case ReplicaInput.Logged logged when !ending.Health.IsStopped:
                if (writer.Take(logged.Submission))
                {
                    install.Persisted(logged.Submission.Write.WriteId);
                }
                break;
            case ReplicaInput.PartArrived arrived when IsWell:
                install.Take(arrived.Part, arrived.FromReplica);
                break;
            case ReplicaInput.SnapshotFlushed flushed:
                install.Flushed(flushed.Received, flushed.FromReplica, flushed.IsDurable);
                break;
            case ReplicaInput.SnapshotRecorded recorded:
                TakeRecorded(recorded);
                break;
            case ReplicaInput.SnapshotSent sent:
                deciders.SnapshotEnded(sent.To);
                install.Ended(sent.To, sent.Index, sent.IsReceived);
                break;
            case ReplicaInput.UseMap map:
                UseMap(map.Map, map.IsConfirmed);
                break;
            case ReplicaInput.Pin pin:
                effects.Others.Enqueue(new ReplicaEffect.PinState(pin.Pending));
                break;
            case ReplicaInput.DamageFound found:
                if (ending.FindDamage(found.Reason, install.IsUnderWay))
                {
                    quiescence.Wake();
                    HandOver();
                }
                break;
            case ReplicaInput.EffectFailed failed:
                ending.Fail(failed.Cause);
                break;
            case ReplicaInput.Stop stop:
                ending.Stop(stop.Reason);
                if (stop.Stopped is { } stopped)
                {
                    effects.Others.Enqueue(new ReplicaEffect.TellStopped(stopped));
                }
                break;
            default:
                if (IsWell)
                {
                    // Else it is as if it had been lost.
                    TakeWhileWell(input, nowMs);
                }
                break;
        }
    }

    private void TakeWrite(PendingWrite write)
    {
        if (IsWell)
        {
            quiescence.Wake();
            callers.Writes.Add(write);
            return;
        }
        effects.Refuse(write, OutcomeKind.Unavailable, DetailOfUnwell);
    }

    private void TakeRead(PendingRead read)
    {
        if (IsWell)
        {
            quiescence.WakeIf(read.NeedsProof);
            callers.Reads.Add(read);
            return;
        }
        effects.Refuse(read, OutcomeKind.Unavailable, DetailOfUnwell);
    }

    private void TakeWhileWell(ReplicaInput input, long nowMs)
    {
        switch (input)
        {
            case ReplicaInput.Drained:
                Drain(nowMs);
                break;
            case ReplicaInput.Message message:
                Receive(message.Content);
                break;
            case ReplicaInput.Tick:
                Tick(nowMs);
                break;
            case ReplicaInput.Rest rest:
                quiescence.Hear(core, rest.From, rest.Notice.Term, rest.Notice.Index);
                break;
            case ReplicaInput.LeaderSilent when quiescence.IsAsleep:
                // It wakes and does not wait for that leader any more.
                quiescence.Wake();
                core.ForgetLeader();
                break;
            case ReplicaInput.ApplyAgain:
                committed.TryAgain();
                break;
            case ReplicaInput.StayAwake:
                quiescence.Wake();
                break;
            case ReplicaInput.Compact:
                if (deciders.Compact(Publish()) is { } compact)
                {
                    effects.Others.Enqueue(compact);
                }
                break;
            case ReplicaInput.HandOver:
                HandOver();
                break;
            case ReplicaInput.TransferLeadership transfer:
                quiescence.Wake();
                core.TransferLeadership(transfer.To);
                break;
            case ReplicaInput.ChangeMembers change:
                quiescence.Wake();
                commands.ChangeMembers(change.Change, change.Expected);
                break;
            case ReplicaInput.LeaderCommand command when !committed.IsHeldUp:
                quiescence.Wake();
                commands.Propose(command, Machine, nowMs, deciders.Rules);
                break;
        }
    }

    private void Receive(RaftMessage message)
    {
        if (quiescence.IsAsleep)
        {
            if (!Quiescence.IsNews(message, core))
            {
                return;
            }
            quiescence.Wake();
        }
        core.Step(message);
    }

    /// <summary>A tick has passed: who waited beyond its deadline is answered, and it is decided what comes next.</summary>
    private void Tick(long nowMs)
    {
        writer.Retry();
        core.Tick();
        quorum.Tick(core);
        committed.TryAgain();
        if (quiescence.Tick(core, callers.Count + committed.Count > 0))
        {
            effects.Others.Enqueue(
                new ReplicaEffect.TellAtRest(new(core.Term, core.LastIndex), core.Configuration.Members)
            );
        }
        callers.Expire(nowMs);
        writer.RequireLog();
        if (ending.IsHandingOver)
        {
            quiescence.Wake();
            ending.Tick();
            return;
        }
        if (deciders.Tick(Publish(), nowMs) is { } decided)
        {
            Take(decided, nowMs);
        }
    }

    /// <summary>Proposes, asks, writes and sends; and, where nothing is to be written or sent, applies and answers.</summary>
    private void Drain(long nowMs)
    {
        if (ending.TryEnd())
        {
            return;
        }
        if (callers.Writes.HasGathered)
        {
            callers.Propose(commands.StampOf(Machine, nowMs), deciders.Rules, Machine.Ownership);
        }
        callers.Reads.AnswerAsIs(Machine, nowMs);
        if (callers.Reads.HasGathered)
        {
            callers.Ask(committed, Machine, nowMs);
        }
        if (core.HasEffects)
        {
            TakeEffects();
            callers.Reads.Answer(raft.Reads, Machine, nowMs);
        }
        if (!effects.HasOutput)
        {
            // Log and wire first: what they take the longest for is begun before the store is busy.
            effects.IsUnfinished |= committed.Apply(Machine, deciders.TellsChanges);
        }
    }

    private void TakeEffects()
    {
        core.TakeEffects(raft);
        effects.IsUnfinished = true;
        if (raft.Write is { } write)
        {
            effects.Writes.Add(write);
        }
        effects.Messages.AddRange(raft.Messages);
        foreach (var request in raft.Snapshots)
        {
            deciders.SnapshotBegins(request.To, Machine.Applied);
            effects.Others.Enqueue(new ReplicaEffect.SendSnapshot(request.To));
        }
        committed.Add(raft.Committed);
        if (raft.LeadershipChanged)
        {
            deciders.LeadershipChanged();
            effects.Others.Enqueue(ReplicaEffect.LeadershipChanged.Now);
        }
    }

    private void HandOver()
    {
        if (deciders.SuccessorOf(Publish()) is { } successor)
        {
            core.TransferLeadership(successor);
        }
    }

    private void UseMap(KeyspaceMap map, bool isConfirmed)
    {
        quiescence.WakeIf(deciders.UseMap(map, Publish()));
        if (!isConfirmed || core.MayCampaign)
        {
            return;
        }
        core.MayCampaign = true;
        if (IsWell && deciders.Preferred == core.Id && core.Leader.IsNone)
        {
            core.Campaign();
        }
    }

    private void TakeRecorded(ReplicaInput.SnapshotRecorded recorded)
    {
        var (received, from, failure) = recorded;
        if (failure is not null)
        {
            install.Abort(received, from, writer.HasLogFailed);
            if (writer.HasLogFailed)
            {
                ending.Stop(failure);
            }
            return;
        }
        var configuration = SnapshotInstall.ConfigurationOf(received);
        var replaced = storePrefix;
        storePrefix = received.Prefix;
        Machine = new(received.Store, parts.Identity.ShardId);
        committed.Restart();
        callers.Writes.Restart(Machine.Applied);
        install.Finish(received, from, configuration, replaced);
        writer.Restarted();
    }

    private ReplicaView Publish()
    {
        var seen = Look();
        if (seen == view)
        {
            return view;
        }
        Volatile.Write(ref view, seen);
        return seen;
    }

    private ReplicaView Look() =>
        ReplicaView.Of(core, Machine, storePrefix, deciders.Rules) with
        {
            IsAsleep = quiescence.IsAsleep,
            IsOutOfQuorum = quorum.IsOut(core),
            IsHeldUp = committed.IsHeldUp,
            IsStuck = writer.IsStuck,
            IsToBeCounted = deciders.HasQuota && core.Role == RaftRole.Leader && !Machine.Usage.IsCounted,
            Health = ending.Health,
        };
}
