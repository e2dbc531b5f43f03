using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// Lets an idle group sleep: a leader all of whose followers hold everything it has says so once, and from then on
/// neither it nor they tick, until anything happens to them. That the leader's node lives is what the nodes' own
/// heartbeat watches, one a node pair for all groups together; when it falls silent the followers wake and elect.
/// </summary>
/// <remarks>
/// Sleeping never weakens a promise: a leader that wakes has to prove that it still leads before it serves a read, and a
/// majority before it acknowledges a write, like any other. A follower that does not sleep with the others campaigns in
/// time, which wakes them. Used by one thread at a time; <see cref="IsAsleep"/> may be read by any.
/// </remarks>
internal sealed class Quiescence(int idleTicksMin)
{
    private readonly List<FollowerProgress> followers = [];
    private volatile bool isAsleep;
    private int idleTicks;

    /// <summary>Whether the member sleeps: it needs no ticks.</summary>
    public bool IsAsleep => isAsleep;

    /// <summary>Something happened: the member is awake, for a while at least.</summary>
    public void Wake()
    {
        isAsleep = false;
        idleTicks = 0;
    }

    /// <summary>Wakes the member where something happened that concerns the group.</summary>
    public void WakeIf(bool concernsGroup)
    {
        if (concernsGroup)
        {
            Wake();
        }
    }

    /// <summary>A tick passed.</summary>
    /// <param name="core">The member.</param>
    /// <param name="anyoneWaits">Whether a caller waits for something.</param>
    /// <returns>True: the leader falls asleep now, and is to tell the others.</returns>
    public bool Tick(RaftCore core, bool anyoneWaits)
    {
        if (anyoneWaits || !IsAtRest(core))
        {
            idleTicks = 0;
            return false;
        }
        if (++idleTicks < idleTicksMin)
        {
            return false;
        }
        isAsleep = true;
        return true;
    }

    /// <summary>Whether a message changes anything for a member that sleeps; late answers to a leader's beats do not.</summary>
    public static bool IsNews(RaftMessage message, RaftCore core) =>
        !(
            core.Role == RaftRole.Leader
            && message.Term == core.Term
            && !message.Reject
            && message.Kind is RaftMessageKind.HeartbeatResponse or RaftMessageKind.AppendResponse
        );

    /// <summary>The leader says that all is at rest at an index: a follower that sees it the same way falls asleep.</summary>
    public void Hear(RaftCore core, MemberId leader, Term term, LogIndex index)
    {
        if (
            core.Role == RaftRole.Follower
            && core.Term == term
            && core.Leader == leader
            && core.LastIndex == index
            && core.CommitIndex == index
            && core.DurableIndex == index
            && core.AppliedIndex == index
        )
        {
            isAsleep = true;
        }
    }

    private bool IsAtRest(RaftCore core)
    {
        if (
            core.Role != RaftRole.Leader
            || core.CommitIndex != core.LastIndex
            || core.AppliedIndex != core.LastIndex
            || core.DurableIndex != core.LastIndex
            || core.Configuration.IsJoint
            || !core.TransferTarget.IsNone
        )
        {
            return false;
        }
        core.ReadProgress(followers);
        foreach (var follower in followers)
        {
            if (
                follower.Member != core.Id
                && (follower.State != ReplicationState.Replicate || follower.Match != core.LastIndex)
            )
            {
                return false;
            }
        }
        return true;
    }
}
