using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// One member of a raft group: the consensus core, the state machine and the callers that wait, as one steppable thing.
/// It takes an input and, when told to advance, applies what is committed and says what else must be done. It has no
/// thread, timer, file or socket, and knows nothing of Orleans: a pump drives it in production, the simulator in tests.
/// </summary>
/// <remarks>
/// Invariants: a waiting write is completed with what the log says happened at its index in its term, or as unknown,
/// never by guess; a read goes ahead only when the core has proved that the applied state is recent enough. Used by one
/// thread at a time.
/// </remarks>
internal sealed partial class ReplicaLoop(
    RaftCore core,
    ShardStateMachine machine,
    CommandRules rules,
    int idleTicksBeforeSleep,
    int outageTicks
)
{
    private readonly RaftEffects effects = new();
    private readonly Queue<PendingWrite> proposed = new();
    private readonly List<PendingWrite> gathered = [];
    private readonly List<ReadOnlyMemory<byte>> payloads = [];
    private readonly Dictionary<ulong, List<PendingRead>> asked = [];
    private readonly List<PendingRead> asIs = [];
    private List<PendingRead> reads = [];
    private readonly Quiescence quiescence = new(idleTicksBeforeSleep);
    private readonly QuorumWatch quorum = new(outageTicks);
    private CommandRules rules = rules;
    private bool fallsAsleep;
    private ulong lastReadId;
    private LogIndex lastProposed;
    private long lastStampMs = machine.StampMs;

    /// <summary>The consensus core, to be looked at.</summary>
    public RaftCore Core => core;

    /// <summary>The replicated state.</summary>
    public ShardStateMachine Machine { get; private set; } = machine;

    /// <summary>Writes and reads that wait.</summary>
    public int Waiting => proposed.Count + gathered.Count + reads.Count + asked.Count;

    /// <summary>The settings changed.</summary>
    public void UseRules(CommandRules changed) => rules = changed;

    /// <summary>A tick has passed; who waited beyond its deadline is answered.</summary>
    public void Tick(long nowMs)
    {
        core.Tick();
        quorum.Tick(core);
        TryApplyAgain();
        fallsAsleep = quiescence.Tick(core, Waiting + unapplied.Count > 0);
        ExpireWrites(nowMs);
        ExpireReads(nowMs);
        if (quorum.IsOut(core))
        {
            RefuseProposed();
        }
    }

    /// <summary>A message of another member arrived.</summary>
    public void Receive(RaftMessage message)
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

    /// <summary>Whether no leader has been in reach for the length of two elections. For any thread.</summary>
    public bool IsOutOfQuorum => quorum.IsOut(core);

    /// <summary>Whether the group sleeps: no ticks are needed.</summary>
    public bool IsAsleep => quiescence.IsAsleep;

    /// <summary>Something is left to do for the group: it does not sleep for a while.</summary>
    public void StayAwake() => quiescence.Wake();

    /// <summary>The leader says that the group is at rest.</summary>
    public void HearRest(MemberId from, RestNotice notice) => quiescence.Hear(core, from, notice.Term, notice.Index);

    /// <summary>The leader's node has fallen silent: the member wakes and does not wait for that leader any more.</summary>
    public void LeaderIsSilent()
    {
        if (quiescence.IsAsleep)
        {
            quiescence.Wake();
            core.ForgetLeader();
        }
    }

    /// <summary>The write with this id, and all before it, is durable.</summary>
    public void Persisted(ulong writeId) => core.Persisted(writeId);

    /// <summary>A batch of writes arrived. It is proposed with the next <see cref="Advance"/>.</summary>
    public void Write(PendingWrite write)
    {
        quiescence.Wake();
        gathered.Add(write);
    }

    /// <summary>A read arrived. All that need a proof and arrive before the next <see cref="Advance"/> share one.</summary>
    public void Read(PendingRead read)
    {
        if (!read.NeedsProof)
        {
            asIs.Add(read);
            return;
        }
        quiescence.Wake();
        reads.Add(read);
    }

    /// <summary>
    /// Proposes that all members compare their states at one place of the log; false where this member cannot, and somebody
    /// else may, or it may later.
    /// </summary>
    public bool ProposeScrub(ulong scrubId, long nowMs)
    {
        if (core.Role != RaftRole.Leader || isHeldUp)
        {
            return false;
        }
        quiescence.Wake();
        lastStampMs = Math.Max(Math.Max(lastStampMs, Machine.StampMs), nowMs);
        ReadOnlyMemory<byte> command = ShardCommandCodec.EncodeScrub(lastStampMs, scrubId);
        var result = core.Propose([command]);
        if (result.Outcome != ProposeOutcome.Accepted)
        {
            return false;
        }
        ForgetOvertaken(result.FirstIndex);
        lastProposed = result.FirstIndex;
        return true;
    }

    /// <summary>
    /// Takes one step: what is to be done outside goes into <paramref name="outside"/>, what can be done here is done.
    /// False where there was nothing to do.
    /// </summary>
    public bool Advance(long nowMs, ReplicaEffects outside)
    {
        ProposeGathered(nowMs);
        asIs.ForEach(read => read.Ready(Machine, nowMs));
        asIs.Clear();
        AskForReads(nowMs);
        outside.FallsAsleep = fallsAsleep;
        fallsAsleep = false;
        if (!core.HasEffects)
        {
            return outside.FallsAsleep | Apply(outside);
        }
        core.TakeEffects(effects);
        if (effects.Write is { } write)
        {
            outside.Writes.Add(write);
        }
        outside.Messages.AddRange(effects.Messages);
        outside.Snapshots.AddRange(effects.Snapshots);
        outside.LeadershipChanged |= effects.LeadershipChanged;
        foreach (var entry in effects.Committed)
        {
            unapplied.Enqueue(entry);
        }
        Apply(outside);
        AnswerReads(nowMs);
        return true;
    }

    /// <summary>
    /// The state was replaced by an installed snapshot. What was proposed here at indexes that it contains may or may not
    /// be in it: nobody can tell any more.
    /// </summary>
    public void Restart(ShardStateMachine installed)
    {
        Machine = installed;
        unapplied.Clear();
        isHeldUp = false;
        while (proposed.TryPeek(out var write) && write.Index <= installed.Applied)
        {
            proposed.Dequeue();
            write.Refuse(
                OutcomeKind.Unknown,
                "The log that would tell was replaced by a snapshot: it may have happened."
            );
        }
    }

    /// <summary>The replica stops: everybody who waits is told, writes in flight as unknown.</summary>
    public void Abandon(string reason)
    {
        foreach (var write in gathered)
        {
            write.Refuse(OutcomeKind.Unavailable, reason);
        }
        foreach (var write in proposed)
        {
            write.Refuse(OutcomeKind.Unknown, reason);
        }
        foreach (var read in reads.Concat(asIs).Concat(asked.Values.SelectMany(group => group)))
        {
            read.Refuse(OutcomeKind.Unavailable, reason);
        }
        gathered.Clear();
        proposed.Clear();
        reads.Clear();
        asIs.Clear();
        asked.Clear();
    }

    private void ProposeGathered(long nowMs)
    {
        if (gathered.Count == 0)
        {
            return;
        }
        if (core.Role != RaftRole.Leader)
        {
            RefuseGathered(KindOfNoLeader, DetailOfNoLeader);
            return;
        }
        lastStampMs = Math.Max(Math.Max(lastStampMs, Machine.StampMs), nowMs);
        foreach (var write in gathered)
        {
            payloads.Add(write.Encode(lastStampMs, rules));
        }
        var result = core.Propose(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(payloads));
        payloads.Clear();
        switch (result.Outcome)
        {
            case ProposeOutcome.Accepted:
                var index = result.FirstIndex;
                ForgetOvertaken(index);
                foreach (var write in gathered)
                {
                    write.Index = index;
                    write.Term = result.Term;
                    index = index.Next;
                    lastProposed = write.Index;
                    proposed.Enqueue(write);
                }
                gathered.Clear();
                break;
            case ProposeOutcome.Overloaded:
                RefuseGathered(OutcomeKind.Overloaded, "Too much is proposed and not yet committed.");
                break;
            default:
                RefuseGathered(OutcomeKind.NotLeader, "This replica does not lead its shard, or is handing it over.");
                break;
        }
    }

    /// <summary>
    /// Writes of an earlier leadership of this member may still wait at places that are given anew now. Their entries are
    /// not in its log any more, but may be in others', and be committed yet.
    /// </summary>
    private void ForgetOvertaken(LogIndex first)
    {
        if (lastProposed < first)
        {
            return;
        }
        for (var count = proposed.Count; count > 0; count--)
        {
            var write = proposed.Dequeue();
            if (write.Index < first)
            {
                proposed.Enqueue(write);
            }
            else
            {
                write.Refuse(OutcomeKind.Unknown, "The leader lost its place in the log: the write may still happen.");
            }
        }
    }

    private OutcomeKind KindOfNoLeader => quorum.IsOut(core) ? OutcomeKind.NoQuorum : OutcomeKind.NotLeader;

    private string DetailOfNoLeader =>
        quorum.IsOut(core)
            ? "No leader and no majority of the shard's replicas is in reach; nothing changed. Try again later."
            : "This replica does not lead its shard.";

    private void RefuseGathered(OutcomeKind kind, string detail)
    {
        foreach (var write in gathered)
        {
            write.Refuse(kind, detail, core.Leader);
        }
        gathered.Clear();
    }

    private void AskForReads(long nowMs)
    {
        if (reads.Count == 0)
        {
            return;
        }
        if (core.Role != RaftRole.Leader)
        {
            foreach (var read in reads)
            {
                read.Refuse(KindOfNoLeader, DetailOfNoLeader, core.Leader);
            }
            reads.Clear();
            return;
        }
        if (isHeldUp && HoldsAllAcknowledged)
        {
            // The core would wait for what the store has no space for, and which nobody was told of.
            reads.ForEach(read => read.Ready(Machine, nowMs));
            reads.Clear();
            return;
        }
        asked.Add(++lastReadId, reads);
        core.ReadIndex(lastReadId);
        reads = [];
    }

    private void AnswerReads(long nowMs)
    {
        foreach (var result in effects.Reads)
        {
            if (!asked.Remove(result.ReadId, out var group))
            {
                continue;
            }
            foreach (var read in group)
            {
                if (result.IsReady)
                {
                    read.Ready(Machine, nowMs);
                }
                else
                {
                    read.Refuse(OutcomeKind.NotLeader, "This replica stopped leading its shard.", core.Leader);
                }
            }
        }
    }

    private void ExpireWrites(long nowMs)
    {
        foreach (var write in proposed)
        {
            if (write.DeadlineMs <= nowMs && !write.IsDone)
            {
                write.Refuse(
                    OutcomeKind.Unknown,
                    "No majority of the shard's replicas confirmed the write in time: it may still happen."
                );
            }
        }
    }

    /// <summary>
    /// Writes of a leadership that ended without a successor in reach. They stay where they are in the queue, and their
    /// entries in the log: whoever leads next may commit them.
    /// </summary>
    private void RefuseProposed()
    {
        foreach (var write in proposed)
        {
            write.Refuse(
                OutcomeKind.Unknown,
                "The shard lost its leader, and no majority of its replicas is in reach: the write may still happen."
            );
        }
    }

    private void ExpireReads(long nowMs)
    {
        foreach (var (id, group) in asked)
        {
            foreach (var read in group)
            {
                if (read.DeadlineMs <= nowMs)
                {
                    read.Refuse(OutcomeKind.Unavailable, "No majority of the shard's replicas answered in time.");
                }
            }
            if (group.TrueForAll(read => read.Completion.IsCompleted))
            {
                asked.Remove(id);
            }
        }
    }
}
