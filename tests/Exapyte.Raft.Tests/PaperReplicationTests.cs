using Exapyte.Raft.Tests.Harness;
using static Exapyte.Raft.Tests.Harness.Make;

namespace Exapyte.Raft.Tests;

/// <summary>The Raft paper, sections 5.3 and 5.4, sentence by sentence, with neither pre-vote nor check-quorum.</summary>
public class PaperReplicationTests
{
    const string Section53 = "5.3";
    const string Section54 = "5.4";

    /// <summary>A leader in term 1 whose empty entry all have acknowledged.</summary>
    static TestMember CommittedLeader(int size = 3)
    {
        var leader = PaperElectionTests.In(RaftRole.Leader, size);
        for (var id = 2; id <= size; id++)
        {
            leader.Core.Step(Message(RaftMessageKind.AppendResponse, id, 1, term: 1, index: 1));
        }

        leader.Run();
        leader.Sent.Clear();
        return leader;
    }

    [Fact]
    [Trait("Section", Section53)]
    public void A_leader_appends_a_command_to_its_log_and_sends_it_to_all_followers()
    {
        var leader = CommittedLeader();

        leader.Propose("data");
        leader.Run();

        Assert.Equal((Index(2), Index(1)), (leader.Core.LastIndex, leader.Core.CommitIndex));
        Assert.Equal([Id(2), Id(3)], leader.Sent.Select(message => message.To));
        foreach (var message in leader.Sent)
        {
            Assert.Equal(
                (RaftMessageKind.Append, Index(1), Term(1), Index(1)),
                (message.Kind, message.Index, message.LogTerm, message.Commit)
            );
            Assert.Equal(Index(2), Assert.Single(message.Entries).Index);
        }
    }

    [Fact]
    [Trait("Section", Section53)]
    public void A_replicated_entry_is_committed_applied_and_its_commit_passed_on()
    {
        var leader = CommittedLeader();
        leader.Propose("data");
        leader.Run();
        leader.Sent.Clear();

        leader.Core.Step(Message(RaftMessageKind.AppendResponse, 2, 1, term: 1, index: 2));
        leader.Run();

        Assert.Equal((Index(2), Index(2)), (leader.Core.CommitIndex, leader.Core.AppliedIndex));
        Assert.Equal(["data"], Commands(leader));
        Assert.Equal([Id(2), Id(3)], leader.Sent.Select(message => message.To));
        Assert.All(leader.Sent, message => Assert.Equal(Index(2), message.Commit));
    }

    [Theory]
    [Trait("Section", Section53)]
    [InlineData(1, new int[0], true)]
    [InlineData(3, new int[0], false)]
    [InlineData(3, new[] { 2 }, true)]
    [InlineData(3, new[] { 2, 3 }, true)]
    [InlineData(5, new int[0], false)]
    [InlineData(5, new[] { 2 }, false)]
    [InlineData(5, new[] { 2, 3 }, true)]
    [InlineData(5, new[] { 2, 3, 4 }, true)]
    [InlineData(5, new[] { 2, 3, 4, 5 }, true)]
    public void An_entry_is_committed_once_a_majority_holds_it(int size, int[] acknowledging, bool committed)
    {
        var leader = CommittedLeader(size);
        leader.Propose("data");
        leader.Run();

        foreach (var id in acknowledging)
        {
            leader.Core.Step(Message(RaftMessageKind.AppendResponse, id, 1, term: 1, index: 2));
        }

        Assert.Equal(committed, leader.Core.CommitIndex == Index(2));
    }

    [Theory]
    [Trait("Section", Section53)]
    [InlineData(new int[0])]
    [InlineData(new[] { 2 })]
    [InlineData(new[] { 1, 2 })]
    [InlineData(new[] { 1 })]
    public void A_commit_commits_all_entries_before_it_also_those_of_earlier_leaders(int[] log)
    {
        var member = Member(1, 3, term: 2, log: log, options: PaperElectionTests.Plain);
        member.Core.Campaign();
        member.Run();
        member.Core.Step(Message(RaftMessageKind.VoteResponse, 2, 1, term: 3));
        member.Propose("data");
        member.Run();

        member.Core.Step(Message(RaftMessageKind.AppendResponse, 2, 1, term: 3, index: log.Length + 2));
        member.Run();

        Assert.Equal([.. log, 3, 3], member.State.Entries.Select(entry => (int)entry.Term.Value));
    }

