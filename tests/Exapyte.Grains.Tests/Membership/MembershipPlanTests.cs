using CsCheck;
using Exapyte.Grains.Replicas.Membership;
using Exapyte.Raft;
using Xunit;

namespace Exapyte.Grains.Tests.Membership;

/// <summary>
/// The plan against a model of a group: a change holds once it is proposed, a joint configuration is left in the next
/// step, learners catch up in time, and who hands over is followed by its successor.
/// </summary>
public sealed class MembershipPlanTests
{
    private const int StepsMax = 64;
    private static readonly LogIndex Commit = new(1_000);

    private static readonly Gen<MemberId> Members = Gen.ULong[1, 9].Select(id => new MemberId(id));

    private static readonly Gen<Configuration> Configurations =
        from voters in Members.HashSet[1, 5]
        from learners in Members.HashSet[0, 4]
        select Configuration.Of(voters, learners.Except(voters));

    private static readonly Gen<(Configuration From, MemberId[] Wanted, int Leader)> Cases =
        from configuration in Configurations
        from wanted in Members.HashSet[1, 5]
        from leader in Gen.Int[0, configuration.Voters.Length - 1]
        select (configuration, wanted.ToArray(), leader);

    [Fact]
    public void From_any_configuration_any_wanted_members_become_the_voters_in_finitely_many_steps() =>
        Cases.Sample(one =>
        {
            var (voters, learners) = Run(one.From, one.Wanted, one.From.Voters[one.Leader], (_, _) => { });
            Assert.Equal(one.Wanted.Order(), voters);
            Assert.Empty(learners);
        });

    [Fact]
    public void Quorums_of_neighbouring_configurations_share_a_member() =>
        Cases.Sample(one =>
            Run(
                one.From,
                one.Wanted,
                one.From.Voters[one.Leader],
                (before, after) => Assert.True(AlwaysOverlap(before, after), $"{before} and {after}")
            )
        );

    [Fact]
    public void No_step_leaves_a_group_without_a_voter_or_removes_the_leader_that_proposes_it() =>
        Cases.Sample(one =>
        {
            var leader = one.From.Voters[one.Leader];
            var step = MembershipPlan.Next(one.Wanted, leader, one.From, CaughtUp(one.From), Commit);
            if (step.Kind != MembershipStepKind.Change)
            {
                return;
            }
            var after = Group.Apply(one.From, step.Change!);
            Assert.NotEmpty(after.Voters);
            Assert.True(after.Voters.Contains(leader), $"{step.Change} removes {leader}");
        });

    [Fact]
    public void Nothing_is_proposed_while_a_joint_configuration_holds() =>
        Cases.Sample(one =>
        {
            var joint = Configuration.Create(new(7), one.Wanted, one.From.Voters, [], [], autoLeave: true);
            var step = MembershipPlan.Next(one.Wanted, one.From.Voters[one.Leader], joint, CaughtUp(joint), Commit);
            Assert.Equal(MembershipStepKind.Wait, step.Kind);
        });

    [Fact]
    public void A_learner_that_lags_is_waited_for_and_nobody_is_removed_meanwhile()
    {
        var configuration = Configuration.Of([new(1), new(2), new(3)], [new(4)]);
        FollowerProgress[] progress = [.. CaughtUp(configuration).Where(one => one.Member != new MemberId(4))];
        var lagging = Progress(
            new(4),
            new(Commit.Value - MembershipPlan.LagEntriesMax - 1),
            ReplicationState.Replicate
        );
        var probed = Progress(new(4), Commit, ReplicationState.Probe);
        MemberId[] wanted = [new(1), new(2), new(4)];
        foreach (var slow in new[] { lagging, probed, Progress(new(4), Commit, ReplicationState.Snapshot) })
        {
            var step = MembershipPlan.Next(wanted, new(1), configuration, [.. progress, slow], Commit);
            Assert.Equal(MembershipStepKind.Wait, step.Kind);
        }
        var ready = MembershipPlan.Next(wanted, new(1), configuration, CaughtUp(configuration), Commit);
        Assert.Equal("+4 -3", ready.Change!.ToString());
    }

    [Fact]
    public void A_map_without_replicas_of_the_shard_changes_nothing()
    {
        var configuration = Configuration.Of(new MemberId(1), new MemberId(2));
        var step = MembershipPlan.Next([], new(1), configuration, CaughtUp(configuration), Commit);
        Assert.Equal(MembershipStepKind.Settled, step.Kind);
    }

