using CsCheck;
using Exapyte.Grains.Balance;
using Exapyte.Topology;
using Xunit;

namespace Exapyte.Grains.Tests.Balance;

[Trait("Scenario", "sharded_distribution_rebalancing")]
public sealed class BalancePlannerTests
{
    private const long Mebi = 1 << 20;

    private static readonly Gen<(BalanceNode[] Nodes, BalanceShard[] Shards)> Anything =
        from count in Gen.Int[1, 7]
        from zones in Gen.Int[0, 2].Array[count]
        from weights in Gen.Int[1, 4].Array[count]
        from keyspaces in (
            from replicas in Gen.Int[1, Math.Min(3, count)]
            from shards in Gen.Int[1, 12]
            from ranks in Gen.UInt.Array[count].Array[shards]
            from mebibytes in Gen.Int[0, 900].Array[shards]
            from stays in Gen.Int[0, 9].Array[shards]
            select (replicas, ranks, mebibytes, stays)
        ).Array[1, 5]
        select (
            Enumerable
                .Range(0, count)
                .Select(node => new BalanceNode($"n{node}", $"z{zones[node]}", weights[node]))
                .ToArray(),
            keyspaces
                .SelectMany(
                    (keyspace, at) =>
                        keyspace.ranks.Select(
                            (rank, shard) =>
                                new BalanceShard(
                                    $"k{at}",
                                    (100 * at) + shard,
                                    [
                                        .. Enumerable
                                            .Range(0, count)
                                            .OrderBy(node => rank[node])
                                            .Take(keyspace.replicas)
                                            .Select(node => $"n{node}"),
                                    ],
                                    keyspace.mebibytes[shard] * Mebi,
                                    MayMove: keyspace.stays[shard] > 0,
                                    IsLed: true
                                )
                        )
                )
                .ToArray()
        );

    [Fact]
    public void A_plan_that_was_carried_out_is_followed_by_none() =>
        Anything.Sample(of => Assert.Empty(BalancePlanner.Plan(of.Nodes, After(of.Shards, Planned(of)))), iter: 2_000);

    [Fact]
    public void No_plan_breaks_the_rules_of_placement_or_touches_a_shard_that_is_to_stay() =>
        Anything.Sample(
            of =>
            {
                var moves = Planned(of);
                var before = of.Shards.ToDictionary(shard => shard.ShardId);
                foreach (var after in After(of.Shards, moves))
                {
                    var old = before[after.ShardId];
                    Assert.Distinct(after.Nodes);
                    Assert.Equal(old.Nodes.Length, after.Nodes.Length);
                    Assert.True(old.MayMove || after.Nodes.SequenceEqual(old.Nodes));
                    Assert.True(
                        Crowding(of.Nodes, after) <= Crowding(of.Nodes, old),
                        "It stands in zones less evenly."
                    );
                }
            },
            iter: 2_000
        );

    [Fact]
    public void No_plan_leaves_a_node_with_more_than_the_fullest_had_unless_shards_stand_better_for_it() =>
        Anything.Sample(
            of =>
            {
                var after = After(of.Shards, Planned(of));
                var gains =
                    after.Sum(shard => Crowding(of.Nodes, shard)) - of.Shards.Sum(shard => Crowding(of.Nodes, shard));
                var spread = OutsideOfBands(of.Nodes, after) - OutsideOfBands(of.Nodes, of.Shards);
                Assert.True(
                    gains < 0
                        || spread < 0
                        || (spread == 0 && Unevenness(of.Nodes, after) <= Unevenness(of.Nodes, of.Shards) + 1e-6)
                );
            },
            iter: 2_000
        );

    [Fact]
    public void The_order_in_which_nodes_and_shards_are_given_does_not_matter() =>
        Anything.Sample(
            of => Assert.Equal(Planned(of), BalancePlanner.Plan([.. of.Nodes.Reverse()], [.. of.Shards.Reverse()])),
            iter: 500
        );

