using CsCheck;
using Exapyte.Grains.ControlPlane;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Xunit;
using static Exapyte.Grains.Tests.ControlPlane.MoveRounds;
using static Exapyte.Grains.Tests.ControlPlane.RepairMaps;

namespace Exapyte.Grains.Tests.ControlPlane;

/// <summary>What becomes of shards whose nodes drain, die and are resumed, step by step as the control plane takes them.</summary>
public sealed class ReplicaMovesTests
{
    private static readonly KeyspaceSettings[] Kinds =
    [
        OfRaft(1),
        OfRaft(2),
        OfRaft(3),
        OfRaft(5),
        Quorum(1),
        Quorum(2),
        Quorum(3),
        Quorum(5),
        Async(1),
        Async(3),
    ];

    [Fact]
    public void A_raft_replica_on_a_node_that_drains_is_replaced_once_its_shard_is_led_from_elsewhere()
    {
        var map = MapOf(OfRaft(3), ["n1", "n2", "n3"]);
        var view = ViewOf(["n1", "n2", "n3", "n4"], draining: ["n1"]);
        Assert.Empty(ReplicaRepair.Plan(map, view));
        Assert.True(ReplicaRepair.IsToBeHandedOver(map.Shards[0], view.Draining));
        var led = ReplicaRepair.Spread(map, view.Draining);
        Assert.NotEqual("n1", led.Shards[0].Replicas[0].Node);
        var repair = Assert.Single(ReplicaRepair.Plan(led, view));
        Assert.Equal("n1", Assert.Single(repair.Dropped).Node);
        Assert.Equal("n4", Assert.Single(repair.Added));
    }

    [Fact]
    public void Where_no_other_node_is_free_nothing_moves_and_it_is_said_why()
    {
        foreach (var settings in new[] { OfRaft(3), Quorum(3), Async(3) })
        {
            var map = MapOf(settings, ["n2", "n1", "n3"]);
            var view = ViewOf(["n1", "n2", "n3"], draining: ["n1"]);
            Assert.Empty(ReplicaRepair.Plan(map, view));
            Assert.Contains(
                "no other node",
                Assert.Single(ReplicaMoves.ReasonsOn(map, "n1", view)),
                StringComparison.Ordinal
            );
            Assert.Empty(ReplicaMoves.ReasonsOn(map, "n1", ViewOf(["n1", "n2", "n3", "n4"], draining: ["n1"])));
            // A draining node is nobody's way out.
            Assert.Empty(ReplicaRepair.Plan(map, ViewOf(["n1", "n2", "n3", "n4"], draining: ["n1", "n4"])));
        }
    }

