using Exapyte.Raft.Tests.Harness;
using static Exapyte.Raft.Tests.Harness.Make;

namespace Exapyte.Raft.Tests;

public class ReadTests
{
    static RaftOptions Leases(RaftOptions options) => options with { LeaseDuration = 800 };

    [Fact]
    public void Many_reads_share_one_round_of_heartbeats()
    {
        var cluster = Cluster.Of(3);
        var leader = cluster.Elect(1);
        cluster.Delivered.Clear();

        for (var id = 1ul; id <= 100; id++)
        {
            leader.Core.ReadIndex(id);
        }

        cluster.Settle();

        Assert.Equal(Enumerable.Range(1, 100).Select(id => (ulong)id), leader.Reads.Select(read => read.ReadId));
        Assert.All(leader.Reads, read => Assert.True(read.IsReady));
        Assert.Equal(2, cluster.Delivered.Count(message => message.Kind == RaftMessageKind.Heartbeat));
    }

    [Fact]
    public void A_read_waits_until_the_state_machine_has_reached_its_index()
    {
        var cluster = Cluster.Of(3);
        var leader = cluster.Elect(1);
        leader.AppliesAtOnce = false;
        leader.Propose("a");
        cluster.Settle();
        leader.Core.ReadIndex(1);
        cluster.Settle();
        Assert.Empty(leader.Reads);

        leader.ApplyAll();
        leader.Run();
        Assert.Equal(new ReadResult(1, IsReady: true, Index(2), Id(1)), Assert.Single(leader.Reads));
    }

    [Fact]
    public void A_new_leader_answers_no_read_before_it_has_committed_in_its_term()
    {
        var cluster = Cluster.Of(3);
        cluster.Elect(1).Propose("a");
        cluster.Settle();
        // The new leader's appends are lost, so that its empty entry does not commit.
        cluster.Isolate(1);
        cluster.Drop(message => message.Kind == RaftMessageKind.Append);
        cluster[2].Core.Campaign();
        cluster[3].Core.ForgetLeader();
        cluster.Settle();
        cluster[2].Core.Campaign();
        cluster.Settle();
        Assert.Equal(RaftRole.Leader, cluster[2].Core.Role);

        cluster[2].Core.ReadIndex(1);
        cluster.Settle();
        Assert.Empty(cluster[2].Reads);

        cluster.Heal();
        cluster.Tick(3);
        Assert.True(Assert.Single(cluster[2].Reads).IsReady);
    }

    [Fact]
    public void A_leader_that_was_replaced_while_it_paused_answers_no_read()
    {
        var cluster = Cluster.Of(3);
        var old = cluster.Elect(1);
        cluster.Isolate(1);
        for (var tick = 0; tick < 40; tick++)
        {
            cluster[2].Core.Tick();
            cluster[3].Core.Tick();
            cluster.Settle();
        }

        cluster.Members.Single(member => member.Id != Id(1) && member.Core.Role == RaftRole.Leader).Propose("new");
        cluster.Settle();
        Assert.Equal(RaftRole.Leader, old.Core.Role);

        old.Core.ReadIndex(1);
        cluster.Settle();
        Assert.Empty(old.Reads);

        cluster.Heal();
        cluster.Tick(3);
        Assert.False(Assert.Single(old.Reads).IsReady);
    }

    [Fact]
    public void A_follower_whose_question_or_answer_is_lost_refuses_its_reads_in_time()
    {
        var cluster = Cluster.Of(3);
        cluster.Elect(1);
        cluster.Drop(message => message.Kind == RaftMessageKind.ReadIndexRequest);

        cluster[2].Core.ReadIndex(1);
        cluster.Tick((2 * 10) + 1);

        Assert.Equal(new ReadResult(1, IsReady: false, default, Id(1)), Assert.Single(cluster[2].Reads));
    }

    [Fact]
    public void Without_a_leader_a_read_is_refused_at_once()
    {
        var member = Member(1, 3);
        member.Core.ReadIndex(1);
        member.Run();
        Assert.False(Assert.Single(member.Reads).IsReady);
    }

    [Fact]
    public void An_answer_to_an_earlier_life_of_a_member_is_no_answer()
    {
        var cluster = Cluster.Of(3);
        var leader = cluster.Elect(1);
        cluster[2].Core.ReadIndex(1);
        cluster[2].Run();
        var question = cluster[2].Sent.Single(message => message.Kind == RaftMessageKind.ReadIndexRequest);
        cluster[2].Crash(seed: 99);
        leader.Propose("a");
        cluster.Tick(3);
        cluster.Drop(message => message.Kind == RaftMessageKind.ReadIndexRequest);
        cluster[2].Core.ReadIndex(2);
        cluster.Settle();

        cluster[2]
            .Core.Step(Message(RaftMessageKind.ReadIndexResponse, 1, 2, term: 1, index: 1, context: question.Context));
        cluster.Settle();

        Assert.Empty(cluster[2].Reads);
    }