    [Fact]
    public void Without_zones_and_weights_each_keyspace_and_the_whole_are_even_give_or_take_one() =>
        (
            from count in Gen.Int[2, 6]
            from ranks in Gen.UInt.Array[count].Array[1, 20].Array[1, 4]
            from replicas in Gen.Int[1, 2]
            select (count, ranks, replicas)
        ).Sample(
            of =>
            {
                var nodes = Nodes(of.count);
                BalanceShard[] shards =
                [
                    .. of.ranks.SelectMany(
                        (ranks, keyspace) =>
                            ranks.Select(
                                (rank, shard) =>
                                    Shard(
                                        $"k{keyspace}",
                                        (100 * keyspace) + shard,
                                        [
                                            .. nodes
                                                .Select(node => node.Node)
                                                .OrderBy(node => rank[int.Parse(node.AsSpan(1))])
                                                .Take(of.replicas),
                                        ]
                                    )
                            )
                    ),
                ];
                var after = After(shards, BalancePlanner.Plan(nodes, shards));
                AssertEven(nodes, after);
                Assert.All(after.GroupBy(shard => shard.Keyspace), one => AssertEven(nodes, one));
            },
            iter: 500
        );

    [Fact]
    public void A_node_that_joins_gets_its_share_and_nothing_moves_between_the_others()
    {
        BalanceShard[] shards =
        [
            .. Enumerable.Range(0, 12).Select(shard => Shard("k", shard, [$"n{shard % 3}", $"n{(shard + 1) % 3}"])),
        ];
        var moves = BalancePlanner.Plan(Nodes(4), shards);
        Assert.Equal(6, moves.Length);
        Assert.All(moves, move => Assert.Equal("n3", move.To));
        Assert.Empty(BalancePlanner.Plan(Nodes(3), shards));
    }

    [Fact]
    public void A_node_of_twice_the_weight_gets_twice_as_much()
    {
        BalanceNode[] nodes = [new("n0", "", 1), new("n1", "", 1), new("n2", "", 2)];
        BalanceShard[] shards = [.. Enumerable.Range(0, 16).Select(shard => Shard("k", shard, [$"n{shard % 2}"]))];
        var after = After(shards, BalancePlanner.Plan(nodes, shards));
        Assert.Equal([4, 4, 8], nodes.Select(node => after.Count(shard => shard.Nodes.Contains(node.Node))));
    }

    [Fact]
    public void A_replica_moves_into_a_zone_in_which_its_shard_has_none()
    {
        BalanceNode[] nodes = [new("a1", "a", 1), new("a2", "a", 1), new("b1", "b", 1)];
        var move = Assert.Single(BalancePlanner.Plan(nodes, [Shard("k", 1, ["a1", "a2"])]));
        Assert.Equal("b1", move.To);
        Assert.Empty(BalancePlanner.Plan(nodes, [Shard("k", 1, ["a1", "b1"]), Shard("k", 2, ["a2", "b1"])]));
    }

    [Fact]
    public void Large_and_small_shards_change_places_where_a_node_has_a_fifth_more_bytes_than_its_share()
    {
        BalanceShard[] shards =
        [
            .. Enumerable
                .Range(0, 16)
                .Select(shard => Shard($"k{shard}", shard, [$"n{shard % 2}"], shard % 2 == 0 ? 900 * Mebi : Mebi)),
        ];
        var after = After(shards, BalancePlanner.Plan(Nodes(2), shards));
        Assert.Equal([8, 8], Nodes(2).Select(node => after.Count(shard => shard.Nodes.Contains(node.Node))));
        Assert.All(
            Nodes(2),
            node =>
                Assert.InRange(
                    after.Where(shard => shard.Nodes.Contains(node.Node)).Sum(shard => shard.Bytes),
                    8 * 450 * Mebi * 8 / 10,
                    8 * 450 * Mebi * 12 / 10
                )
        );
        Assert.Empty(
            BalancePlanner.Plan(Nodes(2), [.. shards.Select(shard => shard with { Bytes = shard.Bytes / 100 })])
        );
    }

    [Fact]
    public void A_disk_is_not_filled()
    {
        BalanceNode[] nodes = [new("n0", "", 1), new("n1", "", 1, FreeBytes: 250 * Mebi)];
        BalanceShard[] shards = [.. Enumerable.Range(0, 10).Select(shard => Shard("k", shard, ["n0"], 100 * Mebi))];
        Assert.Equal(2, BalancePlanner.Plan(nodes, shards).Length);
    }

