using CsCheck;
using Exapyte.Grains.ControlPlane;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Xunit;
using static Exapyte.Grains.Tests.ControlPlane.RepairMaps;

namespace Exapyte.Grains.Tests.ControlPlane;

public sealed class ReplicaRepairTests
{
    private static readonly HashSet<string> Nobody = [];

    [Fact]
    public void A_missing_replica_is_placed_on_a_free_node_in_a_zone_that_has_none()
    {
        var map = MapOf(3, ["n1"], ["n1"]);
        var plan = Plan(map, [new("n1", "a"), new("n2", "a"), new("n3", "b")], Nobody, ShardsMax);
        Assert.Equal([0, 1], plan.Select(repair => repair.Shard));
        Assert.All(plan, repair => Assert.Equal(["n3", "n2"], repair.Added));
        Assert.All(plan, repair => Assert.Empty(repair.Dropped));
    }

    [Fact]
    public void New_replicas_join_at_the_end_with_ids_of_their_own_and_count_only_once_they_are_voters()
    {
        var map = MapOf(2, ["n1"], ["n1"]);
        var next = Repaired(map, ["n1", "n2"], Nobody, firstId: 900);
        Assert.Equal([900, 901], next.Shards.Select(shard => shard.Replicas[1].ReplicaId));
        Assert.All(next.Shards, shard => Assert.True(shard.Replicas[1] is { Joining: true, NodeEpoch: 7 }));
        Assert.True(next.UnderReplicated);
        var confirmed = Confirmed(next, Statuses(next));
        Assert.False(confirmed.UnderReplicated);
        Assert.DoesNotContain(confirmed.Shards, shard => shard.IsChanging);
    }

    [Fact]
    public void Only_a_leader_that_serves_by_this_map_and_has_exactly_the_wanted_voters_confirms_a_change()
    {
        var next = Repaired(MapOf(2, ["n1"]), ["n1", "n2"], Nobody, firstId: 900);
        var leader = Leader(next.Shards[0], next.Epoch);
        ReplicaStatus[] followers = [.. Followers(next.Shards[0])];
        ReplicaStatus[] others =
        [
            leader with
            {
                Role = "follower",
            },
            leader with
            {
                MapEpoch = next.Epoch - 1,
            },
            leader with
            {
                Voters = [leader.ReplicaId],
            },
            leader with
            {
                Voters = [.. leader.Voters, 5_000],
            },
            leader with
            {
                Learners = [5_000],
            },
            leader with
            {
                ReplicaId = 5_000,
            },
        ];
        Assert.All(others, status => Assert.Same(next, Confirmed(next, [status, .. followers])));
        Assert.NotSame(next, Confirmed(next, [leader, .. followers]));
    }

    [Fact]
    public void A_change_is_done_only_once_a_majority_of_the_wanted_replicas_has_applied_it_and_not_the_leader_alone()
    {
        var map = MapOf(3, ["n1", "n2", "n3"]);
        var next = Repaired(map, ["n1", "n3", "n4"], ["n2"], firstId: 900);
        var leader = Leader(next.Shards[0], next.Epoch);
        ReplicaStatus[] followers = [.. Followers(next.Shards[0])];
        // In a joint configuration the replica that leaves is still among the voters.
        var inBetween = followers[0] with
        {
            Voters = [.. leader.Voters, map.Shards[0].Replicas[1].ReplicaId],
        };
        var leaving = followers[0] with { ReplicaId = next.Shards[0].Leaving![0].ReplicaId, Node = "n2" };
        Assert.Same(next, Confirmed(next, [leader]));
        Assert.Same(next, Confirmed(next, [leader, leader]));
        Assert.Same(next, Confirmed(next, [leader, inBetween]));
        Assert.Same(next, Confirmed(next, [leader, leaving]));
        Assert.Same(next, Confirmed(next, [leader, followers[0] with { Problem = "stopped", Voters = [] }]));
        Assert.Same(next, Confirmed(next, followers));
        foreach (var follower in followers)
        {
            var done = Confirmed(next, [leader, follower]);
            Assert.False(done.Shards[0].IsChanging);
            Assert.Equal(["n1", "n3", "n4"], done.Shards[0].Replicas.Select(replica => replica.Node));
        }
    }