    [Fact]
    public void Without_a_majority_alive_nothing_moves()
    {
        foreach (var settings in new[] { OfRaft(3), Quorum(3), Async(3) })
        {
            var map = MapOf(settings, ["n2", "n1", "n3"]);
            var view = ViewOf(["n1", "n4"], draining: ["n1"]);
            Assert.Empty(ReplicaRepair.Plan(map, view));
            Assert.Contains(
                "too few",
                Assert.Single(ReplicaMoves.ReasonsOn(map, "n1", view)),
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public void What_a_dead_node_holds_that_drains_is_replaced_at_once()
    {
        var topology = new ClusterTopology
        {
            NodeEpoch = 1,
            Nodes =
            [
                NodeOf("n1", isAlive: true),
                NodeOf("n2", isAlive: false) with
                {
                    Draining = true,
                },
                NodeOf("n3", isAlive: false),
                NodeOf("n4", isAlive: true),
            ],
        };
        var view = RepairView.Of(topology, ["n1", "n2", "n3", "n9"], new HashSet<string>(), MoveRounds.ShardsMax);
        Assert.Equal(["n2", "n9"], view.Lost.Order());
        var map = MapOf(OfRaft(3), ["n1", "n4", "n2"]);
        Assert.Empty(ReplicaRepair.Plan(map, view));
        var free = view with { Alive = [.. view.Alive, new("n5", "")] };
        Assert.Equal("n5", Assert.Single(Assert.Single(ReplicaRepair.Plan(map, free)).Added));
    }

    [Fact]
    public void A_leaderless_shard_grows_before_it_lets_go_and_shrinks_only_when_all_its_replicas_use_the_map()
    {
        var map = MapOf(Quorum(3), ["n2", "n1", "n3"]);
        var view = ViewOf(["n1", "n2", "n3", "n4"], draining: ["n1"]);
        var grown = Stepped(map, view, firstId: 900);
        Assert.Equal(["n2", "n1", "n3", "n4"], grown.Shards[0].Replicas.Select(replica => replica.Node));
        Assert.Equal((0, 3), (grown.Shards[0].Lost, grown.Shards[0].Counted));
        var settled = Confirmed(grown, Reports(grown), Nobody) with { Epoch = grown.Epoch + 1 };
        Assert.Equal(4, settled.Shards[0].Counted);

        var reports = Reports(settled);
        Assert.Empty(ReplicaRepair.Plan(settled, view));
        foreach (var at in Enumerable.Range(0, reports.Length))
        {
            foreach (
                var stale in new[]
                {
                    reports[at] with
                    {
                        MapEpoch = settled.Epoch - 1,
                    },
                    reports[at] with
                    {
                        EarlierHaveEnded = false,
                    },
                    reports[at] with
                    {
                        Problem = "It copies.",
                    },
                }
            )
            {
                ReplicaStatus[] some = [.. reports[..at], stale, .. reports[(at + 1)..]];
                Assert.Empty(ReplicaRepair.Plan(settled, view with { Statuses = some }));
            }
        }
        var shrunk = Stepped(settled, view with { Statuses = reports }, firstId: 901);
        Assert.Equal(["n2", "n3", "n4"], shrunk.Shards[0].Replicas.Select(replica => replica.Node));
        Assert.Equal("n1", Assert.Single(shrunk.Shards[0].Leaving!).Node);
        Assert.Equal((0, 3), (shrunk.Shards[0].Lost, shrunk.Shards[0].Counted));
    }

    [Fact]
    public void One_that_leaves_a_leaderless_shard_is_kept_until_it_has_passed_on_all_it_took_or_its_node_is_given_up()
    {
        var map = MapOf(Async(2), ["n1", "n2", "n3"]);
        var leaving = map with
        {
            Shards =
            [
                map.Shards[0] with
                {
                    Replicas = map.Shards[0].Replicas[..2],
                    Leaving = map.Shards[0].Replicas[2..],
                },
            ],
        };
        var report = new ReplicaStatus
        {
            ReplicaId = leaving.Shards[0].Leaving![0].ReplicaId,
            Node = "n3",
            Role = "leaving",
            MapEpoch = leaving.Epoch,
            EarlierHaveEnded = true,
        };
        ReplicaStatus[] notYet =
        [
            report with
            {
                PendingPushes = 1,
            },
            report with
            {
                MapEpoch = leaving.Epoch - 1,
            },
            report with
            {
                EarlierHaveEnded = false,
            },
            report with
            {
                Role = "replica",
            },
        ];
        Assert.Same(leaving, Confirmed(leaving, [], Nobody));
        Assert.All(notYet, status => Assert.Same(leaving, Confirmed(leaving, [status], Nobody)));
        Assert.False(Confirmed(leaving, [report], Nobody).Shards[0].IsChanging);
        Assert.False(Confirmed(leaving, [], new HashSet<string> { "n3" }).Shards[0].IsChanging);
    }

    [Fact]
    public void A_drain_that_is_ended_half_way_leaves_a_shard_with_as_many_replicas_as_are_wanted()
    {
        var map = MapOf(Quorum(3), ["n2", "n1", "n3"]);
        var grown = Stepped(map, ViewOf(["n1", "n2", "n3", "n4"], draining: ["n1"]), firstId: 900);
        var done = RunToEnd(grown, ViewOf(["n1", "n2", "n3", "n4"], draining: []));
        Assert.Equal(["n1", "n2", "n3"], done.Shards[0].Replicas.Select(replica => replica.Node).Order());
        Assert.Equal(3, done.Shards[0].Counted);
    }

    [Fact]
    public void Quorums_that_could_miss_what_was_acknowledged_are_left_as_they_are_and_it_is_said_why()
    {
        var map = MapOf(Quorum(3) with { WriteQuorum = 3, ReadQuorum = 1 }, ["n2", "n1", "n3"]);
        var view = ViewOf(["n1", "n2", "n3", "n4"], draining: ["n1"]);
        Assert.Empty(ReplicaRepair.Plan(map, view));
        Assert.Contains("readQuorum", Assert.Single(ReplicaMoves.ReasonsOn(map, "n1", view)), StringComparison.Ordinal);
        var wary = ViewOf(["n1", "n2", "n3", "n4"], draining: ["n1"]) with { MissingMax = 2 };
        Assert.Empty(ReplicaRepair.Plan(MapOf(Quorum(3), ["n2", "n1", "n3"]), wary));
    }

    [Fact]
    public void A_leaderless_shard_shrinks_only_where_reads_of_the_smaller_size_meet_every_write_of_the_larger() =>
        (
            from counted in Gen.Int[1, 9]
            from write in Gen.Int[0, 9]
            from read in Gen.Int[0, 9]
            select (counted, write, read)
        ).Sample(one =>
        {
            var settings = Quorum(3) with
            {
                WriteQuorum = one.write == 0 ? null : one.write,
                ReadQuorum = one.read == 0 ? null : one.read,
            };
            var before = QuorumSizes.Of(settings, one.counted);
            if (ReplicaMoves.MayShrink(settings, one.counted, one.counted - before.Write))
            {
                var after = QuorumSizes.Of(settings, one.counted - 1);
                // The one that goes may have acknowledged it.
                Assert.True(before.Write - 1 + after.Read > one.counted - 1);
                Assert.True(after.Write + before.Read - 1 > one.counted - 1);
            }
            else if (one is { write: 0, read: 0, counted: > 1 })
            {
                Assert.Fail("The defaults always may.");
            }
        });

    [Fact]
    public void Drains_and_deaths_end_with_nothing_on_nodes_that_drain_and_never_below_a_majority_that_is_alive() =>
        (
            from settings in Gen.Int[0, Kinds.Length - 1].Select(kind => Kinds[kind])
            from nodes in Gen.Int[3, 8]
            from ranks in Gen.UInt.Array[nodes].Array[1, 8]
            from draining in Gen.Int[0, nodes - 1].HashSet[0, 2]
            from dead in Gen.Int[0, nodes - 1].HashSet[0, 1]
            from resumed in Gen.Bool
            from movesMax in Gen.Int[1, 3]
            select (settings, nodes, ranks, draining, dead, resumed, movesMax)
        ).Sample(one =>
        {
            string[] all = [.. Enumerable.Range(0, one.nodes).Select(node => $"n{node}")];
            string[] alive = [.. all.Where((_, node) => !one.dead.Contains(node))];
            string[] draining = [.. one.draining.Select(node => $"n{node}")];
            var map = MapOf(
                one.settings,
                [
                    .. one.ranks.Select(rank =>
                        all.OrderBy(node => rank[Array.IndexOf(all, node)]).Take(one.settings.Replicas).ToArray()
                    ),
                ]
            );
            var view = ViewOf(alive, draining) with
            {
                Lost = draining.Except(alive).ToHashSet(),
                MovesMax = one.movesMax,
            };
            if (one.resumed)
            {
                map = RunToEnd(map, view, rounds: 3);
                view = view with { Draining = Nobody, Lost = Nobody };
                draining = [];
            }
            var done = RunToEnd(map, view);
            foreach (var shard in done.Shards)
            {
                var isWell =
                    shard.Replicas.Count(replica => alive.Contains(replica.Node))
                    >= KeyspaceRules.Majority(shard.Counted);
                var free = alive.Except(draining).Except(shard.Hosted.Select(replica => replica.Node));
                var stays = shard.Replicas.Any(replica => draining.Contains(replica.Node));
                Assert.False(
                    stays && isWell && free.Any() && shard.Lost == 0 && AllAlive(shard, alive),
                    "It could move."
                );
            }
        });

    private static bool AllAlive(ShardPlacement shard, string[] alive) =>
        shard.Replicas.All(replica => alive.Contains(replica.Node));
}
