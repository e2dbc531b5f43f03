using Exapyte.Grains.Replicas.Membership;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// Who belongs to the group: the map is the intent, the committed configuration the truth, and whoever leads brings the
/// one to the other, a step at a time (<see cref="MembershipPlan"/>).
/// </summary>
internal sealed partial class RaftReplica
{
    private MemberId[] wanted = [];
    private int ticksUntilMembership;

    /// <summary>The members that the newest map wants. A group that sleeps wakes where that is news to its leader.</summary>
    private void WantMembersOf(ReplicaLoop replica, KeyspaceMap current)
    {
        if (current.Epoch < map?.Epoch)
        {
            return;
        }
        wanted = Array.Find(current.Shards, shard => shard.ShardId == Identity.ShardId) is { } shard
            ? [.. shard.Replicas.Select(member => new MemberId((ulong)member.ReplicaId))]
            : [];
        ticksUntilMembership = 0;
        if (replica.Core.Role == RaftRole.Leader && NextStep(replica).Kind != MembershipStepKind.Settled)
        {
            replica.StayAwake();
        }
    }

    /// <summary>
    /// A leader looks at its group's membership: each tick while there is something to do, which also keeps the group
    /// awake, else every few seconds.
    /// </summary>
    private void ConsiderMembership(ReplicaLoop replica)
    {
        if (--ticksUntilMembership > 0)
        {
            return;
        }
        ticksUntilMembership = node.Options.LeaderCheckTicks;
        if (replica.Core.Role != RaftRole.Leader || !replica.Core.TransferTarget.IsNone)
        {
            return;
        }
        var step = NextStep(replica);
        if (step.Kind == MembershipStepKind.Settled)
        {
            return;
        }
        ticksUntilMembership = 0;
        replica.StayAwake();
        switch (step.Kind)
        {
            case MembershipStepKind.Change:
                var result = replica.Core.ProposeConfiguration(step.Change!, step.Expected);
                if (result.Outcome == ProposeOutcome.Accepted)
                {
                    LogMembership(Identity.ReplicaId, replica.Core.Configuration, step.Change!);
                }
                break;
            case MembershipStepKind.HandOver:
                replica.Core.TransferLeadership(step.Successor);
                break;
        }
    }

    private MembershipStep NextStep(ReplicaLoop replica)
    {
        replica.Core.ReadProgress(progress);
        return MembershipPlan.Next(
            wanted,
            replica.Core.Id,
            replica.Core.Configuration,
            progress,
            replica.Core.CommitIndex
        );
    }

    /// <summary>Whether the group has taken the replica in as a voter; before that its state may lack almost everything.</summary>
    private bool IsVoter => loop.Core.Configuration.IsVoter(loop.Core.Id);

    private ReadVerdict NotTakenIn =>
        new(OutcomeKind.NotLeader, "This replica is still being built, or has left its group.", loop.Core.Leader);

    [LoggerMessage(LogLevel.Information, "Replica {ReplicaId} leads {Configuration} to {Change}")]
    private partial void LogMembership(long replicaId, Configuration configuration, ConfigurationChange change);
}
