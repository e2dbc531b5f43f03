namespace Exapyte.Raft;

/// <summary>How a leader sends entries to one follower.</summary>
public enum ReplicationState
{
    /// <summary>It does not know where the logs part: one append at a time, until one is answered.</summary>
    Probe,

    /// <summary>The logs matched: appends follow each other without waiting, within the window.</summary>
    Replicate,

    /// <summary>What the follower needs is compacted: no appends until a snapshot is there.</summary>
    Snapshot,
}

/// <summary>
/// What a leader knows about one member.
/// <list type="bullet">
/// <item>Match &lt; Next. Entries up to Match are durable there and equal; Next is the first that was not sent.</item>
/// <item>Match only rises within one term.</item>
/// <item>In Probe nothing is sent while an answer (or the next heartbeat's) is awaited.</item>
/// <item>Only in Replicate are messages in the window.</item>
/// </list>
/// </summary>
sealed class Progress(MemberId member, LogIndex next, Inflights inflights)
{
    public MemberId Member => member;

    public LogIndex Match { get; private set; }

    public LogIndex Next { get; private set; } = next;

    public ReplicationState State { get; private set; }

    public Inflights Inflights => inflights;

    /// <summary>The commit index that was last sent, as far as the follower could use it.</summary>
    public LogIndex SentCommit { get; private set; }

    /// <summary>Whether a probe is under way.</summary>
    public bool AwaitsAnswer { get; private set; }

    /// <summary>Whether something, be it an empty append, should go out to find out where the follower stands.</summary>
    public bool IsNudged { get; set; }

    /// <summary>Whether it spoke since the last check for a quorum.</summary>
    public bool IsActive { get; set; }

    /// <summary>The greatest beat it answered.</summary>
    public ulong AnsweredBeat { get; set; }

    /// <summary>One more than the time when the last answered beat was sent; 0 if none was.</summary>
    public ulong LeaseFrom { get; set; }

    public bool IsPaused =>
        State switch
        {
            ReplicationState.Probe => AwaitsAnswer,
            ReplicationState.Snapshot => true,
            _ => false,
        };

    /// <summary>The leader's own progress: what is durable here.</summary>
    public void SetOwn(LogIndex stable)
    {
        Match = LogIndex.Max(Match, stable);
        Next = LogIndex.Max(Next, Match.Next);
        State = ReplicationState.Replicate;
        IsActive = true;
    }

    /// <summary>The follower confirmed that it matches through an index. False if that is no news.</summary>
    public bool Confirm(LogIndex index)
    {
        if (index <= Match)
        {
            return false;
        }

        Match = index;
        Next = LogIndex.Max(Next, index.Next);
        AwaitsAnswer = false;
        return true;
    }

    /// <summary>
    /// The follower rejected an append behind <paramref name="rejected"/> and perhaps matches at <paramref name="hint"/>. False
    /// if that was an answer to an older question.
    /// </summary>
    public bool Reject(LogIndex rejected, LogIndex hint)
    {
        if (State == ReplicationState.Replicate)
        {
            if (rejected <= Match)
            {
                return false;
            }

            BecomeProbe();
            return true;
        }

        if (Next.Previous != rejected)
        {
            return false;
        }

        Next = LogIndex.Max(LogIndex.Min(rejected, hint.Next), Match.Next);
        SentCommit = LogIndex.Min(SentCommit, Next.Previous);
        AwaitsAnswer = false;
        return true;
    }

    public void BecomeProbe(LogIndex snapshot = default)
    {
        Enter(ReplicationState.Probe);
        Next = LogIndex.Max(Match, snapshot).Next;
        SentCommit = LogIndex.Min(SentCommit, Next.Previous);
    }

    public void BecomeReplicate()
    {
        Enter(ReplicationState.Replicate);
        Next = Match.Next;
    }

    public void BecomeSnapshot() => Enter(ReplicationState.Snapshot);

    /// <summary>A snapshot was sent or failed: the answer to it, or the next heartbeat's, tells where to go on.</summary>
    public void EndSnapshot(LogIndex sent)
    {
        BecomeProbe(sent);
        AwaitSignOfLife();
    }

    /// <summary>Sends nothing before the member has answered something, be it a heartbeat.</summary>
    public void AwaitSignOfLife() => AwaitsAnswer = true;

    /// <summary>A sign of life: a probe whose answer was lost is sent again.</summary>
    public void Resume(bool nudge)
    {
        IsActive = true;
        AwaitsAnswer = false;
        IsNudged = nudge;
    }

    public void SentAppend(int entries, long bytes, LogIndex commit)
    {
        IsNudged = false;
        SentCommit = LogIndex.Max(SentCommit, commit);
        if (State == ReplicationState.Probe)
        {
            AwaitsAnswer = true;
            return;
        }

        if (entries > 0)
        {
            Next = new LogIndex(Next.Value + (ulong)entries);
            inflights.Add(Next.Previous, bytes);
        }
    }

    /// <summary>A heartbeat tells less than an append if it must; whatever was told before may be lost, so that is told again.</summary>
    public void SentHeartbeat(LogIndex commit) => SentCommit = commit;

    /// <summary>Whether an empty append would tell the follower of a commit that it can use.</summary>
    public bool LacksCommit(LogIndex commit) => commit > SentCommit && SentCommit < Next.Previous;

    public FollowerProgress Describe() => new(member, State, Match, Next, inflights.Count, inflights.Bytes, IsActive);

    void Enter(ReplicationState state)
    {
        State = state;
        AwaitsAnswer = false;
        inflights.Clear();
    }
}

/// <summary>A follower's progress, for status pages.</summary>
/// <param name="Member">Who.</param>
/// <param name="State">How entries are sent to it.</param>
/// <param name="Match">Up to where its log is known to match and to be durable.</param>
/// <param name="Next">The first entry that was not sent.</param>
/// <param name="InflightMessages">Appends on their way.</param>
/// <param name="InflightBytes">Their bytes.</param>
/// <param name="IsActive">Whether it spoke since the last check for a quorum.</param>
public readonly record struct FollowerProgress(
    MemberId Member,
    ReplicationState State,
    LogIndex Match,
    LogIndex Next,
    int InflightMessages,
    long InflightBytes,
    bool IsActive
);
