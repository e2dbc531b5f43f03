using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Planted;

/// <summary>A leader that commits what it should not: each of these counts in a way of its own.</summary>
internal abstract class CommitFlaw : Flaw
{
    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (CoreDoor.LeaderOf(replica.Core) is not { } leader)
        {
            return;
        }
        var log = CoreDoor.LogOf(replica.Core);
        var reached = Reached(leader, replica.Core.Configuration, log);
        var isOwn = log.Matches(new(reached), replica.Core.Term);
        if (reached > log.Committed.Value && reached <= log.Last.Value && (isOwn || !NeedsOwnTerm))
        {
            log.CommitTo(new(reached));
            leader.Changed();
        }
    }

    protected virtual bool NeedsOwnTerm => true;

    protected abstract ulong Reached(LeaderRole leader, Configuration configuration, RaftLog log);

    /// <summary>The greatest index that so many of these members have reached.</summary>
    protected static ulong ReachedBy(LeaderRole leader, IEnumerable<MemberId> members, int needed)
    {
        var matches = members
            .Select(member => leader.Progress.Find(member)?.Match.Value ?? 0)
            .OrderDescending()
            .ToArray();
        return needed >= 1 && needed <= matches.Length ? matches[needed - 1] : 0;
    }
}

/// <summary>Entries of older terms are committed by counting (Raft paper, figure 8).</summary>
internal sealed class OlderTermCommittedByCounting : CommitFlaw
{
    protected override bool NeedsOwnTerm => false;

    protected override ulong Reached(LeaderRole leader, Configuration configuration, RaftLog log) =>
        leader.Progress.Committed(configuration).Value;
}

/// <summary>One less than a majority is enough.</summary>
internal sealed class QuorumOffByOne : CommitFlaw
{
    protected override ulong Reached(LeaderRole leader, Configuration configuration, RaftLog log) =>
        ReachedBy(leader, configuration.Voters, configuration.Voters.Length / 2);
}

/// <summary>In a joint configuration the outgoing voters are not asked.</summary>
internal sealed class JointQuorumSkipped : CommitFlaw
{
    protected override ulong Reached(LeaderRole leader, Configuration configuration, RaftLog log) =>
        ReachedBy(leader, configuration.Voters, (configuration.Voters.Length / 2) + 1);
}

/// <summary>Learners count like voters.</summary>
internal sealed class LearnerCounted : CommitFlaw
{
    protected override ulong Reached(LeaderRole leader, Configuration configuration, RaftLog log) =>
        ReachedBy(leader, configuration.Members, (configuration.Voters.Length / 2) + 1);
}

/// <summary>The leader counts what it holds in memory.</summary>
internal sealed class LeaderCountsBeforeDurable : CommitFlaw
{
    protected override ulong Reached(LeaderRole leader, Configuration configuration, RaftLog log)
    {
        leader.Progress.Find(leader.Progress.All[0].Member);
        var others = configuration.Voters.Where(voter => voter != Self(leader));
        var reached = ReachedBy(leader, others, configuration.Voters.Length / 2);
        return configuration.IsJoint ? 0 : reached;
    }

    private static MemberId Self(LeaderRole leader) =>
        leader.Progress.All.First(progress => progress.LeaseFrom == ulong.MaxValue).Member;
}

/// <summary>A second change of the configuration is taken while the first one is under way.</summary>
internal sealed class TwoConfigurationsAtOnce : Flaw
{
    public override void BeforeConfiguration(SimulatedReplica leader)
    {
        if (CoreDoor.LeaderOf(leader.Core) is not null)
        {
            CoreDoor.LogOf(leader.Core).Configurations.Clear();
        }
    }
}
