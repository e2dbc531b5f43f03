using Exapyte.Raft.Tests.Harness;
using static Exapyte.Raft.Tests.Harness.Make;

namespace Exapyte.Raft.Tests;

public class ElectionScenarioTests
{
    [Fact]
    [Trait("Scenario", "raft_node_initialization")]
    public void A_member_starts_as_a_follower_with_what_its_disk_holds()
    {
        var member = new TestMember(
            Options(Id(2)),
            Voters(1, 2, 3),
            Log(1, 1, 4),
            new HardState(Term(5), Id(3), Index(2))
        );
        var core = member.Core;

        Assert.Equal((RaftRole.Follower, Term(5), MemberId.None), (core.Role, core.Term, core.Leader));
        Assert.Equal((Index(3), Index(2), Index(0)), (core.LastIndex, core.CommitIndex, core.AppliedIndex));
        Assert.Equal(Voters(1, 2, 3), core.Configuration);
        member.Run();
        Assert.Equal(
            Log(1, 1),
            member.State.Entries,
            (one, other) => one.Index == other.Index && one.Term == other.Term
        );

        core.Step(Message(RaftMessageKind.VoteRequest, 1, 2, term: 5, index: 9, logTerm: 5));
        member.Run();
        Assert.True(Assert.Single(member.Sent).Reject, "The vote of before the restart still binds.");
    }

