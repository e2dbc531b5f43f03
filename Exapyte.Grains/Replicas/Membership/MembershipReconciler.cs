using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Membership;

/// <summary>
/// Who belongs to the group: the map is the intent, the committed configuration the truth, and whoever leads brings the
/// one to the other, a step at a time (<see cref="MembershipPlan"/>). Looks at a view and returns inputs, and does nothing
/// else.
/// </summary>
/// <param name="checkTicks">Ticks between two looks where nothing is to be done.</param>
internal sealed class MembershipReconciler(int checkTicks)
{
    private MemberId[] wanted = [];
    private int ticksUntilCheck;

    /// <summary>A newer map wants these members. A group that sleeps wakes where that is news to its leader.</summary>
    /// <param name="members">The members; with none nothing is done.</param>
    /// <param name="view">The replica.</param>
    /// <param name="progress">What it knows of the members.</param>
    public ReplicaInput? Want(MemberId[] members, ReplicaView view, List<FollowerProgress> progress)
    {
        wanted = members;
        LookSoon();
        return view.Role == RaftRole.Leader && StepOf(view, progress).Kind != MembershipStepKind.Settled
            ? ReplicaInput.StayAwake.Now
            : null;
    }

    /// <summary>Somebody else leads: with the next tick it is looked at anew what is to be done.</summary>
    public void LookSoon() => ticksUntilCheck = 0;

    /// <summary>
    /// A tick has passed. A leader looks at its group's membership: each tick while there is something to do, which also
    /// keeps the group awake, else every few seconds.
    /// </summary>
    /// <param name="view">The replica.</param>
    /// <param name="progress">What it knows of the members.</param>
    public ReplicaInput? NextOf(ReplicaView view, List<FollowerProgress> progress)
    {
        if (--ticksUntilCheck > 0)
        {
            return null;
        }
        ticksUntilCheck = checkTicks;
        if (view.Role != RaftRole.Leader || !view.TransferTarget.IsNone)
        {
            return null;
        }
        var step = StepOf(view, progress);
        if (step.Kind == MembershipStepKind.Settled)
        {
            return null;
        }
        LookSoon();
        return step.Kind switch
        {
            MembershipStepKind.Change => new ReplicaInput.ChangeMembers(step.Change!, step.Expected),
            MembershipStepKind.HandOver => new ReplicaInput.TransferLeadership(step.Successor),
            MembershipStepKind.Wait => ReplicaInput.StayAwake.Now,
            _ => throw new InvalidOperationException($"No step of membership is {step.Kind}."),
        };
    }

    private MembershipStep StepOf(ReplicaView view, List<FollowerProgress> progress) =>
        MembershipPlan.Next(wanted, view.Id, view.Configuration, progress, view.CommitIndex);
}
