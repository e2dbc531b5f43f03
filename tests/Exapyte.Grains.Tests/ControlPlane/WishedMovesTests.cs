using Exapyte.Grains.Balance;
using Exapyte.Grains.ControlPlane;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using static Exapyte.Grains.Tests.ControlPlane.MoveRounds;
using static Exapyte.Grains.Tests.ControlPlane.RepairMaps;

namespace Exapyte.Grains.Tests.ControlPlane;

/// <summary>What becomes of what a balance of the cluster wishes of a keyspace.</summary>
public sealed class WishedMovesTests
{
    [Fact]
    public void What_a_balance_wishes_is_done_for_a_shard_that_is_whole_and_for_no_other()
    {
        foreach (var settings in new[] { OfRaft(3), Quorum(3), Async(3) })
        {
            var map = MapOf(settings, ["n2", "n1", "n3"]);
            var view = Wishing(ViewOf(["n1", "n2", "n3", "n4"], draining: []), map, "n2", "n4");
            var done = RunToEnd(map, view);
            Assert.Equal(["n1", "n3", "n4"], done.Shards[0].Replicas.Select(replica => replica.Node).Order());
            Assert.Equal(3, done.Shards[0].Counted);

            Assert.Empty(ReplicaRepair.Plan(map, Wishing(view, map, "n4", "n2")));
            Assert.Empty(ReplicaRepair.Plan(map, Wishing(view, map, "n2", "n1")));
            Assert.Empty(ReplicaRepair.Plan(map, Wishing(view, map, "n2", "n5")));
            Assert.Empty(ReplicaRepair.Plan(map, view with { MovesMax = 0 }));
            var alive = ViewOf(["n1", "n2", "n4"], draining: []);
            Assert.Empty(ReplicaRepair.Plan(map, Wishing(alive, map, "n2", "n4")));
            var draining = ViewOf(["n1", "n2", "n3", "n4"], draining: ["n4"]);
            Assert.Empty(ReplicaRepair.Plan(map, Wishing(draining, map, "n2", "n4")));
        }
    }

    [Fact]
    public void A_leaderless_shard_that_has_grown_for_a_wish_shrinks_back_once_nobody_wishes_it_any_more()
    {
        var map = MapOf(Quorum(3), ["n2", "n1", "n3"]);
        var view = ViewOf(["n1", "n2", "n3", "n4"], draining: []);
        var grown = Stepped(map, Wishing(view, map, "n2", "n4"), firstId: 900);
        Assert.Equal(4, grown.Shards[0].Replicas.Length);
        var done = RunToEnd(grown, view);
        Assert.Equal(["n1", "n2", "n3"], done.Shards[0].Replicas.Select(replica => replica.Node).Order());
        Assert.Equal(3, done.Shards[0].Counted);
    }

    [Fact]
    public void Another_leader_is_preferred_where_that_is_wished_and_it_has_a_replica()
    {
        var map = MapOf(OfRaft(3), ["n2", "n1", "n3"]);
        var led = WishedMoves.WithLeaders(map, new() { Leaders = [Move(map, "n2", "n3")] });
        Assert.Equal(["n3", "n2", "n1"], led.Shards[0].Replicas.Select(replica => replica.Node));
        foreach (var (from, to) in new[] { ("n1", "n3"), ("n2", "n4") })
        {
            Assert.Same(map, WishedMoves.WithLeaders(map, new() { Leaders = [Move(map, from, to)] }));
        }
        var leaderless = MapOf(Quorum(3), ["n2", "n1", "n3"]);
        Assert.Same(leaderless, WishedMoves.WithLeaders(leaderless, new() { Leaders = [Move(map, "n2", "n3")] }));
    }

    [Fact]
    public void Wishes_that_are_not_repeated_are_forgotten()
    {
        var time = new FakeTimeProvider();
        var wishes = new WishedMoves(time);
        var plan = new RebalancePlan { Moves = [Move(MapOf(OfRaft(1), ["n1"]), "n1", "n2")] };
        Assert.True(wishes.Take(plan));
        Assert.False(wishes.Take(plan));
        time.Advance(TimeSpan.FromSeconds(29));
        Assert.Same(plan, wishes.Current);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(wishes.Current.IsNothing);
    }

    [Fact]
    public void How_far_a_move_is_is_told_from_the_map()
    {
        var settings = Quorum(2);
        var before = MapOf(settings, ["n1", "n2"]);
        var view = Wishing(ViewOf(["n1", "n2", "n3"], draining: []), before, "n1", "n3");
        var move = view.Wishes.Moves[0];
        HashSet<string> nodes = ["n1", "n2", "n3"];
        Assert.Equal(MoveState.Pending, Of(before, cancelled: false));
        Assert.Equal(MoveState.Cancelled, Of(before, cancelled: true));
        var grown = Stepped(before, view, firstId: 900);
        Assert.Equal(MoveState.Moving, Of(grown, cancelled: true));
        var settled = Confirmed(grown, Reports(grown), Nobody);
        Assert.False(settled.Shards[0].IsChanging);
        Assert.Equal(MoveState.Moving, Of(settled, cancelled: false));
        Assert.Equal(MoveState.Done, Of(RunToEnd(before, view), cancelled: false));
        Assert.Equal(MoveState.Skipped, Of(null, cancelled: false));
        Assert.Equal(MoveState.Skipped, Of(MapOf(settings, ["n2", "n4"]), cancelled: false));
        nodes.Remove("n3");
        Assert.Equal(MoveState.Skipped, Of(before, cancelled: false));
        Assert.Equal(
            MoveState.Done,
            RebalanceProgress.Of(move with { State = MoveState.Done }, null, nodes, cancelled: true).State
        );

        MoveState Of(KeyspaceMap? map, bool cancelled) => RebalanceProgress.Of(move, map, nodes, cancelled).State;
    }

    private static RepairView Wishing(RepairView view, KeyspaceMap map, string from, string to) =>
        view with
        {
            Wishes = new() { Moves = [Move(map, from, to)] },
        };

    private static ReplicaMove Move(KeyspaceMap map, string from, string to) =>
        new()
        {
            Keyspace = map.Name,
            ShardId = map.Shards[0].ShardId,
            From = from,
            To = to,
        };
}
