using Exapyte.Raft.Tests.Harness;
using static Exapyte.Raft.Tests.Harness.Make;

namespace Exapyte.Raft.Tests;

/// <summary>The Raft paper, sections 5.1 and 5.2, sentence by sentence, with neither pre-vote nor check-quorum.</summary>
public class PaperElectionTests
{
    const string Section51 = "5.1";
    const string Section52 = "5.2";

    internal static RaftOptions Plain(RaftOptions options) =>
        options with
        {
            PreVote = false,
            CheckQuorum = false,
            HeartbeatTicks = 1,
        };

    /// <summary>A member of a group in a role and in term 1 (a follower that has no leader yet: term 0).</summary>
    internal static TestMember In(RaftRole role, int size = 3, int[]? log = null)
    {
        var member = Member(1, size, log: log, options: Plain);
        if (role == RaftRole.Follower)
        {
            return member;
        }

        member.Core.Campaign();
        member.Run();
        for (var voter = 2; role == RaftRole.Leader && voter <= size; voter++)
        {
            member.Core.Step(Message(RaftMessageKind.VoteResponse, voter, 1, (int)member.Core.Term.Value));
        }

        member.Run();
        Assert.Equal(role, member.Core.Role);
        return member;
    }

    [Theory]
    [Trait("Section", Section51)]
    [InlineData(RaftRole.Follower)]
    [InlineData(RaftRole.Candidate)]
    [InlineData(RaftRole.Leader)]
    public void A_newer_term_is_joined_and_makes_any_member_a_follower(RaftRole role)
    {
        var member = In(role);

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 5));

        Assert.Equal((Term(5), RaftRole.Follower, Id(2)), (member.Core.Term, member.Core.Role, member.Core.Leader));
    }

    [Fact]
    [Trait("Section", Section51)]
    public void A_message_of_a_term_gone_by_changes_nothing()
    {
        var member = Member(1, 3, term: 2, options: Plain);

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 1, entries: [Entry(1, 1)]));
        member.Run();

        Assert.Equal((Term(2), Index(0), MemberId.None), (member.Core.Term, member.Core.LastIndex, member.Core.Leader));
        Assert.Empty(member.Sent);
    }

    [Fact]
    [Trait("Section", Section52)]
    public void A_member_starts_as_a_follower() => Assert.Equal(RaftRole.Follower, Member(1, 3).Core.Role);

    [Fact]
    [Trait("Section", Section52)]
    public void A_leader_sends_heartbeats_to_all_followers_as_time_passes()
    {
        var leader = In(RaftRole.Leader);
        leader.Sent.Clear();

        leader.Core.Tick();
        leader.Run();

        Assert.Equal([Id(2), Id(3)], leader.Sent.Select(message => message.To));
        Assert.All(leader.Sent, message => Assert.Equal(RaftMessageKind.Heartbeat, message.Kind));
    }

    [Theory]
    [Trait("Section", Section52)]
    [InlineData(RaftRole.Follower)]
    [InlineData(RaftRole.Candidate)]
    public void Without_a_leader_a_member_raises_its_term_votes_for_itself_and_asks_all_others(RaftRole role)
    {
        var member = In(role);
        var term = member.Core.Term;
        member.Sent.Clear();

        for (var tick = 0; tick < 2 * member.Options.ElectionTicks; tick++)
        {
            member.Core.Tick();
            if (member.Core.Term > term)
            {
                break;
            }
        }

        member.Run();

        Assert.Equal((term.Next, RaftRole.Candidate), (member.Core.Term, member.Core.Role));
        Assert.Equal((term.Next, Id(1)), (member.Durable.Term, member.Durable.Vote));
        Assert.Equal([Id(2), Id(3)], member.Sent.Select(message => message.To));
        Assert.All(
            member.Sent,
            message => Assert.Equal((RaftMessageKind.VoteRequest, term.Next), (message.Kind, message.Term))
        );
    }

    [Theory]
    [Trait("Section", Section52)]
    [InlineData(1, "", RaftRole.Leader)]
    [InlineData(3, "yy", RaftRole.Leader)]
    [InlineData(3, "y-", RaftRole.Leader)]
    [InlineData(3, "ny", RaftRole.Leader)]
    [InlineData(3, "--", RaftRole.Candidate)]
    [InlineData(3, "n-", RaftRole.Candidate)]
    [InlineData(3, "nn", RaftRole.Follower)]
    [InlineData(5, "yy--", RaftRole.Leader)]
    [InlineData(5, "nnyy", RaftRole.Leader)]
    [InlineData(5, "y---", RaftRole.Candidate)]
    [InlineData(5, "ny-n", RaftRole.Candidate)]
    [InlineData(5, "nnyn", RaftRole.Follower)]
    [InlineData(5, "nnn-", RaftRole.Follower)]
    public void A_candidate_wins_with_a_majority_loses_with_one_against_it_and_waits_otherwise(
        int size,
        string answers,
        RaftRole outcome
    )
    {
        var member = Member(1, size, options: Plain);
        member.Core.Campaign();
        member.Run();

        for (var i = 0; i < answers.Length; i++)
        {
            if (answers[i] != '-')
            {
                member.Core.Step(Message(RaftMessageKind.VoteResponse, i + 2, 1, 1, reject: answers[i] == 'n'));
            }
        }

        Assert.Equal((outcome, Term(1)), (member.Core.Role, member.Core.Term));
    }

    [Theory]
    [Trait("Section", Section52)]
    [InlineData(0, 2, true)]
    [InlineData(0, 3, true)]
    [InlineData(2, 2, true)]
    [InlineData(3, 3, true)]
    [InlineData(2, 3, false)]
    [InlineData(3, 2, false)]
    public void A_member_votes_for_one_candidate_a_term_first_come_first_served(int voted, int candidate, bool granted)
    {
        var member = new TestMember(
            Options(Id(1), Plain),
            Voters(1, 2, 3),
            hardState: new HardState(Term(1), Id(voted), default)
        );

        member.Core.Step(Message(RaftMessageKind.VoteRequest, candidate, 1, term: 1));
        member.Run();

        var answer = Assert.Single(member.Sent);
        Assert.Equal((RaftMessageKind.VoteResponse, !granted), (answer.Kind, answer.Reject));
    }

    [Theory]
    [Trait("Section", Section52)]
    [InlineData(1)]
    [InlineData(2)]
    public void A_candidate_that_hears_from_a_leader_of_its_term_or_a_newer_one_follows_it(int term)
    {
        var member = In(RaftRole.Candidate);

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term));

        Assert.Equal((RaftRole.Follower, Id(2), Term(term)), (member.Core.Role, member.Core.Leader, member.Core.Term));
    }

    [Theory]
    [Trait("Section", Section52)]
    [Trait("Scenario", "raft_election_timeout")]
    [InlineData(RaftRole.Follower)]
    [InlineData(RaftRole.Candidate)]
    public void The_time_to_an_election_is_spread_over_all_of_T_to_2T(RaftRole role)
    {
        var member = In(role);
        var seen = new HashSet<int>();
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            if (role == RaftRole.Follower)
            {
                member.Core.Step(Message(RaftMessageKind.Append, 2, 1, (int)member.Core.Term.Value + 1));
            }

            seen.Add(TicksToElection(member));
        }

        Assert.Equal(Enumerable.Range(10, 10), seen.Order());
    }

    [Theory]
    [Trait("Section", Section52)]
    [Trait("Scenario", "raft_election_timeout")]
    [InlineData(RaftRole.Follower)]
    [InlineData(RaftRole.Candidate)]
    public void Members_seldom_campaign_at_the_same_tick(RaftRole role)
    {
        const int rounds = 1000;
        var conflicts = 0;
        var members = new List<TestMember>();
        for (var id = 1; id <= 5; id++)
        {
            members.Add(Member(id, 5, options: Plain));
            if (role == RaftRole.Candidate)
            {
                members[^1].Core.Campaign();
            }
        }

        for (var round = 0; round < rounds; round++)
        {
            if (role == RaftRole.Follower)
            {
                members.ForEach(member =>
                    member.Core.Step(
                        Message(RaftMessageKind.Heartbeat, 6, (int)member.Id.Value, (int)member.Core.Term.Value + 1)
                    )
                );
            }

            var times = members.ConvertAll(TicksToElection);
            conflicts += times.Count(time => time == times.Min()) > 1 ? 1 : 0;
        }

        Assert.InRange(conflicts, 0, rounds * 4 / 10);
    }

    static int TicksToElection(TestMember member)
    {
        var term = member.Core.Term;
        for (var ticks = 1; ; ticks++)
        {
            member.Core.Tick();
            if (member.Core.Term > term)
            {
                return ticks;
            }
        }
    }
}
