using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Grains.Tests.ControlPlane;

/// <summary>Keyspaces while a node is away.</summary>
[Trait("Scenario", "control_plane_metadata_sync")]
public sealed class AbsentNodeTests : IAsyncLifetime
{
    private ControlPlaneCluster cluster = null!;

    public async ValueTask InitializeAsync() => cluster = await ControlPlaneCluster.Start(ControlPlaneCluster.Three);

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    public async Task A_node_that_was_away_gets_the_map_when_it_returns()
    {
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        var map = await cluster.Put("k", new() { Replicas = 2 });
        var missed = await cluster.Put("k", new() { Replicas = 2, DefaultTtlSeconds = 9 });
        Assert.Equal(map.Epoch + 1, missed.Epoch);
        Assert.Null(cluster.Recorder.LatestOf("n3", "k"));
        await cluster.Nodes.StartNode(ControlPlaneCluster.Three[2]);
        var known = await ControlPlaneCluster.Answered(() => cluster.Keyspace("k", "n3").CurrentMap(map.KeyspaceId));
        Assert.Equal(missed.Epoch, known!.Epoch);
    }

    [Fact]
    public async Task A_placed_node_that_was_away_is_pushed_the_map_when_it_returns()
    {
        var map = await cluster.Put("k", new());
        await cluster.WaitForMap("n3", map);
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        var missed = await cluster.Put("k", new() { DefaultTtlSeconds = 9 });
        await cluster.Nodes.StartNode(ControlPlaneCluster.Three[2]);
        await cluster.WaitForMap("n3", missed);
    }

    [Fact]
    public async Task What_was_begun_is_completed_after_the_silo_of_the_keyspace_died_and_stays_away()
    {
        foreach (var node in cluster.Nodes.Nodes)
        {
            cluster.Recorder.Refusing[node] = true;
        }
        var begun = await cluster.Keyspace("k").Put(new());
        Assert.Equal(KeyspaceOutcome.Unavailable, begun.Outcome);
        await cluster.Nodes.KillNode((await cluster.Nodes.HostOf(cluster.Keyspace("k")))!);
        cluster.Recorder.Refusing.Clear();
        foreach (var node in cluster.Nodes.Nodes)
        {
            await cluster.WaitForMap(node, begun.Map!);
        }
    }

    [Fact]
    [Trait("Scenario", "control_plane_leadership_management")]
    public async Task The_control_plane_goes_on_elsewhere_when_its_silo_dies()
    {
        var host = (await cluster.Nodes.HostOf(cluster.ControlPlane()))!;
        var issued = await cluster.ControlPlane().IssueIds(1);
        await cluster.Nodes.KillNode(host);
        await cluster.Nodes.WaitForMembers();
        var other = cluster.Nodes.Nodes.First();
        var control = cluster.ControlPlane(other);
        Assert.True(await ControlPlaneCluster.Answered(() => control.IssueIds(1)) > issued);
        Assert.Equal(3, (await ControlPlaneCluster.Answered(control.Topology)).NodeEpoch);
    }
}