    [Fact]
    public void A_change_of_a_group_that_has_one_replica_left_is_done_by_the_word_of_its_leader()
    {
        var next = Repaired(MapOf(1, ["n1", "n2", "n3"]), ["n1", "n2", "n3"], Nobody, firstId: 900);
        var done = Confirmed(next, [Leader(next.Shards[0], next.Epoch)]);
        Assert.Equal("n1", Assert.Single(done.Shards[0].Hosted).Node);
    }

    [Fact]
    public void A_lost_replica_is_dropped_only_where_another_takes_its_place_and_it_leaves_rather_than_vanishes()
    {
        var map = MapOf(3, ["n1", "n2", "n3"]);
        HashSet<string> lost = ["n2"];
        Assert.Empty(Plan(map, Living("n1", "n3"), lost, ShardsMax));
        var shard = Repaired(map, ["n1", "n3", "n4"], lost, firstId: 900).Shards[0];
        Assert.Equal(["n1", "n3", "n4"], shard.Replicas.Select(replica => replica.Node));
        Assert.Equal("n2", Assert.Single(shard.Leaving!).Node);
        Assert.Equal(["n1", "n3", "n4", "n2"], shard.Hosted.Select(replica => replica.Node));
    }

    [Fact]
    public void Without_a_majority_alive_nothing_is_dropped()
    {
        var map = MapOf(3, ["n1", "n2", "n3"]);
        Assert.Empty(Plan(map, Living("n1", "n4", "n5"), new HashSet<string> { "n2", "n3" }, ShardsMax));
    }

    [Fact]
    public void A_shard_that_lost_every_replica_is_left_alone_for_nobody_could_take_a_new_one_in()
    {
        var map = MapOf(2, []);
        Assert.Empty(Plan(map, Living("n1", "n2"), Nobody, ShardsMax));
    }

    [Fact]
    public void A_shard_that_changes_is_not_changed_again_but_for_a_joining_replica_that_was_lost()
    {
        var changing = Repaired(MapOf(3, ["n1", "n2", "n3"]), ["n1", "n3", "n4", "n5"], ["n2"], firstId: 900);
        Assert.Empty(Plan(changing, Living("n1", "n4", "n5"), new HashSet<string> { "n3" }, ShardsMax));
        var again = Repaired(changing, ["n1", "n3", "n5"], ["n2", "n4"], firstId: 901);
        Assert.Equal(["n1", "n3", "n5"], again.Shards[0].Replicas.Select(replica => replica.Node));
        Assert.Equal(["n2", "n4"], again.Shards[0].Leaving!.Select(replica => replica.Node));
    }

    [Fact]
    public void With_fewer_replicas_wanted_those_that_are_away_go_first_and_then_the_last_ones()
    {
        var map = MapOf(2, ["n1", "n2", "n3"], ["n3", "n2", "n1"]);
        var next = Repaired(map, ["n2", "n3"], Nobody, firstId: 900);
        Assert.Equal(["n2", "n3"], next.Shards[0].Replicas.Select(replica => replica.Node));
        Assert.Equal(["n3", "n2"], next.Shards[1].Replicas.Select(replica => replica.Node));
        var single = map with { Settings = map.Settings with { Replicas = 1 } };
        var first = Repaired(single, ["n1", "n2", "n3"], Nobody, firstId: 900);
        Assert.Equal(["n1", "n3"], first.Shards.Select(shard => shard.Replicas.Single().Node));
    }

    [Fact]
    public void Once_nothing_changes_any_more_preferred_leaders_are_spread_and_no_more_of_them_move_than_must()
    {
        var map = MapOf(3, ["n1", "n2", "n3"], ["n1", "n2", "n3"], ["n1", "n2", "n3"], ["n2", "n1", "n3"]);
        var spread = ReplicaRepair.Spread(map, Nobody);
        Assert.Equal(
            ["n1", "n1", "n2", "n3"],
            spread.Shards.Select(shard => shard.Replicas[0].Node).Order(StringComparer.Ordinal)
        );
        Assert.Equal(1, map.Shards.Zip(spread.Shards).Count(pair => pair.First.Replicas[0] != pair.Second.Replicas[0]));
        Assert.Equal(Ids(map), Ids(spread));
        Assert.Same(spread, ReplicaRepair.Spread(spread, Nobody));
        var changing = Repaired(map, ["n1", "n2", "n3", "n4"], ["n3"], firstId: 900);
        Assert.Same(changing, ReplicaRepair.Spread(changing, Nobody));
    }