    [Fact]
    public void Reads_beyond_the_bound_are_refused()
    {
        var member = Member(1, 1, options: options => options with { PendingReadsMax = 2 });
        for (var id = 1ul; id <= 3; id++)
        {
            member.Core.ReadIndex(id);
        }

        member.Run();
        Assert.Equal(3ul, member.Reads[0].ReadId);
        Assert.False(member.Reads[0].IsReady);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Reads_that_have_ended_make_room_for_others(int at)
    {
        var cluster = Cluster.Of(3, options => options with { PendingReadsMax = 2 });
        cluster.Elect(1);
        var asked = 0ul;
        for (var round = 1; round <= 5; round++)
        {
            // One read too many each time: it is refused, and the two before it are answered.
            cluster[at].Core.ReadIndex(++asked);
            cluster[at].Core.ReadIndex(++asked);
            cluster[at].Core.ReadIndex(++asked);
            cluster.Settle();

            Assert.Equal((int)asked, cluster[at].Reads.Count);
            Assert.Equal(2 * round, cluster[at].Reads.Count(read => read.IsReady));
        }
    }

    [Fact]
    public void Reads_that_were_refused_by_an_election_make_room_for_others()
    {
        var cluster = Cluster.Of(3, options => options with { PendingReadsMax = 1 });
        cluster.Elect(1);
        cluster.Isolate(2);
        cluster[2].Core.ReadIndex(1);
        cluster.Tick(2 * 10 + 1);
        Assert.False(Assert.Single(cluster[2].Reads).IsReady);

        cluster.Heal();
        cluster.Tick(10);
        cluster[2].Core.ReadIndex(2);
        cluster.Settle();
        Assert.True(cluster[2].Reads[^1].IsReady);
    }

    [Fact]
    public void The_questions_of_followers_make_room_at_the_leader_once_they_are_answered()
    {
        var cluster = Cluster.Of(3, options => options with { PendingReadsMax = 1 });
        cluster.Elect(1);
        for (var id = 1ul; id <= 6; id++)
        {
            var follower = cluster[id % 2 == 0 ? 2 : 3];
            follower.Core.ReadIndex(id);
            cluster.Settle();
            Assert.Equal((id, true), (follower.Reads[^1].ReadId, follower.Reads[^1].IsReady));
        }
    }

    [Fact]
    public void A_lease_counts_from_the_sending_of_the_heartbeat_and_ends_on_the_readers_clock()
    {
        var cluster = Cluster.Of(3, Leases);
        var leader = cluster.Elect(1);
        leader.Core.Tick(1000);
        leader.Core.Tick(1100);
        cluster.Settle();

        cluster.Isolate(1);
        leader.Core.ReadLease(1, 1899);
        cluster.Settle();
        Assert.True(Assert.Single(leader.Reads).IsReady);

        // Without a lease it is a round, and nobody answers.
        leader.Core.ReadLease(2, 1900);
        cluster.Settle();
        Assert.Single(leader.Reads);
    }

    [Fact]
    public void Whoever_was_told_to_take_over_ends_all_leases_of_the_term()
    {
        var cluster = Cluster.Of(3, Leases);
        var leader = cluster.Elect(1);
        leader.Core.Tick(1000);
        leader.Core.Tick(1100);
        cluster.Settle();
        cluster.Drop(message => message.Kind is RaftMessageKind.TimeoutNow or RaftMessageKind.HeartbeatResponse);
        leader.Core.TransferLeadership(Id(2));
        cluster.Tick(11);
        Assert.True(leader.Core.TransferTarget.IsNone);

        leader.Core.ReadLease(1, 1101);
        cluster.Settle();
        Assert.Empty(leader.Reads);
    }

    [Fact]
    public void A_follower_that_restarts_keeps_the_lease_it_may_have_given()
    {
        var cluster = Cluster.Of(3, Leases);
        cluster.Elect(1);
        cluster[3].Crash(seed: 5);

        cluster[3].Core.Step(Message(RaftMessageKind.VoteRequest, 2, 3, term: 2, index: 9, logTerm: 1));
        Assert.Equal(Term(1), cluster[3].Core.Term);

        for (var tick = 0; tick < 10; tick++)
        {
            cluster[3].Core.Tick();
        }

        cluster[3].Core.Step(Message(RaftMessageKind.VoteRequest, 2, 3, term: 2, index: 9, logTerm: 1));
        Assert.Equal(Term(2), cluster[3].Core.Term);
    }

    [Fact]
    public void A_leased_vote_is_kept_from_all_even_from_itself_and_after_a_newer_term()
    {
        var cluster = Cluster.Of(3, Leases);
        cluster.Elect(1);
        var follower = cluster[3];
        follower.Core.Campaign();
        Assert.Equal(RaftRole.Follower, follower.Core.Role);

        // A late answer to an old campaign of its own raises the term and makes it forget the leader, but not the lease.
        follower.Core.Step(Message(RaftMessageKind.VoteResponse, 2, 3, term: 5, reject: true));
        Assert.Equal((Term(5), MemberId.None), (follower.Core.Term, follower.Core.Leader));
        follower.Core.Campaign();
        follower.Core.Step(Message(RaftMessageKind.VoteRequest, 2, 3, term: 5, index: 9, logTerm: 5));
        follower.Run();
        Assert.Equal(RaftRole.Follower, follower.Core.Role);
        Assert.True(Assert.Single(follower.Sent).Reject);

        for (var tick = 0; tick < 9; tick++)
        {
            follower.Core.Tick();
        }

        follower.Sent.Clear();
        follower.Core.Step(Message(RaftMessageKind.VoteRequest, 2, 3, term: 5, index: 9, logTerm: 5, force: true));
        follower.Run();
        Assert.False(Assert.Single(follower.Sent).Reject);
    }

    [Fact]
    public void With_leases_a_leader_cannot_be_forgotten()
    {
        var cluster = Cluster.Of(3, Leases);
        cluster.Elect(1);
        cluster[2].Core.ForgetLeader();
        Assert.Equal(Id(1), cluster[2].Core.Leader);
    }
}
