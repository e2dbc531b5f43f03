using CsCheck;
using Exapyte.Raft.Tests.Harness;
using static Exapyte.Raft.Tests.Harness.Make;

namespace Exapyte.Raft.Tests;

/// <summary>
/// Messages that are right and come twice, late, out of order or cut: a leader may say any part of its log at any time (Raft
/// paper, figure 2), and a network may say it again.
/// </summary>
public class RepeatedMessageTests
{
    [Theory]
    [Trait("Scenario", "raft_handle_append_entries")]
    [InlineData(1, 0, 1)]
    [InlineData(1, 1, 2)]
    [InlineData(0, 2, 2)]
    [InlineData(2, 1, 3)]
    public void An_append_commits_no_more_than_it_has_brought(int previous, int entries, int committed)
    {
        // Entries 3 and 4 are a former leader's and were never committed; the present one has committed others there.
        var follower = Member(1, 3, term: 3, log: [1, 1, 2, 2]);
        int[] leaderLog = [1, 1, 3, 3];

        follower.Core.Step(Part(leaderLog, previous, entries, commit: 4));
        follower.Run();

        Assert.Equal(Index(committed), follower.Core.CommitIndex);
    }

    [Fact]
    [Trait("Scenario", "raft_handle_append_entries")]
    public void Any_order_and_number_of_a_leaders_appends_ends_in_the_leaders_log() =>
        Gen.Select(
                Gen.Int[0, 5],
                Gen.Int[0, 4],
                Gen.Int[1, 6],
                Gen.Select(Gen.Int[0, 20], Gen.Int[0, 4], Gen.Int[0, 20]).Array[0, 30]
            )
            .Sample((common, stale, own, said) => Tell(common, stale, own, said));

    static void Tell(int common, int stale, int own, (int Previous, int Entries, int Commit)[] said)
    {
        int[] terms = [.. Enumerable.Repeat(1, common), .. Enumerable.Repeat(3, own)];
        var follower = Member(1, 3, term: 2, log: [.. Enumerable.Repeat(1, common), .. Enumerable.Repeat(2, stale)]);
        var told = 0;
        for (var i = 0; i <= said.Length; i++)
        {
            // Last of all the leader says what is missing, from where it knows that the logs match.
            var isLast = i == said.Length;
            var from = isLast
                ? Math.Max(common, (int)follower.Core.CommitIndex.Value)
                : Math.Min(said[i].Previous, terms.Length);
            var count = isLast ? terms.Length - from : Math.Min(said[i].Entries, terms.Length - from);
            var commit = isLast ? terms.Length : Math.Min(said[i].Commit, terms.Length);
            follower.Core.Step(Part(terms, from, count, commit));
            told = Math.Max(told, commit);
            follower.Run();

            var through = (int)follower.Core.CommitIndex.Value;
            Assert.InRange(through, 0, told);
            Assert.Equal(terms[..through], Terms(follower)[..through]);
        }

        Assert.Equal(terms, Terms(follower));
        Assert.Equal(Index(terms.Length), follower.Core.AppliedIndex);
        Assert.Equal(terms.Length, follower.State.Entries.Count);
    }

    [Fact]
    [Trait("Scenario", "raft_append_entry")]
    public void A_command_is_appended_once_however_often_its_append_is_heard_and_answered()
    {
        var cluster = Cluster.Of(3);
        var leader = cluster.Elect(1);
        cluster.Delivered.Clear();
        leader.Propose("a");
        leader.Propose("b");
        cluster.Settle();
        var said = cluster.Delivered.ToArray();

        // All of it again, backwards, and once more.
        foreach (var message in said.Reverse().Concat(said))
        {
            cluster[(int)message.To.Value].Core.Step(message);
            cluster.Settle();
        }

        Assert.All(cluster.Members, member => Assert.Equal(["a", "b"], Commands(member)));
        Assert.All(cluster.Members, member => Assert.Equal(leader.Core.LastIndex, member.Core.CommitIndex));
        Assert.Equal(RaftRole.Leader, leader.Core.Role);
    }

    [Fact]
    public void An_old_append_is_answered_with_what_is_committed()
    {
        var follower = Member(1, 3, term: 1, log: [1, 1, 1], commit: 3);

        follower.Core.Step(Part([1, 1, 1], previous: 0, entries: 1, commit: 1, term: 1));
        follower.Run();

        var answer = Assert.Single(follower.Sent);
        Assert.Equal((RaftMessageKind.AppendResponse, Index(3), false), (answer.Kind, answer.Index, answer.Reject));
    }

    static RaftMessage Part(int[] log, int previous, int entries, int commit, int term = 3) =>
        Message(
            RaftMessageKind.Append,
            2,
            1,
            term,
            index: previous,
            logTerm: previous == 0 ? 0 : log[previous - 1],
            commit: commit,
            entries: [.. Log(log).Skip(previous).Take(entries)]
        );

    static int[] Terms(TestMember member) => [.. member.Log.Entries.Select(entry => (int)entry.Term.Value)];
}
