using CsCheck;
using Exapyte.Grains.ControlPlane;
using Xunit;

namespace Exapyte.Grains.Tests.ControlPlane;

[Trait("Scenario", "sharded_distribution_initialization")]
public sealed class ReplicaPlacerTests
{
    private static readonly Gen<(int[] ZoneSizes, int Shards, int Replicas, long Seed)> Anything = Gen.Select(
        Gen.Int[1, 5].Array[1, 5],
        Gen.Int[1, 40],
        Gen.Int[1, 9],
        Gen.Long
    );

    [Fact]
    public void Replicas_of_a_shard_stand_on_distinct_nodes_as_many_as_wanted_or_there_are() =>
        Anything.Sample(of =>
        {
            var nodes = Nodes(of.ZoneSizes);
            foreach (var shard in ReplicaPlacer.Place(nodes, of.Shards, of.Replicas, of.Seed))
            {
                Assert.Equal(Math.Min(of.Replicas, nodes.Length), shard.Length);
                Assert.Equal(shard.Length, shard.Distinct().Count());
            }
        });

    [Fact]
    public void Replicas_of_a_shard_stand_in_as_many_zones_as_there_can_be() =>
        Anything.Sample(of =>
        {
            var nodes = Nodes(of.ZoneSizes);
            var zoneOf = nodes.ToDictionary(node => node.Node, node => node.Zone);
            foreach (var shard in ReplicaPlacer.Place(nodes, of.Shards, of.Replicas, of.Seed))
            {
                Assert.Equal(
                    Math.Min(shard.Length, of.ZoneSizes.Length),
                    shard.Select(node => zoneOf[node]).Distinct().Count()
                );
            }
        });

    [Fact]
    public void Nodes_of_one_zone_get_equally_many_replicas_give_or_take_one() =>
        Anything.Sample(of =>
        {
            var nodes = Nodes(of.ZoneSizes);
            var placed = ReplicaPlacer.Place(nodes, of.Shards, of.Replicas, of.Seed);
            foreach (var zone in nodes.GroupBy(node => node.Zone))
            {
                AssertEven(zone.Select(node => placed.Sum(shard => shard.Count(member => member == node.Node))));
            }
        });

    [Fact]
    public void Without_zones_the_preferred_leaders_are_spread_give_or_take_one() =>
        Gen.Select(Gen.Int[1, 12], Gen.Int[1, 60], Gen.Int[1, 9], Gen.Long)
            .Sample(
                (count, shards, replicas, seed) =>
                {
                    var nodes = Nodes([count]);
                    var placed = ReplicaPlacer.Place(nodes, shards, replicas, seed);
                    AssertEven(nodes.Select(node => placed.Count(shard => shard[0] == node.Node)));
                }
            );

    [Fact]
    public void With_zones_of_one_size_and_a_replica_in_each_the_preferred_leaders_are_spread_too() =>
        Gen.Select(Gen.Int[1, 4], Gen.Int[1, 5], Gen.Int[1, 60])
            .Sample(
                (size, zones, shards) =>
                {
                    var nodes = Nodes([.. Enumerable.Repeat(size, zones)]);
                    var placed = ReplicaPlacer.Place(nodes, shards, zones, 0);
                    AssertEven(nodes.Select(node => placed.Count(shard => shard[0] == node.Node)));
                }
            );

    [Fact]
    public void A_node_of_twice_the_weight_gets_twice_the_replicas_and_leads_twice_the_shards()
    {
        PlacementNode[] nodes = [new("a", ""), new("b", ""), new("c", "", Weight: 2)];
        var placed = ReplicaPlacer.Place(nodes, 16, 1, 0);
        Assert.Equal([4, 4, 8], nodes.Select(node => placed.Count(shard => shard.Contains(node.Node))));
        var led = ReplicaPlacer.Place(nodes, 16, 3, 0);
        Assert.Equal([4, 4, 8], nodes.Select(node => led.Count(shard => shard[0] == node.Node)));
    }

    [Fact]
    public void The_order_in_which_nodes_are_given_does_not_matter() =>
        Anything.Sample(of =>
        {
            var nodes = Nodes(of.ZoneSizes);
            Assert.Equal(
                ReplicaPlacer.Place(nodes, of.Shards, of.Replicas, of.Seed),
                ReplicaPlacer.Place([.. nodes.Reverse()], of.Shards, of.Replicas, of.Seed)
            );
        });

    [Fact]
    public void Small_keyspaces_do_not_all_start_with_the_same_node() =>
        Assert.Equal(
            4,
            Enumerable.Range(0, 4).Select(seed => ReplicaPlacer.Place(Nodes([4]), 1, 1, seed)[0][0]).Distinct().Count()
        );

    private static PlacementNode[] Nodes(int[] zoneSizes) =>
        [
            .. zoneSizes.SelectMany(
                (size, zone) =>
                    Enumerable.Range(0, size).Select(node => new PlacementNode($"n{zone}-{node}", $"/z{zone}"))
            ),
        ];

    private static void AssertEven(IEnumerable<int> counts)
    {
        int[] all = [.. counts];
        Assert.True(all.Max() - all.Min() <= 1, $"Uneven: {string.Join(", ", all)}");
    }
}
