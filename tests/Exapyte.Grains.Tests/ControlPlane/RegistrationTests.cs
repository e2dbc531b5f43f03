using Exapyte.Grains.ControlPlane;
using Exapyte.Grains.Hosting;
using Exapyte.Keyspaces;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Grains.Tests.ControlPlane;

public sealed class RegistrationTests
{
    private static readonly TestNode[] Three = ControlPlaneCluster.Three;

    [Fact]
    [Trait("Scenario", "control_plane_initialization")]
    public async Task The_first_start_creates_the_topology_and_a_restart_reads_it_back()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three[0]);
        var first = await cluster.ControlPlane().Topology();
        Assert.Equal(1, first.NodeEpoch);
        var ids = await cluster.ControlPlane().IssueIds(10);

        await cluster.Nodes.KillNode("n1");
        await cluster.Nodes.StartNode(Three[0]);

        var second = await ControlPlaneCluster.Answered(cluster.ControlPlane().Topology);
        Assert.Equal(1, second.NodeEpoch);
        Assert.Equal(Assert.Single(first.Nodes).FirstSeenMs, Assert.Single(second.Nodes).FirstSeenMs);
        Assert.True(await cluster.ControlPlane().IssueIds(1) >= ids + 10);
    }

    [Fact]
    [Trait("Scenario", "control_plane_register_node")]
    public async Task Nodes_that_join_appear_once_with_region_and_zone_and_alive()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three);
        await cluster.ControlPlane("n2").Register(cluster.Registrar("n2").Registration);
        var topology = await cluster.ControlPlane("n3").Topology();
        Assert.Equal(3, topology.NodeEpoch);
        Assert.Equal(
            [("n1", "north", "a", true), ("n2", "north", "b", true), ("n3", "north", "c", true)],
            topology.Nodes.Select(node =>
                (node.Registration.Node, node.Registration.Region, node.Registration.Zone, node.Alive)
            )
        );
        Assert.True(cluster.Registrar("n1").Registered.IsCompletedSuccessfully);
    }

    [Fact]
    [Trait("Scenario", "control_plane_register_node")]
    public async Task A_node_that_dies_stays_in_the_topology_and_is_not_alive()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three);
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        var topology = await ControlPlaneCluster.Answered(cluster.ControlPlane("n1").Topology);
        Assert.Equal([true, true, false], topology.Nodes.Select(node => node.Alive));
    }

    [Fact]
    [Trait("Scenario", "control_plane_update_topology")]
    public async Task A_node_that_returns_in_another_zone_raises_the_epoch_and_one_that_only_returns_does_not()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three[..2]);
        var registration = cluster.Registrar("n2").Registration;
        var control = cluster.ControlPlane();
        Assert.Equal(2, (await control.Register(registration)).Topology!.NodeEpoch);
        Assert.Equal(2, (await control.Register(registration with { SoftwareVersion = "9" })).Topology!.NodeEpoch);
        Assert.Equal(3, (await control.Register(registration with { Zone = "z" })).Topology!.NodeEpoch);
        Assert.Equal(4, (await control.Register(registration with { HttpAddress = "http://h" })).Topology!.NodeEpoch);
        Assert.Equal("n2", (await control.Topology()).Nodes[1].Registration.Node);
    }

    [Fact]
    [Trait("Scenario", "control_plane_register_node")]
    public async Task A_second_machine_under_the_name_of_a_live_node_is_refused_with_advice()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three);
        var created = await cluster.Keyspace("k").Put(new());
        var failure = await Assert.ThrowsAsync<NodeRefusedException>(() =>
            cluster.Nodes.StartNode(Three[1] with { StoreId = 999_999 }, besides: true)
        );
        Assert.Equal("n2", failure.Node);
        Assert.Contains("another node id", failure.Message);
        var topology = await cluster.ControlPlane().Topology();
        Assert.Equal(Three[1].StoreId, topology.Nodes[1].Registration.StoreId);
        Assert.Equal(created.Map!.Epoch, (await cluster.Keyspace("k").Get()).Map!.Epoch);
    }

    [Fact]
    [Trait("Scenario", "control_plane_register_node")]
    public async Task A_node_with_a_wiped_disk_is_accepted_once_its_old_replicas_are_out_of_every_map()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three);
        var spread = await cluster.Put("spread", new() { Shards = 3 });
        var single = await cluster.Put("single", new() { Shards = 3, Replicas = 1 });

        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        await cluster.Nodes.StartNode(Three[1] with { StoreId = 999_998 });

        var after = spread;
        await Eventually.Holds(
            async () =>
            {
                after = (await cluster.Keyspace("spread").Get()).Map!;
                return after.Shards.All(shard => shard.Replicas.Length == 3);
            },
            "New replicas take the place of the old ones."
        );
        Assert.True(after.Epoch > spread.Epoch);
        var old = spread.Shards.SelectMany(shard => shard.Replicas).Where(replica => replica.Node == "n2");
        Assert.Empty(
            after.Shards.SelectMany(shard => shard.Hosted).IntersectBy(old.Select(Id), replica => replica.ReplicaId)
        );
        Assert.All(
            after.Shards,
            shard => Assert.Equal("n2", Assert.Single(shard.Replicas, replica => replica.Joining).Node)
        );
        Assert.True(after.UnderReplicated);
        var lost = (await cluster.Keyspace("single").Get()).Map!;
        Assert.Equal(
            single.Shards.Select(shard => shard.Replicas[0].Node == "n2" ? 0 : 1),
            lost.Shards.Select(shard => shard.Replicas.Length)
        );
        Assert.Equal(999_998UL, (await cluster.ControlPlane().Topology()).Nodes[1].Registration.StoreId);
        foreach (var node in cluster.Nodes.Nodes)
        {
            await cluster.WaitForMap(node, after);
        }
    }

    [Fact]
    [Trait("Scenario", "control_plane_register_node")]
    public async Task Replicas_placed_after_a_node_returned_with_a_new_disk_are_not_retired_by_that()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three[..1]);
        var epoch = (await cluster.ControlPlane().Topology()).NodeEpoch;
        var map = (await cluster.Keyspace("k").Put(new())).Map!;
        var control = cluster.Nodes.GrainsOf("n1").GetGrain<IKeyspaceControlGrain>("k");
        await control.RetireNode("n1", epoch);
        var kept = (await cluster.Keyspace("k").Get()).Map!;
        Assert.Equal(map.Epoch, kept.Epoch);
        Assert.All(kept.Shards, shard => Assert.Single(shard.Replicas));
        await control.RetireNode("n1", epoch + 1);
        Assert.Empty((await cluster.Keyspace("k").Get()).Map!.Shards[0].Replicas);
    }

    [Theory]
    [Trait("Scenario", "control_plane_register_node")]
    [InlineData("N1", 7UL)]
    [InlineData("", 7UL)]
    [InlineData("a@b", 7UL)]
    [InlineData("n7", 0UL)]
    public void A_registration_that_cannot_be_right_is_refused(string node, ulong storeId)
    {
        var decision = RegistrationRules.Decide(
            new(),
            new()
            {
                Node = node,
                StoreId = storeId,
                Region = "",
                Zone = "",
            },
            1,
            0
        );
        Assert.NotNull(decision.Refusal);
        Assert.Null(decision.Next);
    }

    [Fact]
    [Trait("Scenario", "control_plane_register_node")]
    public async Task A_node_is_refused_where_its_data_belongs_to_another_cluster_or_the_database_was_lost()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three[..1]);
        var accepted = await cluster.Registrar("n1").Registered;
        Assert.NotEqual(0UL, accepted.ClusterId);
        var registration = cluster.Registrar("n1").Registration;
        var control = cluster.ControlPlane();
        Assert.True((await control.Register(registration with { ClusterId = accepted.ClusterId })).Accepted);
        var refused = await control.Register(registration with { ClusterId = accepted.ClusterId + 1 });
        Assert.True(refused is { Accepted: false, Retryable: false });
        var lost = RegistrationRules.Decide(new(), registration with { ClusterId = accepted.ClusterId }, 1, 0);
        Assert.Contains("Restore the database", lost.Refusal);
    }

    [Fact]
    [Trait("Scenario", "control_plane_register_node")]
    public async Task A_node_waits_for_a_database_that_is_stopped_and_registers_when_it_is_back()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three[..1]);
        cluster.Database.IsStopped = true;
        var starting = cluster.Nodes.StartNode(Three[1]);
        await Eventually.Holds(
            () => cluster.Nodes.ActiveNamesSeenBy("n1").Contains("n2"),
            "n2 is active, though not registered."
        );
        Assert.False(starting.IsCompleted);
        cluster.Database.IsStopped = false;
        await starting;
        Assert.Equal(2, (await cluster.ControlPlane().Topology()).Nodes.Length);
    }

    [Fact]
    [Trait("Scenario", "control_plane_update_topology")]
    public async Task Ids_are_never_issued_twice_whoever_asks_and_whatever_restarts()
    {
        await using var cluster = await ControlPlaneCluster.Start(Three);
        HashSet<long> seen = [];
        for (var round = 0; round < 3; round++)
        {
            var asked = cluster.Nodes.Nodes.SelectMany(node =>
                Enumerable.Range(1, 20).Select(count => Issue(cluster, node, count))
            );
            foreach (var ids in await Task.WhenAll(asked))
            {
                Assert.All(ids, id => Assert.True(seen.Add(id), $"{id} was issued twice."));
            }
            var grain = cluster.ControlPlane().GetGrainId();
            cluster.Database.Touch("control-plane", grain);
            await Assert.ThrowsAsync<ControlPlaneUnavailableException>(() => cluster.ControlPlane().IssueIds(100_000));
        }
    }

    private static long Id(ReplicaPlacement replica) => replica.ReplicaId;

    private static async Task<IEnumerable<long>> Issue(ControlPlaneCluster cluster, string node, int count)
    {
        var first = await cluster.ControlPlane(node).IssueIds(count);
        return Enumerable.Range(0, count).Select(offset => first + offset);
    }
}
