using Exapyte.Raft.Tests.Harness;

namespace Exapyte.Raft.Tests;

public class ClusterTests
{
    [Fact]
    public void A_group_of_one_elects_itself_and_commits_without_a_network()
    {
        var cluster = Cluster.Of(1);
        cluster.Tick(20);
        Assert.Equal(RaftRole.Leader, cluster[1].Core.Role);

        Assert.Equal(ProposeOutcome.Accepted, cluster[1].Propose("a", "b").Outcome);
        cluster.Settle();

        Assert.Equal(["a", "b"], Make.Commands(cluster[1]));
        Assert.Empty(cluster.Delivered);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void A_group_elects_a_leader_by_itself_and_all_apply_what_it_proposes(int size)
    {
        var cluster = Cluster.Of(size);
        cluster.Tick(40);
        var leader = Assert.Single(cluster.Members, member => member.Core.Role == RaftRole.Leader);

        leader.Propose("a");
        leader.Propose("b");
        cluster.Settle();

        foreach (var member in cluster.Members)
        {
            Assert.Equal(["a", "b"], Make.Commands(member));
            Assert.Equal(leader.Id, member.Core.Leader);
        }
    }

    [Fact]
    public void A_read_at_a_follower_sees_what_was_committed_before()
    {
        var cluster = Cluster.Of(3);
        var leader = cluster.Elect(1);
        leader.Propose("a");
        cluster.Settle();

        cluster[2].Core.ReadIndex(77);
        cluster.Settle();

        var read = Assert.Single(cluster[2].Reads);
        Assert.Equal(new ReadResult(77, IsReady: true, leader.Core.CommitIndex, leader.Id), read);
    }

    [Fact]
    public void A_follower_behind_the_compaction_point_gets_a_snapshot_and_then_the_log()
    {
        var cluster = Cluster.Of(3);
        var leader = cluster.Elect(1);
        cluster.Isolate(3);
        for (var i = 0; i < 10; i++)
        {
            leader.Propose($"{i}");
        }

        cluster.Settle();
        leader.Compact(leader.Core.AppliedIndex);
        cluster.Heal();
        cluster.Tick(10);
        leader.Propose("last");
        cluster.Settle();

        Assert.Equal(Make.Commands(leader), Make.Commands(cluster[3]));
    }
}
