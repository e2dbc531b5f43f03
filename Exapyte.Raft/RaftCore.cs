using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>
/// One member of a Raft group as a deterministic state machine: inputs are the methods, outputs are what
/// <see cref="TakeEffects"/> hands out. No I/O, clock, chance or thread: the same inputs give the same outputs. Not safe for
/// use by several threads.
/// <para>
/// Sources: Ongaro and Ousterhout, "In search of an understandable consensus algorithm", 2014 (the paper); Ongaro,
/// "Consensus: bridging theory and practice", 2014 (the thesis); etcd's raft for asynchronous storage and for configurations
/// that hold from their apply on.
/// </para>
/// <list type="bullet">
/// <item>Election safety: at most one leader a term, because a member votes once a term and a vote leaves when it is durable
/// (paper, 5.2; thesis, 3.8).</item>
/// <item>Leader append-only, log matching, leader completeness, state machine safety (paper, figure 3).</item>
/// <item>Nothing is promised before it is durable: votes, requests for votes and acknowledgements wait for the write that
/// holds what they say. The leader's own entries count for its quorum once they are durable here.</item>
/// <item>A configuration holds from the apply of its entry on. That is safe because at most one change is in a leader's log
/// unapplied, because whoever holds the next change has also been told that the one before is committed (it comes with every
/// append and is durable no later), and because nobody campaigns with a committed change unapplied. So the configurations in
/// use at one time are neighbours, and quorums of neighbours overlap.</item>
/// </list>
/// </summary>
public sealed class RaftCore
{
    readonly Member member;
    readonly ApplyBudget applying;
    HardState handedHardState;
    (RaftRole Role, MemberId Leader, Term Term) handedLeadership;

    /// <summary>Starts a member as a follower from what its disk holds.</summary>
    /// <exception cref="ArgumentException">The options are not valid.</exception>
    /// <exception cref="RaftInvariantException">What was recovered contradicts itself.</exception>
    public RaftCore(RaftOptions options, RaftRecovered recovered)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(recovered);
        if (options.Validate() is { Count: > 0 } faults)
        {
            throw new ArgumentException(string.Join(' ', faults), nameof(options));
        }

        var compacted = new LogIndex(recovered.Log.FirstIndex.Value - 1);
        var committed = LogIndex.Max(LogIndex.Max(recovered.HardState.Commit, recovered.Applied), compacted);
        if (committed > recovered.Log.LastIndex || recovered.Applied < compacted)
        {
            throw new RaftInvariantException(
                $"Commit {committed} and applied {recovered.Applied} do not fit a log from {recovered.Log.FirstIndex} to {recovered.Log.LastIndex}."
            );
        }

