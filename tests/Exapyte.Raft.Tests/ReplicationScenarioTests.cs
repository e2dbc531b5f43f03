using Exapyte.Raft.Tests.Harness;
using static Exapyte.Raft.Tests.Harness.Make;

namespace Exapyte.Raft.Tests;

public class ReplicationScenarioTests
{
    [Fact]
    [Trait("Scenario", "raft_append_entry")]
    public void A_batch_is_appended_at_the_next_indexes_as_one_durable_write()
    {
        var leader = Cluster.Of(1).Elect(1);
        leader.Written.Clear();

        var result = leader.Propose("a", "b", "c");
        leader.Turn();

        Assert.Equal((ProposeOutcome.Accepted, Index(2), Term(1)), (result.Outcome, result.FirstIndex, result.Term));
        var write = Assert.Single(leader.Written);
        Assert.True(write.MustSync);
        Assert.Equal([Index(2), Index(3), Index(4)], write.Entries.Select(entry => entry.Index));
    }

    [Fact]
    [Trait("Scenario", "raft_append_entry")]
    public void A_leader_counts_itself_only_for_what_is_durable()
    {
        var leader = Cluster.Of(1).Elect(1);
        leader.PersistsAtOnce = false;

        leader.Propose("a");
        leader.Run();
        Assert.Equal(Index(1), leader.Core.CommitIndex);

        leader.PersistAll();
        leader.Run();
        Assert.Equal(Index(2), leader.Core.CommitIndex);
        Assert.False(leader.Written[^1].MustSync, "A commit index alone needs no sync.");
    }

    [Fact]
    [Trait("Scenario", "raft_append_entry")]
    public void More_bytes_than_may_wait_are_refused_whole_and_taken_once_there_is_room()
    {
        var leader = Cluster.Of(1, options => options with { UncommittedBytesMax = 100 }).Elect(1);
        leader.PersistsAtOnce = false;
        Assert.Equal(ProposeOutcome.Accepted, leader.Propose(new string('a', 500)).Outcome);
        Assert.Equal(ProposeOutcome.Overloaded, leader.Propose("b", "c").Outcome);
        Assert.Equal(Index(2), leader.Core.LastIndex);

        leader.Run();
        leader.PersistAll();
        leader.Run();

        Assert.Equal(ProposeOutcome.Accepted, leader.Propose("b", "c").Outcome);
    }

    [Fact]
    [Trait("Scenario", "raft_replicate_to_followers")]
    public void Appends_follow_each_other_without_waiting_up_to_the_bounds_on_messages_and_bytes()
    {
        var leader = Leader(options => options with { InflightMessagesMax = 3 });
        for (var i = 0; i < 10; i++)
        {
            leader.Propose("x");
            leader.Run();
        }

        Assert.Equal(3, leader.Sent.Count(message => message.To == Id(2)));

        leader.Core.Step(Message(RaftMessageKind.AppendResponse, 2, 1, term: 1, index: 2));
        leader.Run();
        Assert.Equal(4, leader.Sent.Count(message => message.To == Id(2) && message.Entries.Count > 0));

        leader = Leader(options => options with { InflightBytesMax = 40, MessageBytesMax = 17 });
        leader.Propose("1", "2", "3", "4", "5", "6");
        leader.Run();
        Assert.Equal(3, leader.Sent.Count(message => message.To == Id(2)));
        Assert.All(leader.Sent, message => Assert.Single(message.Entries));
    }

    [Fact]
    [Trait("Scenario", "raft_replicate_to_followers")]
    public void A_lagging_follower_is_probed_then_streamed_and_from_beyond_the_log_sent_a_snapshot()
    {
        var cluster = Cluster.Of(3);
        var leader = cluster.Elect(1);
        cluster.Isolate(3);
        leader.Propose("a");
        cluster.Tick(2);
        leader.Propose("b");
        cluster.Settle();
        Assert.Equal(ReplicationState.Replicate, StateOf(leader, 3));

        // An empty append shows the gap: back to probing, and forward again.
        cluster.Heal();
        cluster.Tick(2);
        Assert.Equal(["a", "b"], Commands(cluster[3]));
        Assert.Equal(ReplicationState.Replicate, StateOf(leader, 3));

        cluster.Isolate(3);
        leader.Propose("c");
        cluster.Settle();
        leader.Compact(leader.State.Applied);
        cluster.Heal();
        cluster.Tick(10);
        Assert.Equal(["a", "b", "c"], Commands(cluster[3]));
        Assert.Equal(leader.Log.FirstIndex, cluster[3].Log.FirstIndex);
    }

