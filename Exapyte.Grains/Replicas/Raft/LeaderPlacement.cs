using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// Who leads: the preferred leader of the map, so that leaders are spread as the control plane placed them; on a node that
/// drains, whoever is best able to take over. Looks at a view and returns inputs, and does nothing else.
/// </summary>
/// <param name="checkTicks">Ticks between two looks.</param>
internal sealed class LeaderPlacement(int checkTicks)
{
    private int ticksUntilCheck;
    private bool preferredWasReady;

    /// <summary>The leader that the map prefers; none where it knows no map.</summary>
    public MemberId Preferred { get; set; }

    /// <summary>
    /// A tick has passed. Every few seconds a leader that is not the preferred one looks whether that one is ready to lead,
    /// and hands over where it was so twice.
    /// </summary>
    /// <param name="view">The replica.</param>
    /// <param name="progress">What it knows of the members.</param>
    /// <param name="wire">Knows whose node is alive.</param>
    public ReplicaInput? NextOf(ReplicaView view, List<FollowerProgress> progress, IReplicaWire wire)
    {
        if (--ticksUntilCheck > 0)
        {
            return null;
        }
        ticksUntilCheck = checkTicks;
        var isReady =
            view.Role == RaftRole.Leader
            && view.TransferTarget.IsNone
            && !Preferred.IsNone
            && Preferred != view.Id
            && wire.IsAlive(Preferred)
            && progress.Exists(follower =>
                follower.Member == Preferred
                && follower.State == ReplicationState.Replicate
                && follower.Match >= view.CommitIndex
            );
        var handsOver = isReady && preferredWasReady;
        preferredWasReady = isReady && !preferredWasReady;
        return handsOver ? new ReplicaInput.TransferLeadership(Preferred) : null;
    }

    /// <summary>To whom a leader that is to go hands over: the voter on a live node that has most of the log.</summary>
    /// <param name="view">The replica.</param>
    /// <param name="progress">What it knows of the members.</param>
    /// <param name="wire">Knows whose node is alive.</param>
    public static MemberId? SuccessorOf(ReplicaView view, List<FollowerProgress> progress, IReplicaWire wire)
    {
        if (view.Role != RaftRole.Leader)
        {
            return null;
        }
        FollowerProgress? best = null;
        foreach (var follower in progress)
        {
            if (
                follower.Member != view.Id
                && view.Configuration.IsVoter(follower.Member)
                && wire.IsAlive(follower.Member)
                && (best is null || follower.Match > best.Value.Match)
            )
            {
                best = follower;
            }
        }
        return best?.Member;
    }
}