    [Fact]
    [Trait("Scenario", "raft_node_initialization")]
    public void Options_that_make_no_sense_are_refused_with_every_reason()
    {
        var options = new RaftOptions
        {
            Id = MemberId.None,
            ElectionTicks = 1,
            HeartbeatTicks = 0,
            LeaseDuration = 5,
            CheckQuorum = false,
        };

        var thrown = Assert.Throws<ArgumentException>(() => new TestMember(options, Voters(1)));

        Assert.Equal(4, options.Validate().Count);
        Assert.All(options.Validate(), fault => Assert.Contains(fault, thrown.Message, StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Scenario", "raft_node_initialization")]
    public void A_disk_that_contradicts_itself_is_refused() =>
        Assert.Throws<RaftInvariantException>(() => Member(1, 3, term: 1, log: [1], commit: 2));

    [Theory]
    [Trait("Scenario", "raft_become_follower")]
    [InlineData(RaftMessageKind.Append)]
    [InlineData(RaftMessageKind.Heartbeat)]
    [InlineData(RaftMessageKind.VoteRequest)]
    [InlineData(RaftMessageKind.VoteResponse)]
    [InlineData(RaftMessageKind.AppendResponse)]
    public void Any_message_of_a_newer_term_is_joined_and_the_term_is_durable_before_the_answer_leaves(
        RaftMessageKind kind
    )
    {
        var member = Member(1, 3, term: 1);
        member.PersistsAtOnce = false;

        member.Core.Step(Message(kind, 2, 1, term: 4, index: kind == RaftMessageKind.VoteRequest ? 1 : 0));
        member.Run();

        Assert.Equal((Term(4), RaftRole.Follower), (member.Core.Term, member.Core.Role));
        Assert.DoesNotContain(
            member.Sent,
            message => message.Kind is RaftMessageKind.VoteResponse or RaftMessageKind.AppendResponse
        );

        member.PersistAll();
        member.Run();
        Assert.Equal(Term(4), member.Durable.Term);
        Assert.Equal(
            kind is RaftMessageKind.Append or RaftMessageKind.VoteRequest,
            member.Sent.Exists(message =>
                message.Kind is RaftMessageKind.VoteResponse or RaftMessageKind.AppendResponse
            )
        );
    }

    [Fact]
    [Trait("Scenario", "raft_become_follower")]
    public void A_vote_survives_a_crash_once_it_has_left_and_binds_nobody_if_it_has_not()
    {
        var member = Member(1, 3, term: 1);
        member.PersistsAtOnce = false;
        member.Core.Step(Message(RaftMessageKind.VoteRequest, 2, 1, term: 2));
        member.Run();
        Assert.Empty(member.Sent);

        member.Crash(seed: 2);
        member.Core.Step(Message(RaftMessageKind.VoteRequest, 3, 1, term: 2));
        member.Run();
        member.PersistAll();
        member.Run();
        Assert.False(Assert.Single(member.Sent).Reject);

        member.Crash(seed: 3);
        member.Core.Step(Message(RaftMessageKind.VoteRequest, 2, 1, term: 2));
        member.Run();
        Assert.True(Assert.Single(member.Sent).Reject);
    }

    [Fact]
    [Trait("Scenario", "raft_election_timeout")]
    public void A_word_from_the_leader_starts_the_wait_anew()
    {
        var member = Member(1, 3, term: 1);
        for (var tick = 0; tick < 100; tick++)
        {
            member.Core.Tick();
            if (tick % 9 == 0)
            {
                member.Core.Step(Message(RaftMessageKind.Heartbeat, 2, 1, term: 1));
            }
        }

        Assert.Equal(RaftRole.Follower, member.Core.Role);
    }

    [Fact]
    [Trait("Scenario", "raft_election_timeout")]
    public void A_member_that_may_not_campaign_does_not_shield_a_silent_leader_for_ever()
    {
        var member = Member(1, 3, term: 1);
        member.Core.MayCampaign = false;
        member.Core.Step(Message(RaftMessageKind.Heartbeat, 2, 1, term: 1));
        for (var tick = 1; tick <= 100; tick++)
        {
            member.Core.Tick();
            member.Core.Step(Message(RaftMessageKind.PreVoteRequest, 3, 1, term: 2));
            member.Run();
            Assert.Equal(tick >= 10, member.Sent.Exists(message => message.Kind == RaftMessageKind.PreVoteResponse));
            member.Sent.Clear();
        }
    }

    [Fact]
    [Trait("Scenario", "raft_become_candidate")]
    public void The_term_rises_only_after_a_quorum_would_vote_and_the_request_waits_for_the_disk()
    {
        var member = Member(1, 3, term: 1);
        member.PersistsAtOnce = false;
        member.Core.Campaign();
        member.Run();
        Assert.Equal((RaftRole.PreCandidate, Term(1)), (member.Core.Role, member.Core.Term));
        Assert.All(
            member.Sent,
            message => Assert.Equal((RaftMessageKind.PreVoteRequest, Term(2)), (message.Kind, message.Term))
        );
        Assert.Equal(0, member.WritesWaiting);
        member.Sent.Clear();

        member.Core.Step(Message(RaftMessageKind.PreVoteResponse, 2, 1, term: 2));
        member.Run();
        Assert.Equal((RaftRole.Candidate, Term(2)), (member.Core.Role, member.Core.Term));
        Assert.Empty(member.Sent);

        member.PersistAll();
        member.Run();
        Assert.Equal(Id(1), member.Durable.Vote);
        Assert.All(member.Sent, message => Assert.Equal(RaftMessageKind.VoteRequest, message.Kind));
        Assert.Equal(2, member.Sent.Count);
    }

    [Fact]
    [Trait("Scenario", "raft_become_candidate")]
    public void A_member_that_was_cut_off_comes_back_without_disturbing_anyone()
    {
        var cluster = Cluster.Of(3);
        var leader = cluster.Elect(1);
        cluster.Isolate(3);
        cluster.Tick(100);
        leader.Propose("a");
        cluster.Settle();
        cluster.Heal();
        cluster.Tick(30);

        Assert.Equal((RaftRole.Leader, Term(1)), (leader.Core.Role, leader.Core.Term));
        Assert.Equal(["a"], Commands(cluster[3]));
    }

    [Fact]
    [Trait("Scenario", "raft_become_candidate")]
    public void A_member_that_may_not_campaign_still_votes_and_follows()
    {
        var cluster = Cluster.Of(3);
        cluster[2].Core.MayCampaign = false;
        cluster[3].Core.MayCampaign = false;
        cluster.Tick(60);
        Assert.Equal(RaftRole.Leader, cluster[1].Core.Role);

        cluster.Isolate(1);
        cluster.Tick(60);
        Assert.All([cluster[2], cluster[3]], member => Assert.Equal(RaftRole.Follower, member.Core.Role));
    }

    [Fact]
    [Trait("Scenario", "raft_vote_counting")]
    public void A_vote_that_is_delivered_twice_counts_once()
    {
        var member = Member(1, 5, options: PaperElectionTests.Plain);
        member.Core.Campaign();
        member.Run();

        member.Core.Step(Message(RaftMessageKind.VoteResponse, 2, 1, term: 1));
        member.Core.Step(Message(RaftMessageKind.VoteResponse, 2, 1, term: 1));
        Assert.Equal(RaftRole.Candidate, member.Core.Role);

        member.Core.Step(Message(RaftMessageKind.VoteResponse, 3, 1, term: 1));
        Assert.Equal(RaftRole.Leader, member.Core.Role);
    }

    [Fact]
    [Trait("Scenario", "raft_vote_counting")]
    public void Learners_and_strangers_never_count_and_a_joint_election_needs_both_majorities()
    {
        var configuration = Configuration.Create(default, [Id(1), Id(2)], [Id(1), Id(3), Id(4)], [Id(5)], []);
        var member = new TestMember(Options(Id(1), PaperElectionTests.Plain), configuration);
        member.Core.Campaign();
        member.Run();
        Assert.Equal([Id(2), Id(3), Id(4)], member.Sent.Select(message => message.To));

        foreach (var id in new[] { 5, 6, 3, 4 })
        {
            member.Core.Step(Message(RaftMessageKind.VoteResponse, id, 1, term: 1));
            Assert.Equal(RaftRole.Candidate, member.Core.Role);
        }

        member.Core.Step(Message(RaftMessageKind.VoteResponse, 2, 1, term: 1));
        Assert.Equal(RaftRole.Leader, member.Core.Role);
    }

    [Fact]
    [Trait("Scenario", "raft_become_leader")]
    public void A_leader_opens_its_term_with_an_empty_entry_and_commits_nothing_older_before_it()
    {
        var member = Member(1, 3, term: 1, log: [1, 1], commit: 1, options: PaperElectionTests.Plain);
        member.Core.Campaign();
        member.Run();
        member.Core.Step(Message(RaftMessageKind.VoteResponse, 2, 1, term: 2));
        member.Run();
        Assert.Equal((RaftRole.Leader, Index(3)), (member.Core.Role, member.Core.LastIndex));
        Assert.Equal(EntryKind.Empty, member.Log[Index(3)].Kind);

        member.Core.Step(Message(RaftMessageKind.AppendResponse, 2, 1, term: 2, index: 2));
        Assert.Equal(Index(1), member.Core.CommitIndex);

        member.Core.Step(Message(RaftMessageKind.AppendResponse, 2, 1, term: 2, index: 3));
        Assert.Equal(Index(3), member.Core.CommitIndex);
    }

    [Theory]
    [Trait("Scenario", "raft_step_down_on_higher_term")]
    [InlineData(RaftRole.Candidate)]
    [InlineData(RaftRole.Leader)]
    public void Leaders_and_candidates_step_down_and_say_no_to_what_comes_then(RaftRole role)
    {
        var member = PaperElectionTests.In(role);
        member.Core.ReadIndex(1);
        member.Propose("lost");
        member.Run();

        member.Core.Step(Message(RaftMessageKind.Heartbeat, 3, 1, term: 9));
        member.Run();

        Assert.Equal((RaftRole.Follower, Term(9), Id(3)), (member.Core.Role, member.Core.Term, member.Core.Leader));
        Assert.Equal(new ProposeResult(ProposeOutcome.NotLeader, default, Term(9), Id(3)), member.Propose("late"));
        Assert.False(Assert.Single(member.Reads).IsReady);
    }

    [Fact]
    [Trait("Scenario", "raft_step_down_on_higher_term")]
    public void A_leader_that_hears_from_no_quorum_steps_down()
    {
        var cluster = Cluster.Of(3);
        var leader = cluster.Elect(1);
        cluster.Isolate(1);
        cluster.Tick(40);

        Assert.NotEqual(RaftRole.Leader, leader.Core.Role);
        Assert.Single(cluster.Members, member => member.Core.Role == RaftRole.Leader);
    }

    [Fact]
    public void Messages_for_others_from_nobody_or_of_term_0_change_nothing()
    {
        var member = Member(1, 3, term: 1);

        member.Core.Step(Message(RaftMessageKind.Append, 2, 3, term: 5));
        member.Core.Step(Message(RaftMessageKind.Append, 0, 1, term: 5));
        member.Core.Step(Message(RaftMessageKind.Append, 1, 1, term: 5));
        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 0));
        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 5, entries: [Entry(5, 7)]));
        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 5, entries: [Entry(6, 1)]));

        Assert.False(member.Core.HasEffects);
        Assert.Equal(Term(1), member.Core.Term);
    }

    [Fact]
    public void Two_leaders_of_one_term_stop_the_replica() =>
        Assert.Throws<RaftInvariantException>(() =>
            PaperElectionTests.In(RaftRole.Leader).Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 1))
        );
}