    [Fact]
    public void A_leader_that_is_not_wanted_hands_over_to_a_voter_that_is_caught_up_and_to_no_other()
    {
        var configuration = Configuration.Of(new MemberId(1), new MemberId(2), new MemberId(3));
        MemberId[] wanted = [new(2), new(3)];
        FollowerProgress[] progress =
        [
            Progress(new(1), Commit, ReplicationState.Replicate),
            Progress(new(2), Commit, ReplicationState.Probe),
            Progress(new(3), Commit, ReplicationState.Replicate),
        ];
        var step = MembershipPlan.Next(wanted, new(1), configuration, progress, Commit);
        Assert.Equal(MembershipStep.HandOverTo(new(3)), step);
        var nobody = MembershipPlan.Next(wanted, new(1), configuration, progress[..2], Commit);
        Assert.Equal(MembershipStepKind.Wait, nobody.Kind);
    }

    private static (MemberId[] Voters, MemberId[] Learners) Run(
        Configuration from,
        MemberId[] wanted,
        MemberId leader,
        Action<Configuration, Configuration> onChange
    )
    {
        var configuration = from;
        for (var step = 0; step < StepsMax; step++)
        {
            var next = MembershipPlan.Next(wanted, leader, configuration, CaughtUp(configuration), Commit);
            var before = configuration;
            switch (next.Kind)
            {
                case MembershipStepKind.Settled:
                    return ([.. configuration.Voters], [.. configuration.Learners]);
                case MembershipStepKind.HandOver:
                    Assert.True(configuration.IsVoter(next.Successor));
                    leader = next.Successor;
                    break;
                case MembershipStepKind.Change:
                    configuration = Group.Apply(configuration, next.Change!);
                    break;
                default:
                    Assert.True(configuration.IsJoint, "It waits for nothing.");
                    configuration = Group.Apply(configuration, ConfigurationChange.Leave);
                    break;
            }
            onChange(before, configuration);
        }
        throw new InvalidOperationException($"Not settled after {StepsMax} steps: {configuration}");
    }

    private static FollowerProgress[] CaughtUp(Configuration configuration) =>
        [.. configuration.Members.Select(member => Progress(member, Commit, ReplicationState.Replicate))];

    private static FollowerProgress Progress(MemberId member, LogIndex match, ReplicationState state) =>
        new(member, state, match, match.Next, 0, 0, IsActive: true);

    /// <summary>Whether no two sets of members can decide, one by either configuration, without sharing one.</summary>
    private static bool AlwaysOverlap(Configuration one, Configuration other)
    {
        MemberId[] all = [.. one.Members.Union(other.Members)];
        for (var set = 0; set < 1 << all.Length; set++)
        {
            var chosen = all.Where((_, place) => (set & (1 << place)) != 0).ToHashSet();
            if (Decides(one, chosen) && Decides(other, [.. all.Except(chosen)]))
            {
                return false;
            }
        }
        return true;
    }

    private static bool Decides(Configuration configuration, HashSet<MemberId> set) =>
        HasMajority(configuration.Voters, set)
        && (!configuration.IsJoint || HasMajority(configuration.OutgoingVoters, set));

    private static bool HasMajority(IReadOnlyCollection<MemberId> voters, HashSet<MemberId> set) =>
        voters.Count(set.Contains) > voters.Count / 2;

    /// <summary>What a change leads to, as the core documents it: one change at once, several jointly.</summary>
    private static class Group
    {
        public static Configuration Apply(Configuration current, ConfigurationChange change)
        {
            if (change.IsLeave)
            {
                return Configuration.Of(current.Voters, current.Learners);
            }
            HashSet<MemberId> voters = [.. current.Voters];
            HashSet<MemberId> learners = [.. current.Learners];
            foreach (var step in change.Changes)
            {
                voters.Remove(step.Member);
                learners.Remove(step.Member);
                if (step.Kind != MemberChangeKind.Remove)
                {
                    (step.Kind == MemberChangeKind.AddVoter ? voters : learners).Add(step.Member);
                }
            }
            var isJoint = change.Changes.Length > 1;
            return Configuration.Create(
                current.Index.Next,
                voters,
                isJoint ? current.Voters : [],
                learners,
                [],
                autoLeave: isJoint
            );
        }
    }
}