        var log = new RaftLog(recovered.Log, committed, recovered.Applied, options.TailBytesMax);
        member = new Member(options, recovered, log);
        applying = new ApplyBudget(options.ApplyingBytesMax);
        handedHardState = recovered.HardState;
        handedLeadership = Leadership;
    }

    /// <summary>This member.</summary>
    public MemberId Id => member.Id;

    /// <summary>The leader of <see cref="Term"/>, as far as known; perhaps this member.</summary>
    public MemberId Leader => member.Leader;

    /// <summary>What this member does.</summary>
    public RaftRole Role => member.Role.Kind;

    /// <summary>The latest term it knows of.</summary>
    public Term Term => member.Term;

    /// <summary>Up to here entries are known to be committed.</summary>
    public LogIndex CommitIndex => member.Log.Committed;

    /// <summary>The last entry of its log, durable or not.</summary>
    public LogIndex LastIndex => member.Log.Last;

    /// <summary>Up to here its log is durable.</summary>
    public LogIndex DurableIndex => member.Log.Stable;

    /// <summary>Up to here its state machine has applied.</summary>
    public LogIndex AppliedIndex => member.AppliedIndex;

    /// <summary>The configuration that holds here: that of <see cref="AppliedIndex"/>.</summary>
    public Configuration Configuration => member.Configuration;

    /// <summary>To whom leadership is being handed over, if to anyone.</summary>
    public MemberId TransferTarget => member.Role is LeaderRole leader ? leader.Transfer.Target : MemberId.None;

    /// <summary>
    /// False keeps this member from campaigning; it votes and follows all the same, and keeps leading if it leads.
    /// </summary>
    public bool MayCampaign
    {
        get => member.MayCampaign;
        set => member.MayCampaign = value;
    }

    /// <summary>Whether <see cref="TakeEffects"/> would hand out anything.</summary>
    public bool HasEffects =>
        member.Outbox.HasAny
        || member.Log.Written < member.Log.Last
        || member.HardState != handedHardState
        || member.Role.HasToFlush
        || member.Reads.HasToFlush
        || member.Reads.HasResults
        || member.Snapshots.Count > 0
        || MayHandCommitted
        || Leadership != handedLeadership;

    bool MayHandCommitted => member.Log.HasCommittedToHand && applying.Left > 0;

    (RaftRole Role, MemberId Leader, Term Term) Leadership => (Role, Leader, Term);

    /// <summary>One tick of the caller's clock has passed.</summary>
    public void Tick() => member.Tick(member.Now);

    /// <summary>One tick has passed, and it is <paramref name="now"/> on the caller's monotonic clock: what leases need.</summary>
    public void Tick(long now) => member.Tick(now);

    /// <summary>
    /// A message came. Those for others, from nobody, or of terms gone by change nothing; whoever sends, known or not, can at
    /// most raise the term.
    /// </summary>
    public void Step(RaftMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        TermGate.Step(member, message);
    }

    /// <summary>Proposes commands: all are appended next to each other, or none.</summary>
    public ProposeResult Propose(params ReadOnlySpan<ReadOnlyMemory<byte>> commands) =>
        member.Role is LeaderRole leader ? leader.Proposals.Propose(commands) : NotLeader;

    /// <summary>
    /// Proposes to change the configuration. Refused while another change is under way, before the leader has committed an
    /// entry of its term, where the change makes no sense, or where <paramref name="expectedConfigurationIndex"/> is neither
    /// 0 nor the <see cref="Raft.Configuration.Index"/> of the current one.
    /// </summary>
    public ProposeResult ProposeConfiguration(ConfigurationChange change, LogIndex expectedConfigurationIndex)
    {
        ArgumentNullException.ThrowIfNull(change);
        return member.Role is LeaderRole leader
            ? leader.Proposals.Propose(change, expectedConfigurationIndex)
            : NotLeader;
    }

    /// <summary>
    /// The configuration once a committed entry of kind <see cref="EntryKind.Configuration"/> is applied, to be made durable
    /// together with the apply.
    /// </summary>
    /// <exception cref="ArgumentException">The entry is of another kind.</exception>
    [SuppressMessage(
        "Performance",
        "CA1822",
        Justification = "Part of the core's door; the format behind it may need its state."
    )]
    public Configuration ConfigurationAfter(in LogEntry entry) =>
        entry.Kind == EntryKind.Configuration
            ? Member.ConfigurationOf(entry)
            : throw new ArgumentException($"Entry {entry.Index} is no configuration.", nameof(entry));

    /// <summary>
    /// Begins a linearizable read. It ends once, in <see cref="RaftEffects.Reads"/>: ready when the state machine has reached
    /// what was committed when the read began, or refused (no leader, leader lost, answer lost, too many wait).
    /// </summary>
    public void ReadIndex(ulong readId) => member.Reads.Ask(readId);

    /// <summary>
    /// Begins a read that a leader with a lease serves alone (thesis, section 6.4.1); without a lease at
    /// <paramref name="now"/>, on the clock of <see cref="Tick(long)"/>, it is as <see cref="ReadIndex"/>. It trusts that
    /// clocks of all members run about equally fast, which <see cref="ReadIndex"/> does not.
    /// </summary>
    public void ReadLease(ulong readId, long now)
    {
        member.Observe(now);
        if (member.Role is LeaderRole leader && leader.HoldsLease(now))
        {
            member.Reads.AskAnswered(readId, member.Log.Committed);
            return;
        }

        member.Reads.Ask(readId);
    }

    /// <summary>The write with this id, and all before it, are durable. Said again it changes nothing.</summary>
    public void Persisted(ulong writeId) => member.Persisted(writeId);

    /// <summary>
    /// The state machine has applied up to here; configurations up to here hold from now on. Said again it changes nothing.
    /// </summary>
    public void Applied(LogIndex index)
    {
        applying.Applied(index);
        member.Applied(index);
    }

    /// <summary>
    /// Whether installing a snapshot would help. To be asked right before the install takes effect, with no input between that
    /// and <see cref="SnapshotInstalled"/>: what this member has acknowledged by then must not be thrown away. A snapshot that
    /// is not wanted is as good as received.
    /// </summary>
    public bool WantsSnapshot(LogIndex index, Term term) =>
        Role != RaftRole.Leader && index > CommitIndex && !member.Log.Matches(index, term);

    /// <summary>
    /// A received snapshot is durably installed: the log is empty and restarts behind <paramref name="index"/>, whose term is
    /// <paramref name="term"/> (paper, section 7). It stands for entries that were handed out and not applied yet: those must
    /// not be applied any more. The leader is told.
    /// </summary>
    /// <exception cref="RaftInvariantException">The snapshot was not wanted.</exception>
    public void SnapshotInstalled(LogIndex index, Term term, Configuration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        // The reader speaks of the new log already, so what was there before cannot be asked any more.
        if (Role == RaftRole.Leader || index <= CommitIndex)
        {
            throw new RaftInvariantException($"A snapshot at {index} was installed over a log that has more.");
        }

        if (term > Term || Role != RaftRole.Follower)
        {
            member.BecomeFollower(term > Term ? term : Term, MemberId.None);
        }

        member.Restart(index, term, configuration);
        applying.Applied(index);
        if (!Leader.IsNone)
        {
            FollowerRole.Acknowledge(member, Leader, index);
        }
    }

    /// <summary>The snapshot asked for by <see cref="SnapshotRequest"/> was sent whole; it holds the log up to an index.</summary>
    public void SnapshotSent(MemberId to, LogIndex index) => EndSnapshot(to, index);

    /// <summary>The snapshot could not be sent. It is asked for again after the member's next sign of life.</summary>
    public void SnapshotFailed(MemberId to) => EndSnapshot(to, LogIndex.Zero);

    /// <summary>
    /// A message could not be delivered: what is under way to this member is probably lost, so the leader asks where it
    /// stands before it sends more. Only a hint; lost messages are found out without it, later.
    /// </summary>
    public void Unreachable(MemberId to)
    {
        if (
            member.Role is LeaderRole leader
            && leader.Progress.Find(to) is { State: ReplicationState.Replicate } progress
            && to != Id
        )
        {
            progress.BecomeProbe();
            progress.AwaitSignOfLife();
        }
    }

    /// <summary>
    /// Hands leadership to another voter, which campaigns at once (thesis, section 3.10); a follower passes the wish on. Given
    /// up after an election timeout. Members that are no voters are ignored.
    /// </summary>
    public void TransferLeadership(MemberId to)
    {
        if (member.Role is LeaderRole leader)
        {
            leader.TransferTo(to);
        }
        else if (!Leader.IsNone && !to.IsNone)
        {
            member.Outbox.Send(
                new RaftMessage
                {
                    Kind = RaftMessageKind.TransferRequest,
                    From = Id,
                    To = Leader,
                    Term = Term,
                    Context = to.Value,
                }
            );
        }
    }

    /// <summary>
    /// Makes a follower forget its leader, because the caller knows better: it no longer shields the leader from campaigns.
    /// Where leases are on that would break one, so nothing happens.
    /// </summary>
    public void ForgetLeader()
    {
        if (Role == RaftRole.Follower && member.Options.LeaseDuration == 0)
        {
            member.ForgetLeader();
        }
    }

    /// <summary>
    /// Campaigns now, if it may. With leases on it may not while a leader could be reading alone on its word.
    /// </summary>
    public void Campaign()
    {
        if (!member.IsLeased)
        {
            member.Campaign();
        }
    }

    /// <summary>Fills <paramref name="into"/> with what is known of the followers, if this member leads; else with nothing.</summary>
    [SuppressMessage("Design", "MA0016", Justification = "A list that is filled in place without an allocation.")]
    public void ReadProgress(List<FollowerProgress> into)
    {
        ArgumentNullException.ThrowIfNull(into);
        into.Clear();
        if (member.Role is LeaderRole leader)
        {
            foreach (var progress in leader.Progress.All)
            {
                into.Add(progress.Describe());
            }
        }
    }

    /// <summary>Clears <paramref name="into"/> and moves into it what is to be done now.</summary>
    public void TakeEffects(RaftEffects into)
    {
        ArgumentNullException.ThrowIfNull(into);
        into.Clear();
        member.Reads.Flush();
        member.Role.Flush();
        into.Write = TakeWrite();
        member.Outbox.Seal(member.Log.Writes.LastSyncId, member.Log.Writes.DurableId);
        member.Outbox.MoveTo(into.Messages);
        TakeCommitted(into);
        member.Reads.MoveTo(into.Reads);
        into.Snapshots.AddRange(member.Snapshots);
        member.Snapshots.Clear();
        into.LeadershipChanged = Leadership != handedLeadership;
        handedLeadership = Leadership;
    }

    ProposeResult NotLeader => new(ProposeOutcome.NotLeader, default, Term, Leader);

    LogWrite? TakeWrite()
    {
        var hardState = member.HardState;
        var entries = member.Log.TakeUnwritten();
        if (entries.Length == 0 && hardState == handedHardState)
        {
            return null;
        }

        var mustSync =
            entries.Length > 0 || hardState.Term != handedHardState.Term || hardState.Vote != handedHardState.Vote;
        var write = new LogWrite
        {
            WriteId = member.Log.Writes.Add(member.Log.Written, hardState, mustSync),
            HardState = hardState == handedHardState ? null : hardState,
            Entries = entries,
            MustSync = mustSync,
        };
        handedHardState = hardState;
        return write;
    }

    void TakeCommitted(RaftEffects into)
    {
        if (!MayHandCommitted)
        {
            return;
        }

        var bytes = member.Log.TakeCommitted(applying.Left, into.Committed);
        applying.Handed(member.Log.Handed, bytes);
        if (member.Role is LeaderRole leader)
        {
            foreach (var entry in into.Committed)
            {
                leader.Proposals.Committed(entry);
            }
        }
    }

    void EndSnapshot(MemberId to, LogIndex sent)
    {
        if (
            member.Role is LeaderRole leader
            && leader.Progress.Find(to) is { State: ReplicationState.Snapshot } progress
        )
        {
            progress.EndSnapshot(sent);
        }
    }
}