    [Fact]
    [Trait("Scenario", "raft_handle_append_entries")]
    public void Only_the_conflicting_suffix_is_cut_and_a_late_message_never_shortens_the_log()
    {
        var member = Member(1, 3, term: 3, log: [1, 1, 2, 2]);

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 3, index: 1, logTerm: 1, entries: [Entry(1, 2)]));
        member.Run();
        Assert.Equal(Index(4), member.Core.LastIndex);

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, 3, 1, 1, entries: [Entry(1, 2), Entry(3, 3)]));
        member.Run();
        Assert.Equal([1, 1, 3], Terms(member));

        // The first message again, and one that was overtaken.
        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 3, index: 1, logTerm: 1, entries: [Entry(1, 2)]));
        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 3, index: 1, logTerm: 1));
        member.Run();
        Assert.Equal([1, 1, 3], Terms(member));
    }

    [Fact]
    [Trait("Scenario", "raft_handle_append_entries")]
    public void A_gap_is_answered_with_a_hint_to_where_the_logs_may_match()
    {
        var member = Member(1, 3, term: 6, log: [1, 3, 3, 4, 4, 5]);

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 6, index: 9, logTerm: 3, entries: [Entry(6, 10)]));
        member.Run();

        var answer = Assert.Single(member.Sent);
        Assert.Equal(
            (true, Index(9), Index(3), Term(3)),
            (answer.Reject, answer.Index, answer.RejectHint, answer.LogTerm)
        );
    }

    [Fact]
    [Trait("Scenario", "raft_handle_append_entries")]
    public void What_is_committed_is_never_overwritten()
    {
        var member = Member(1, 3, term: 2, log: [1, 1], commit: 2);

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 2, index: 0, entries: [Entry(2, 1)]));
        member.Run();

        Assert.Equal([1, 1], Terms(member));
        Assert.Equal((false, Index(2)), (member.Sent[0].Reject, member.Sent[0].Index));
    }

    [Fact]
    [Trait("Scenario", "raft_handle_append_entries")]
    public void A_member_that_lost_what_it_acknowledged_stops() =>
        Assert.Throws<RaftInvariantException>(() =>
            Member(1, 3, term: 2, log: [1]).Core.Step(Message(RaftMessageKind.Heartbeat, 2, 1, term: 2, commit: 2))
        );

    [Theory]
    [Trait("Scenario", "raft_handle_append_entries")]
    [InlineData(100)]
    [InlineData(1000)]
    public void Long_divergent_tails_are_bridged_in_a_handful_of_messages(int length)
    {
        // The follower holds the tails of many leaders that never committed; none is the leader's.
        var common = Enumerable.Repeat(1, 3).ToArray();
        int[] leaderLog = [.. common, .. Enumerable.Repeat(length + 5, length)];
        int[] followerLog = [.. common, .. Enumerable.Range(2, length)];
        var cluster = new Cluster()
            .Add(Member(1, 3, term: length + 5, leaderLog, commit: 3))
            .Add(Member(2, 3, term: length + 5, followerLog, commit: 3))
            .Add(Member(3, 3, term: length + 5, leaderLog, commit: 3));

        cluster.Elect(1);

        Assert.Equal(Terms(cluster[1]), Terms(cluster[2]));
        Assert.InRange(
            cluster.Delivered.Count(message => message.To == Id(2) && message.Kind == RaftMessageKind.Append),
            1,
            6
        );
    }

    [Fact]
    [Trait("Scenario", "raft_update_commit_index")]
    public void The_commit_index_is_the_median_match_and_only_rises()
    {
        var leader = Leader(size: 5);
        leader.Propose("2", "3", "4");
        leader.Run();

        Acknowledge(leader, 2, 4);
        Assert.Equal(Index(1), leader.Core.CommitIndex);
        Acknowledge(leader, 3, 3);
        Assert.Equal(Index(3), leader.Core.CommitIndex);
        Acknowledge(leader, 4, 2);
        Acknowledge(leader, 3, 2);
        Assert.Equal(Index(3), leader.Core.CommitIndex);
        Acknowledge(leader, 5, 4);
        Assert.Equal(Index(4), leader.Core.CommitIndex);
    }

    [Fact]
    [Trait("Scenario", "raft_apply_committed_entries")]
    public void Committed_entries_are_handed_out_once_in_order_and_only_when_durable()
    {
        var member = Member(1, 3, term: 1);
        member.PersistsAtOnce = false;
        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 1, commit: 3, entries: Log(1, 1, 1)));
        member.Run();
        Assert.Equal(Index(3), member.Core.CommitIndex);
        Assert.Empty(member.State.Entries);

        member.PersistAll();
        member.Run();
        Assert.Equal([Index(1), Index(2), Index(3)], member.State.Entries.Select(entry => entry.Index));

        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 1, commit: 3, entries: Log(1, 1, 1)));
        member.Run();
        Assert.Equal(3, member.State.Entries.Count);
    }

    [Fact]
    [Trait("Scenario", "raft_apply_committed_entries")]
    public void After_a_restart_apply_goes_on_behind_what_the_durable_state_holds()
    {
        var cluster = Cluster.Of(1);
        var member = cluster.Elect(1);
        member.Propose("a", "b");
        cluster.Settle();
        member.Flush();
        member.Propose("c");
        cluster.Settle();

        member.Crash(seed: 2);
        cluster.Tick(20);

        Assert.Equal(["a", "b", "c"], Commands(member));
    }

    [Fact]
    [Trait("Scenario", "raft_apply_committed_entries")]
    public void Entries_handed_out_and_not_yet_applied_are_bounded_in_bytes()
    {
        var cluster = Cluster.Of(1, options => options with { ApplyingBytesMax = 40 });
        var member = cluster.Elect(1);
        member.AppliesAtOnce = false;
        member.Propose("1", "2", "3", "4", "5");
        member.Run();
        Assert.Equal(3, member.AppliesWaiting);

        member.ApplyAll();
        member.Run();
        Assert.Equal(2, member.AppliesWaiting);

        member.AppliesAtOnce = true;
        member.ApplyAll();
        member.Run();
        Assert.Equal(["1", "2", "3", "4", "5"], Commands(member));
    }

    [Fact]
    [Trait("Scenario", "raft_apply_committed_entries")]
    public void A_snapshot_takes_the_place_of_what_was_to_be_applied()
    {
        var member = Member(1, 3, term: 2, log: [1, 1]);
        var core = member.Core;

        Assert.True(core.WantsSnapshot(Index(10), Term(2)));
        Assert.False(core.WantsSnapshot(Index(2), Term(1)), "The log already holds it.");
        member.Log.Restart(Index(10), Term(2));
        core.SnapshotInstalled(Index(10), Term(2), Voters(1, 2, 3, 4));

        Assert.Equal((Index(10), Index(10), Index(10)), (core.LastIndex, core.CommitIndex, core.AppliedIndex));
        Assert.Equal(Voters(1, 2, 3, 4), core.Configuration);
        Assert.False(core.WantsSnapshot(Index(10), Term(2)));
        Assert.Throws<RaftInvariantException>(() => core.SnapshotInstalled(Index(9), Term(2), Voters(1)));
    }

    [Fact]
    public void A_snapshot_replaces_a_longer_log_that_was_never_committed()
    {
        var member = Member(1, 3, term: 2, log: [1, 1, 1, 1]);
        var state = Member(2, 3, term: 2, log: [1, 2, 2], commit: 3).Run().State;

        Assert.True(member.Install(state));

        Assert.Equal((Index(3), Index(3)), (member.Core.LastIndex, member.Core.CommitIndex));
        Assert.Equal(Index(4), member.Log.FirstIndex);
    }

    [Fact]
    public void A_late_persisted_does_not_vouch_for_entries_that_were_replaced_meanwhile()
    {
        var member = Member(1, 3, term: 1);
        member.PersistsAtOnce = false;
        // Entry 1 of term 1 is written, replaced by term 2, and comes back by the leader of term 3.
        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 1, entries: Log(1)));
        member.Run();
        member.Core.Step(Message(RaftMessageKind.Append, 3, 1, term: 2, entries: Log(2)));
        member.Run();
        member.Core.Step(Message(RaftMessageKind.Append, 2, 1, term: 3, entries: Log(1)));
        member.Run();

        member.PersistOne();
        Assert.Equal(Index(0), member.Core.DurableIndex);
        member.PersistAll();
        Assert.Equal(Index(1), member.Core.DurableIndex);
    }

    static TestMember Leader(Func<RaftOptions, RaftOptions>? options = null, int size = 3)
    {
        var leader = Member(1, size, options: options);
        leader.Core.Campaign();
        for (var id = 2; id <= size; id++)
        {
            leader.Core.Step(Message(RaftMessageKind.PreVoteResponse, id, 1, term: 1));
        }

        leader.Run();
        for (var id = 2; id <= size; id++)
        {
            leader.Core.Step(Message(RaftMessageKind.VoteResponse, id, 1, term: 1));
        }

        leader.Run();
        for (var id = 2; id <= size; id++)
        {
            Acknowledge(leader, id, 1);
        }

        leader.Run();
        leader.Sent.Clear();
        return leader;
    }

    static void Acknowledge(TestMember leader, int from, int index) =>
        leader.Core.Step(Message(RaftMessageKind.AppendResponse, from, 1, term: 1, index: index));

    static int[] Terms(TestMember member) => [.. member.Log.Entries.Select(entry => (int)entry.Term.Value)];

    static ReplicationState StateOf(TestMember leader, int follower)
    {
        var progress = new List<FollowerProgress>();
        leader.Core.ReadProgress(progress);
        return progress.Single(one => one.Member == Id(follower)).State;
    }
}
