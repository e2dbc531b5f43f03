using System.Collections.Immutable;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Membership;

/// <summary>
/// The next step from the configuration that a group has to the members that its map wants. Pure: a leader asks anew
/// each time, with what it has applied, so that neither a lost step nor a change of leader needs to be remembered.
/// </summary>
/// <remarks>
/// In this order (thesis, sections 4.2.1, 4.2.2 and 4.3):
/// <list type="number">
/// <item>While a joint configuration holds: wait, the leader leaves it by itself.</item>
/// <item>A leader that is not wanted hands over to a wanted voter that is caught up; callers know the wanted ones best. It
/// never removes itself: its successor does.</item>
/// <item>Who is wanted and no member becomes a learner, one after another.</item>
/// <item>Once all wanted learners hold about what is committed, one joint change makes them voters and removes who is not
/// wanted any more. A learner that is not wanted never holds that up.</item>
/// <item>With no learner to wait for, who is not wanted is removed.</item>
/// </list>
/// No step leaves a group without voters, for each keeps at least one that is wanted, or the leader.
/// </remarks>
internal static class MembershipPlan
{
    /// <summary>How many entries a learner may lack of what is committed and still be made a voter.</summary>
    public const ulong LagEntriesMax = 64;

    /// <summary>Computes the step.</summary>
    /// <param name="wanted">The members that the map wants; with none nothing is done.</param>
    /// <param name="leader">The leader that asks.</param>
    /// <param name="current">The configuration that it has applied.</param>
    /// <param name="progress">What it knows of the members.</param>
    /// <param name="commit">Up to where its log is committed.</param>
    public static MembershipStep Next(
        IReadOnlyCollection<MemberId> wanted,
        MemberId leader,
        Configuration current,
        IReadOnlyCollection<FollowerProgress> progress,
        LogIndex commit
    )
    {
        if (wanted.Count == 0 || !current.IsVoter(leader))
        {
            return MembershipStep.Settled;
        }
        if (current.IsJoint)
        {
            return MembershipStep.Wait;
        }
        if (!wanted.Contains(leader) && SuccessorOf(wanted, current, progress, commit) is { } successor)
        {
            return MembershipStep.HandOverTo(successor);
        }
        foreach (var member in wanted)
        {
            if (!current.IsMember(member))
            {
                return MembershipStep.Of(ConfigurationChange.AddLearner(member), current);
            }
        }
        var learners = wanted.Where(current.IsLearner).ToArray();
        if (!Array.TrueForAll(learners, member => IsCaughtUp(member, progress, commit)))
        {
            return MembershipStep.Wait;
        }
        ImmutableArray<MemberChange> changes =
        [
            .. learners.Select(member => new MemberChange(MemberChangeKind.AddVoter, member)),
            .. current
                .Members.Where(member => member != leader && !wanted.Contains(member))
                .Select(member => new MemberChange(MemberChangeKind.Remove, member)),
        ];
        if (!changes.IsEmpty)
        {
            return MembershipStep.Of(new(changes), current);
        }
        return wanted.Contains(leader) ? MembershipStep.Settled : MembershipStep.Wait;
    }

    private static MemberId? SuccessorOf(
        IReadOnlyCollection<MemberId> wanted,
        Configuration current,
        IReadOnlyCollection<FollowerProgress> progress,
        LogIndex commit
    )
    {
        FollowerProgress? best = null;
        foreach (var follower in progress)
        {
            if (
                wanted.Contains(follower.Member)
                && current.IsVoter(follower.Member)
                && IsCaughtUp(follower.Member, progress, commit)
                && (best is null || follower.Match > best.Value.Match)
            )
            {
                best = follower;
            }
        }
        return best?.Member;
    }

    private static bool IsCaughtUp(MemberId member, IReadOnlyCollection<FollowerProgress> progress, LogIndex commit)
    {
        foreach (var follower in progress)
        {
            if (follower.Member == member)
            {
                return follower.State == ReplicationState.Replicate
                    && follower.IsActive
                    && follower.Match.Value + LagEntriesMax >= commit.Value;
            }
        }
        return false;
    }
}
