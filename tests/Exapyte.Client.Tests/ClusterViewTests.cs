using Exapyte.Client.Tests.Scripted;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client.Tests;

public sealed class ClusterViewTests(ScriptedSilo silo)
{
    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Shards_are_told_with_every_placed_replica_whether_its_node_answers_or_not()
    {
        var keyspace = new ScriptedKeyspace(shards: 2);
        keyspace[1, 1].Hosted = false;
        // A node has a second to answer, which says nothing about one that has no processor to answer with.
        using var time = new StoppedTime();
        await using var client = silo.Open(keyspace, time);

        var shards = await client.Client.GetShardsAsync(keyspace.Name, OfTest);

        Assert.NotNull(shards);
        Assert.Equal(
            [
                ["follower", "follower", "unreachable"],
                ["follower", "absent", "unreachable"],
            ],
            shards.Select(shard => shard.Replicas.Select(replica => replica.Role).ToArray())
        );
        Assert.Equal(keyspace[1, 2].ReplicaId, shards[1].Replicas[2].ReplicaId);
    }

    [Fact]
    public async Task An_absent_keyspace_has_no_shards()
    {
        await using var client = silo.Client();

        Assert.Null(await client.GetShardsAsync("nowhere", OfTest));
    }

    [Fact]
    public async Task Topology_and_names_come_from_the_control_plane()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Client();

        var topology = await client.GetTopologyAsync(OfTest);

        Assert.Equal(["n1", "n2", "n3"], topology.Nodes.Select(node => node.Registration.Node));
        Assert.Contains(keyspace.Name, await client.ListKeyspacesAsync(OfTest));
    }

    [Fact]
    public async Task A_client_is_ready_once_the_cluster_answers_and_its_own_node_is_registered()
    {
        var keyspace = new ScriptedKeyspace();
        using var time = new StoppedTime();
        await using var ready = silo.Open(keyspace, time, options => options.LocalNode = "n1");
        await using var stranger = silo.Open(keyspace, time, options => options.LocalNode = "n9");
        await ready.Put("a");

        Assert.Empty(await ready.Client.GetReasonsNotReadyAsync(OfTest));
        var reason = Assert.Single(await stranger.Client.GetReasonsNotReadyAsync(OfTest));
        Assert.Contains("n9", reason, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Scenario", "data_plane_initialization")]
    public async Task A_node_that_cannot_serve_yet_what_it_hosts_is_not_ready_and_says_why()
    {
        var keyspace = new ScriptedKeyspace();
        var news = new NodeNews { StartReasons = ["Keyspace k cannot be served yet."] };
        await using var client = silo.Open(keyspace, news);

        Assert.Equal(["Keyspace k cannot be served yet."], await client.Client.GetReasonsNotReadyAsync(OfTest));

        news.StartReasons = [];
        Assert.Empty(await client.Client.GetReasonsNotReadyAsync(OfTest));
    }

    [Fact]
    public async Task A_keyspace_is_refused_with_every_reason_before_anything_is_asked()
    {
        await using var client = silo.Client();

        var reply = await client.PutKeyspaceAsync("No Name", new() { Shards = 0, Replicas = 99 }, OfTest);

        Assert.Equal(KeyspaceOutcome.Invalid, reply.Outcome);
        Assert.Equal(3, reply.Reasons.Length);
    }

    [Fact]
    public async Task A_keyspace_is_created_read_and_deleted()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        await client.Put("a");

        var read = await client.Client.GetKeyspaceAsync(keyspace.Name, OfTest);
        var deleted = await client.Client.DeleteKeyspaceAsync(keyspace.Name, OfTest);
        var gone = await client.Client.GetKeyspaceAsync(keyspace.Name, OfTest);
        var operation = await client.Get("a");

        Assert.Equal(keyspace.KeyspaceId, read.Map?.KeyspaceId);
        Assert.Equal(KeyspaceOutcome.Ok, deleted.Outcome);
        Assert.Equal(KeyspaceOutcome.NotFound, gone.Outcome);
        Assert.Equal(Operations.OutcomeKind.NoSuchKeyspace, operation.Outcome.Kind);
    }

    [Fact]
    public async Task With_the_control_plane_down_a_keyspace_is_read_from_the_nodes()
    {
        var keyspace = new ScriptedKeyspace(name: $"down-{ScriptedKeyspace.NextId()}");
        await using var client = silo.Client();

        var reply = await client.GetKeyspaceAsync(keyspace.Name, OfTest);
        var nowhere = await client.GetKeyspaceAsync("down-and-unknown", OfTest);

        Assert.Equal(keyspace.KeyspaceId, reply.Map?.KeyspaceId);
        Assert.Equal(KeyspaceOutcome.Unavailable, nowhere.Outcome);
    }
}