    [Fact]
    public void A_thousand_shards_over_five_nodes_are_even_by_one_plan()
    {
        BalanceShard[] shards =
        [
            .. Enumerable
                .Range(0, 1_000)
                .Select(shard =>
                    Shard(
                        $"k{shard % 10}",
                        shard,
                        [$"n{shard % 4}", $"n{(shard + 1) % 4}", $"n{(shard + 2) % 4}"],
                        (1 + (shard * 7 % 400)) * Mebi
                    )
                ),
        ];
        var after = After(shards, BalancePlanner.Plan(Nodes(5), shards));
        AssertEven(Nodes(5), after);
    }

    [Fact]
    public void Leaders_of_many_small_keyspaces_are_spread_by_weight_and_no_keyspace_of_its_own_stands_worse()
    {
        BalanceNode[] nodes = [new("n0", "", 1), new("n1", "", 1), new("n2", "", 2)];
        BalanceShard[] shards =
        [
            .. Enumerable.Range(0, 12).Select(shard => Shard($"k{shard}", shard, ["n0", "n1", "n2"])),
        ];
        var leaders = LeaderPlanner.Plan(nodes, shards);
        var after = shards.ToDictionary(
            shard => shard.ShardId,
            shard => leaders.SingleOrDefault(move => move.ShardId == shard.ShardId)?.To ?? shard.Nodes[0]
        );
        Assert.Equal([3, 3, 6], nodes.Select(node => after.Values.Count(by => by == node.Node)));
        Assert.Empty(LeaderPlanner.Plan(nodes, [.. shards.Select(shard => shard with { MayMove = false })]));
        Assert.Empty(LeaderPlanner.Plan(nodes, [.. shards.Select(shard => shard with { IsLed = false })]));
    }

    private static ReplicaMove[] Planned((BalanceNode[] Nodes, BalanceShard[] Shards) of) =>
        BalancePlanner.Plan(of.Nodes, of.Shards);

    private static BalanceShard[] After(BalanceShard[] shards, ReplicaMove[] moves) =>
        Array.ConvertAll(
            shards,
            shard =>
                shard with
                {
                    Nodes = Array.ConvertAll(
                        shard.Nodes,
                        node =>
                            Array.Find(moves, move => move.ShardId == shard.ShardId && move.From == node)?.To ?? node
                    ),
                }
        );

    /// <summary>How many pairs of the shard's replicas share a zone, as squares.</summary>
    private static int Crowding(BalanceNode[] nodes, BalanceShard shard) =>
        shard
            .Nodes.CountBy(node => Array.Find(nodes, one => one.Node == node).Zone)
            .Sum(counted => counted.Value * counted.Value);

    private static double Unevenness(BalanceNode[] nodes, BalanceShard[] shards) =>
        nodes.Sum(node => Math.Pow(shards.Count(shard => shard.Nodes.Contains(node.Node)), 2) / node.Weight);

    private static double OutsideOfBands(BalanceNode[] nodes, BalanceShard[] shards) =>
        shards
            .GroupBy(shard => shard.Keyspace)
            .Sum(keyspace =>
                nodes.Sum(node =>
                {
                    var share =
                        (double)keyspace.Sum(shard => shard.Nodes.Length) * node.Weight / nodes.Sum(one => one.Weight);
                    var count = keyspace.Count(shard => shard.Nodes.Contains(node.Node));
                    return Math.Max(0, Math.Max(count - Math.Ceiling(share), Math.Floor(share) - count));
                })
            );

    private static void AssertEven(BalanceNode[] nodes, IEnumerable<BalanceShard> shards)
    {
        int[] counts = [.. nodes.Select(node => shards.Count(shard => shard.Nodes.Contains(node.Node)))];
        Assert.True(counts.Max() - counts.Min() <= 1, $"Uneven: {string.Join(", ", counts)}");
    }

    private static BalanceNode[] Nodes(int count) =>
        [.. Enumerable.Range(0, count).Select(node => new BalanceNode($"n{node}", "", 1))];

    private static BalanceShard Shard(string keyspace, long id, string[] nodes, long bytes = 0) =>
        new(keyspace, id, nodes, bytes, MayMove: true, IsLed: true);
}
