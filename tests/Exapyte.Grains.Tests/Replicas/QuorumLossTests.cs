using Exapyte.Grains.Replicas.Raft;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>What callers of a member hear that has lost its leader, or its majority, or its leadership.</summary>
[Trait("Scenario", "quorum_loss_and_recovery")]
public class QuorumLossTests
{
    private readonly LoopUnderTest member = new();

    [Fact]
    public async Task Callers_are_sent_on_until_two_elections_have_passed_without_a_leader_and_are_refused_at_once_then()
    {
        member.Tick(LoopUnderTest.OutageTicks - 1);
        Assert.Equal(OutcomeKind.NotLeader, (await Now(member.Write("a").Completion)).Kind);
        Assert.Equal(OutcomeKind.NotLeader, (await Now(member.Read(needsProof: true).Completion)).Kind);

        member.Tick(1);

        Assert.Equal(OutcomeKind.NoQuorum, (await Now(member.Write("a").Completion)).Kind);
        Assert.Equal(OutcomeKind.NoQuorum, (await Now(member.Read(needsProof: true).Completion)).Kind);
    }

    [Fact]
    public async Task Callers_are_sent_to_the_leader_as_soon_as_there_is_one_again()
    {
        member.Tick(LoopUnderTest.OutageTicks);
        member.Follow(new Term(7));

        var refused = await Now(member.Write("a").Completion);

        Assert.Equal((OutcomeKind.NotLeader, new MemberId(2)), (refused.Kind, refused.Leader));
    }

    [Fact]
    public async Task A_member_that_may_not_stand_yet_has_only_started_and_refuses_nobody_for_good()
    {
        member.Core.MayCampaign = false;
        member.Tick(10 * LoopUnderTest.OutageTicks);

        Assert.Equal(OutcomeKind.NotLeader, (await Now(member.Write("a").Completion)).Kind);
    }

    [Fact]
    [Trait("Scenario", "raft_step_down_on_higher_term")]
    public async Task Writes_in_flight_at_a_leader_whose_majority_falls_silent_are_unknown_after_two_elections()
    {
        member.Elect();
        var write = member.Write("a");

        // It steps down when it has heard of nobody for as long as an election takes, and of no successor after that.
        member.Tick(2 * 10 + LoopUnderTest.OutageTicks);

        Assert.NotEqual(RaftRole.Leader, member.Core.Role);
        Assert.Equal(OutcomeKind.Unknown, (await Now(write.Completion)).Kind);
        Assert.Equal(OutcomeKind.NoQuorum, (await Now(member.Write("b").Completion)).Kind);
    }

    [Fact]
    [Trait("Scenario", "raft_step_down_on_higher_term")]
    public async Task Writes_that_the_next_leader_lacks_are_refused_for_sure_once_it_has_committed_anything()
    {
        member.Elect();
        PendingWrite[] writes = [member.Write("a"), member.Write("b"), member.Write("c")];

        member.Overtake(new Term(2), writes[0].Index);
        Assert.All(writes, write => Assert.False(write.IsDone));
        member.HearCommitted(new Term(2), writes[0].Index);

        Assert.All(writes, write => Assert.True(write.IsDone));
        foreach (var write in writes)
        {
            Assert.Equal(OutcomeKind.Unavailable, (await write.Completion).Kind);
        }
    }

    [Fact]
    [Trait("Scenario", "raft_step_down_on_higher_term")]
    public async Task A_write_that_the_next_leader_has_is_done_when_that_one_commits_it()
    {
        member.Elect();
        var write = member.Write("a");

        member.Follow(new Term(2));
        Assert.False(write.IsDone);
        member.Overtake(new Term(2), write.Index.Next);
        member.HearCommitted(new Term(2), write.Index.Next);

        Assert.Equal(OutcomeKind.Ok, (await Now(write.Completion)).Kind);
    }

    private static Task<T> Now<T>(Task<T> answer)
    {
        Assert.True(answer.IsCompleted, "No answer is there yet.");
        return answer;
    }
}
