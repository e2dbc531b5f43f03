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
    public async Task A_deletion_is_remembered_until_a_node_that_was_away_has_retired_its_replicas_and_then_forgotten()
    {
        var map = await cluster.Put("k", new());
        await cluster.WaitForMap("n3", map);
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        var deleted = await ControlPlaneCluster.Answered(() => cluster.Keyspace("k").Delete());
        Assert.Equal(KeyspaceOutcome.Ok, deleted.Outcome);
        var grain = cluster.Keyspace("k").GetGrainId();
        await Eventually.Holds(() => cluster.Recorder.LatestOf("n2", "k") is { Deleted: true }, "n2 knows.");
        Assert.True(cluster.Database.Has("keyspace", grain));

        await cluster.Nodes.StartNode(ControlPlaneCluster.Three[2]);
        var asked = await ControlPlaneCluster.Answered(async () =>
            new[] { await cluster.Keyspace("k", "n3").CurrentMap(map.KeyspaceId) }
        );

        Assert.Null(asked[0]);
        await Eventually.Holds(
            () => cluster.Recorder.LatestOf("n3", "k") is { Deleted: true } && !cluster.Database.Has("keyspace", grain),
            "n3 has said so, and nothing is left."
        );
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

    [Fact]
    [Trait("Scenario", "control_plane_leadership_management")]
    public async Task Exactly_one_coordinator_acts_and_the_one_that_takes_over_does_so_with_a_higher_epoch()
    {
        await cluster.ControlPlane().IssueIds(1);
        var hosts = await Task.WhenAll(
            cluster.Nodes.Nodes.Select(node => cluster.Nodes.HostOf(cluster.ControlPlane(node)))
        );
        var host = Assert.Single(hosts.Distinct());
        var before = (await cluster.ControlPlane().Topology()).CoordinatorEpoch;
        Assert.True(before > 0);

        await cluster.Nodes.KillNode(host!);
        await cluster.Nodes.WaitForMembers();
        var control = cluster.ControlPlane(cluster.Nodes.Nodes.First());
        // More ids than one reservation has: it must write.
        await ControlPlaneCluster.Answered(() => control.IssueIds(10_000));

        Assert.True((await ControlPlaneCluster.Answered(control.Topology)).CoordinatorEpoch > before);
    }

    [Fact]
    [Trait("Scenario", "control_plane_leadership_management")]
    public async Task A_coordinator_that_another_one_has_overtaken_changes_nothing_any_more()
    {
        await cluster.ControlPlane().IssueIds(1);
        var known = (await cluster.ControlPlane().Topology()).CoordinatorEpoch;
        cluster.Database.Touch("control-plane", cluster.ControlPlane().GetGrainId());
        var writes = cluster.Database.Writes;

        await Assert.ThrowsAsync<ControlPlaneUnavailableException>(() => cluster.ControlPlane().IssueIds(10_000));

        Assert.Equal(writes, cluster.Database.Writes);
        await ControlPlaneCluster.Answered(() => cluster.ControlPlane().IssueIds(10_000));
        Assert.True((await ControlPlaneCluster.Answered(cluster.ControlPlane().Topology)).CoordinatorEpoch > known);
    }

    [Fact]
    [Trait("Scenario", "control_plane_metadata_sync")]
    public async Task A_node_that_missed_any_number_of_changes_gets_the_newest_map_when_it_returns()
    {
        var map = await cluster.Put("k", new());
        await cluster.WaitForMap("n3", map);
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        for (var change = 1; change <= 10; change++)
        {
            map = await cluster.Put("k", new() { DefaultTtlSeconds = change });
        }

        await cluster.Nodes.StartNode(ControlPlaneCluster.Three[2]);
        await cluster.WaitForMap("n3", map);

        Assert.Equal(10, cluster.Recorder.LatestOf("n3", "k")!.Settings.DefaultTtlSeconds);
    }
}