    private static IEnumerable<long> Ids(KeyspaceMap map) =>
        map.Shards.SelectMany(shard => shard.Replicas).Select(replica => replica.ReplicaId).Order();

    [Fact]
    public void Keyspaces_of_every_kind_are_looked_after_as_long_as_they_exist()
    {
        var map = MapOf(3, ["n1"]);
        Assert.True(ReplicaRepair.IsFor(map));
        Assert.True(ReplicaRepair.IsFor(map with { Settings = new() { Replication = ReplicationKind.Quorum } }));
        Assert.False(ReplicaRepair.IsFor(map with { Deleted = true }));
    }

    [Fact]
    public void Repairs_end_with_every_shard_full_on_distinct_alive_nodes_and_never_change_too_many_at_once() =>
        (
            from nodes in Gen.Int[3, 7]
            from replicas in Gen.Int[1, 5]
            from placed in Gen.Int[0, nodes - 1].HashSet[1, 3].Array[1, 12]
            from dead in Gen.Int[0, nodes - 1]
            select (nodes, replicas, placed, dead)
        ).Sample(one =>
        {
            var dead = $"n{one.dead}";
            string[] alive = [.. Enumerable.Range(0, one.nodes).Select(node => $"n{node}").Where(node => node != dead)];
            var map = MapOf(one.replicas, [.. one.placed.Select(shard => shard.Select(node => $"n{node}").ToArray())]);
            for (var round = 0; round < 100; round++)
            {
                var next = Repaired(map, alive, [dead], firstId: 1_000 + (100 * round));
                Assert.InRange(next.Shards.Count(shard => shard.IsChanging), 0, ShardsMax);
                Assert.All(next.Shards, shard => Assert.Distinct(shard.Hosted.Select(replica => replica.Node)));
                if (!next.Shards.Any(shard => shard.IsChanging))
                {
                    Assert.All(next.Shards, shard => AssertFull(shard, alive, one.replicas));
                    return;
                }
                map = Confirmed(next, Statuses(next));
            }
            Assert.Fail("The repairs do not end.");
        });

    private static void AssertFull(ShardPlacement shard, string[] alive, int wanted)
    {
        var living = shard.Replicas.Count(replica => alive.Contains(replica.Node));
        if (living < KeyspaceRules.Majority(shard.Replicas.Length))
        {
            // Nobody could agree to anything, or nobody is left.
            return;
        }
        Assert.True(shard.Replicas.Length == wanted || living == alive.Length, $"{shard.Replicas.Length} of {wanted}");
        Assert.True(living == shard.Replicas.Length || living == alive.Length, "A dead one stays without need.");
    }

    private static KeyspaceMap Confirmed(KeyspaceMap map, ReplicaStatus[] statuses) =>
        ReplicaRepair.Confirmed(map, statuses, Nobody);

    private static ReplicaStatus Leader(ShardPlacement shard, long mapEpoch) =>
        new()
        {
            ReplicaId = shard.Replicas[0].ReplicaId,
            Node = shard.Replicas[0].Node,
            Role = "leader",
            MapEpoch = mapEpoch,
            Voters = [.. shard.Replicas.Select(replica => replica.ReplicaId)],
        };

    private static IEnumerable<ReplicaStatus> Followers(ShardPlacement shard) =>
        shard
            .Replicas.Skip(1)
            .Select(replica =>
                Leader(shard, 0) with
                {
                    ReplicaId = replica.ReplicaId,
                    Node = replica.Node,
                    Role = "follower",
                }
            );

    private static ReplicaStatus[] Statuses(KeyspaceMap map) =>
        [.. map.Shards.SelectMany(shard => Followers(shard).Prepend(Leader(shard, map.Epoch)))];

    private static KeyspaceMap MapOf(int replicas, params string[][] shards) =>
        RepairMaps.MapOf(OfRaft(replicas), shards);
}
