using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// Tells from the ticks whether a member has been without a leader for the length of two elections
/// (<see cref="Nodes.ReplicaOptions.OutageTicks"/>). A leader without a majority steps down (check-quorum, thesis 6.2) and is then
/// without one like the others. Until then callers are sent on, for an election usually ends in a moment; from then on
/// there is nothing to wait for and they are refused at once. A member that may not stand yet has only just started, and knows
/// nothing. Used by one thread at a time.
/// </summary>
internal sealed class QuorumWatch(int outageTicks)
{
    private int ticksWithoutLeader;

    /// <summary>A tick of a member that is awake has passed.</summary>
    public void Tick(RaftCore core) =>
        ticksWithoutLeader = core.Leader.IsNone && core.MayCampaign ? Math.Min(ticksWithoutLeader + 1, outageTicks) : 0;

    /// <summary>Whether no leader, and so no quorum, has been in reach for so long, and none is now.</summary>
    public bool IsOut(RaftCore core) => ticksWithoutLeader >= outageTicks && core.Leader.IsNone;
}
