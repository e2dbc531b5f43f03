using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;

namespace Exapyte.Grains.Tests.EndToEnd;

[Trait("Scenario", "control_plane_configure_keyspace")]
public sealed class DeletionTests : IAsyncLifetime
{
    private ProductCluster cluster = null!;

    public async ValueTask InitializeAsync() => cluster = await ProductCluster.Start(3);

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Async)]
    public async Task A_keyspace_created_again_under_the_same_name_has_nothing_of_the_one_before(ReplicationKind kind)
    {
        var settings = new KeyspaceSettings { Replication = kind, Shards = 2 };
        await cluster.Create("k", settings);
        Assert.Equal(OutcomeKind.Ok, (await cluster.Patient().PutAsync("k", "a", "old")).Outcome.Kind);
        await Delete("k");

        await cluster.Create("k", settings);

        foreach (var node in cluster.Nodes.Nodes)
        {
            Assert.Equal(OutcomeKind.NotFound, (await cluster.Patient(node).GetAsync("k", "a")).Outcome.Kind);
        }
    }

    [Fact]
    public async Task Writes_in_flight_when_their_keyspace_is_deleted_are_answered_long_before_their_deadline()
    {
        await cluster.Create("k", new() { Shards = 2 });
        var writers = Enumerable.Range(0, 8).Select(writer => Write(cluster.Client($"n{(writer % 3) + 1}"), writer));
        var writing = Task.WhenAll(writers.ToArray());

        await Task.WhenAny(writing, Task.Delay(500, TestContext.Current.CancellationToken));
        await Delete("k");

        // Ten seconds is the deadline of each operation: a writer ends with the first that finds no keyspace.
        Assert.All(
            await writing.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken),
            slowest => Assert.InRange(slowest, TimeSpan.Zero, TimeSpan.FromSeconds(8))
        );
    }

    [Fact]
    public async Task Keyspaces_that_come_and_go_leave_no_map_no_replica_no_activation_and_no_prefix_behind()
    {
        var hosts = cluster
            .Nodes.Nodes.Select(node => cluster.Nodes.ServicesOf(node).GetRequiredService<NodeHost>())
            .ToArray();
        for (var turn = 0; turn < 5; turn++)
        {
            await cluster.Create($"k{turn}", new() { Shards = 2 });
            Assert.Equal(OutcomeKind.Ok, (await cluster.Patient().PutAsync($"k{turn}", "a", "1")).Outcome.Kind);
            await Delete($"k{turn}");
        }

        foreach (var host in hosts)
        {
            await Eventually.Holds(
                () =>
                    host.Maps.All().Length == 0
                    && host.Replicas.All.Count == 0
                    && host.Replicas.Faces.Count == 0
                    && host.Services.Disused.Count == 0
                    && host.Services.Disk.ListPrefixes().Count == 0,
                $"{host.Services.NodeId} has nothing left: {host.Maps.All().Length} maps, {host.Replicas.All.Count} replicas, "
                    + $"{host.Replicas.Faces.Count} activations."
            );
        }
    }

    [Fact]
    public async Task A_node_that_was_away_when_a_keyspace_was_deleted_retires_what_it_has_when_it_is_back()
    {
        await cluster.Create("k", new() { Replication = ReplicationKind.Async, Shards = 2 });
        Assert.Equal(OutcomeKind.Ok, (await cluster.Patient().PutAsync("k", "a", "1")).Outcome.Kind);
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        await Delete("k");
        var row = cluster.Nodes.GrainsOf("n1").GetGrain<IKeyspaceGrain>("k").GetGrainId();

        await cluster.Nodes.StartNode(new("n3", "eu", "z3"));

        var host = cluster.Nodes.ServicesOf("n3").GetRequiredService<NodeHost>();
        await Eventually.Holds(
            () =>
                host.Replicas.All.Count == 0
                && host.Maps.All().Length == 0
                && !cluster.Nodes.Database.Has("keyspace", row),
            "n3 has retired its replicas, and nobody remembers the keyspace."
        );
        Assert.Equal(OutcomeKind.NoSuchKeyspace, (await cluster.Client("n3").GetAsync("k", "a")).Outcome.Kind);
    }

    [Fact]
    [Trait("Scenario", "data_plane_initialization")]
    public async Task A_node_that_starts_is_ready_only_once_its_keyspaces_can_be_served()
    {
        await using var alone = await ProductCluster.Start(1);
        var map = await alone.Create("k", new() { Shards = 4, Replicas = 1 });
        await alone.Nodes.StopNode("n1");
        await alone.Nodes.StartNode(new("n1", "eu", "z1"));
        var host = alone.Nodes.ServicesOf("n1").GetRequiredService<NodeHost>();

        await Eventually.Holds(
            async () =>
                (await alone.Client().GetReasonsNotReadyAsync(TestContext.Current.CancellationToken)).Count == 0,
            "The node is ready."
        );

        Assert.Equal(
            Enumerable.Repeat("leader", map.Shards.Length),
            host.StatusOf(map.KeyspaceId).Select(status => status.Role)
        );
    }

    private static async Task<TimeSpan> Write(IExapyteClient client, int writer)
    {
        var slowest = TimeSpan.Zero;
        for (var turn = 0; ; turn++)
        {
            var began = TimeProvider.System.GetTimestamp();
            var outcome = (await client.PutAsync("k", $"{writer}/{turn}", "v")).Outcome;
            var took = TimeProvider.System.GetElapsedTime(began);
            slowest = took > slowest ? took : slowest;
            if (outcome.Kind == OutcomeKind.NoSuchKeyspace)
            {
                return slowest;
            }
        }
    }

    private Task Delete(string name) =>
        Eventually.Holds(
            async () =>
                (await cluster.Client().DeleteKeyspaceAsync(name)).Outcome
                    is KeyspaceOutcome.Ok
                        or KeyspaceOutcome.NotFound,
            $"{name} is deleted."
        );
}