    [Theory]
    [Trait("Section", Section53)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(2, 1)]
    [InlineData(1, 5)]
    public void A_follower_applies_what_it_learns_is_committed_in_log_order(int entries, int commit)
    {
        var member = Member(1, 3, term: 1, options: PaperElectionTests.Plain);

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 1, commit: commit, entries: Log(1, 1)[..entries]));
        member.Run();

        Assert.Equal(
            Log(1, 1)[..Math.Min(entries, commit)].Select(entry => entry.Index),
            member.State.Entries.Select(entry => entry.Index)
        );
    }

    [Theory]
    [Trait("Section", Section53)]
    // The log is of terms 1 and 2, of which the first is committed.
    [InlineData(0, 0, false, 1, 0, 0)]
    [InlineData(1, 1, false, 1, 0, 0)]
    [InlineData(2, 2, false, 2, 0, 0)]
    [InlineData(2, 1, true, 2, 1, 1)]
    [InlineData(3, 3, true, 3, 2, 2)]
    public void A_follower_accepts_an_append_only_where_its_previous_entry_matches(
        int index,
        int term,
        bool reject,
        int answered,
        int hint,
        int hintTerm
    )
    {
        var member = Member(1, 3, term: 2, log: [1, 2], commit: 1, options: PaperElectionTests.Plain);
        member.Run();

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 3, index, term));
        member.Run();

        var answer = Assert.Single(member.Sent);
        Assert.Equal(
            (reject, Index(answered), Index(hint), Term(hintTerm)),
            (answer.Reject, answer.Index, answer.RejectHint, answer.LogTerm)
        );
    }

    [Theory]
    [Trait("Section", Section53)]
    [InlineData(2, 2, new[] { 3 }, new[] { 1, 2, 3 }, 1)]
    [InlineData(1, 1, new[] { 3, 4 }, new[] { 1, 3, 4 }, 2)]
    [InlineData(0, 0, new[] { 1 }, new[] { 1, 2 }, 0)]
    [InlineData(0, 0, new[] { 3 }, new[] { 3 }, 1)]
    public void A_follower_deletes_what_conflicts_appends_what_is_new_and_keeps_the_rest(
        int index,
        int term,
        int[] entryTerms,
        int[] log,
        int written
    )
    {
        var member = Member(1, 3, term: 4, log: [1, 2], options: PaperElectionTests.Plain);
        var entries = entryTerms.Select((entryTerm, i) => Entry(entryTerm, index + i + 1)).ToArray();

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 4, index, term, entries: entries));
        member.Run();

        Assert.Equal(log, member.Log.Entries.Select(entry => (int)entry.Term.Value));
        Assert.Equal(written, member.Written.Sum(write => write.Entries.Count));
    }

    [Theory]
    [Trait("Section", Section53)]
    // Figure 7 of the paper, followers (a) to (f).
    [InlineData(new[] { 1, 1, 1, 4, 4, 5, 5, 6, 6 })]
    [InlineData(new[] { 1, 1, 1, 4 })]
    [InlineData(new[] { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6 })]
    [InlineData(new[] { 1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7 })]
    [InlineData(new[] { 1, 1, 1, 4, 4, 4, 4 })]
    [InlineData(new[] { 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3 })]
    public void A_leader_brings_every_log_of_figure_7_into_line_with_its_own(int[] log)
    {
        int[] leaderLog = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
        var cluster = new Cluster()
            .Add(Member(1, 3, term: 8, leaderLog, commit: 3, PaperElectionTests.Plain))
            .Add(Member(2, 3, term: 8, log, commit: 3, PaperElectionTests.Plain))
            .Add(Member(3, 3, term: 8, leaderLog, commit: 3, PaperElectionTests.Plain));

        cluster.Elect(1).Propose("data");
        cluster.Settle();

        Assert.Equal([.. leaderLog, 9, 9], cluster[1].Log.Entries.Select(entry => (int)entry.Term.Value));
        Assert.Equal(
            cluster[1].Log.Entries.Select(entry => entry.Term),
            cluster[2].Log.Entries.Select(entry => entry.Term)
        );
        Assert.Equal(cluster[1].Core.CommitIndex, cluster[2].Core.CommitIndex);
    }

    [Theory]
    [Trait("Section", Section54)]
    [InlineData(new[] { 1 }, 2)]
    [InlineData(new[] { 1, 2 }, 3)]
    public void A_request_for_votes_tells_how_far_the_log_goes(int[] log, int term)
    {
        var member = Member(1, 3, term - 1, log, options: PaperElectionTests.Plain);

        member.Core.Campaign();
        member.Run();

        Assert.Equal([Id(2), Id(3)], member.Sent.Select(message => message.To));
        Assert.All(
            member.Sent,
            message =>
                Assert.Equal(
                    (RaftMessageKind.VoteRequest, Term(term), Index(log.Length), Term(log[^1])),
                    (message.Kind, message.Term, message.Index, message.LogTerm)
                )
        );
    }

    [Theory]
    [Trait("Section", Section54)]
    // Same last term: the longer log is more up to date.
    [InlineData(new[] { 1 }, 1, 1, true)]
    [InlineData(new[] { 1 }, 2, 1, true)]
    [InlineData(new[] { 1, 1 }, 1, 1, false)]
    // The candidate's last term is newer.
    [InlineData(new[] { 1 }, 1, 2, true)]
    [InlineData(new[] { 1 }, 2, 2, true)]
    [InlineData(new[] { 1, 1 }, 1, 2, true)]
    // The voter's last term is newer.
    [InlineData(new[] { 2 }, 1, 1, false)]
    [InlineData(new[] { 2 }, 2, 1, false)]
    [InlineData(new[] { 2, 2 }, 1, 1, false)]
    public void A_voter_denies_its_vote_to_a_log_less_up_to_date_than_its_own(
        int[] log,
        int index,
        int logTerm,
        bool granted
    )
    {
        var member = Member(1, 2, term: 1, log, options: PaperElectionTests.Plain);

        member.Core.Step(Message(RaftMessageKind.VoteRequest, 2, 1, term: 3, index, logTerm));
        member.Run();

        Assert.Equal(!granted, Assert.Single(member.Sent).Reject);
    }

    [Theory]
    [Trait("Section", Section54)]
    [Trait("Scenario", "raft_update_commit_index")]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(3, 3)]
    public void Entries_of_earlier_terms_are_never_committed_by_counting(int acknowledged, int committed)
    {
        var member = Member(1, 2, term: 2, log: [1, 2], options: PaperElectionTests.Plain);
        member.Core.Campaign();
        member.Run();
        member.Core.Step(Message(RaftMessageKind.VoteResponse, 2, 1, term: 3));
        member.Run();

        member.Core.Step(Message(RaftMessageKind.AppendResponse, 2, 1, term: 3, index: acknowledged));

        Assert.Equal(Index(committed), member.Core.CommitIndex);
    }
}
