using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Tests.EndToEnd;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class AsyncKeyspaceTests : IAsyncLifetime
{
    private ProductCluster cluster = null!;
    private KeyspaceMap map = null!;

    public async ValueTask InitializeAsync()
    {
        cluster = await ProductCluster.Start(3);
        map = await cluster.Create("async", new() { Replication = ReplicationKind.Async, Shards = 1 });
    }

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    [Trait("Scenario", "async_replicator_initialization")]
    [Trait("Scenario", "async_replicator_replicate_key")]
    public async Task A_write_that_one_replica_acknowledged_reaches_the_others()
    {
        foreach (var node in cluster.Nodes.Nodes)
        {
            var status = await Replica(node).Status();
            Assert.Equal(("replica", 0L, 0L), (status.Role, status.Entries, status.PendingPushes));
        }

        var put = (await cluster.Client("n1").PutAsync("async", "a", "1")).Outcome;
        Assert.Equal(OutcomeKind.Ok, put.Kind);
        Assert.InRange(put.Acknowledged, 1, 3);
        await OnAll("a", "1");
        Assert.Equal(OutcomeKind.Ok, (await cluster.Client("n2").PutAsync("async", "a", "2")).Outcome.Kind);
        await OnAll("a", "2");
        Assert.Equal(OutcomeKind.Ok, (await cluster.Client("n3").DeleteAsync("async", "a")).Outcome.Kind);
        foreach (var node in cluster.Nodes.Nodes)
        {
            await Eventually.Holds(async () => (await Held(node, "a")).Tombstone, $"{node} holds the delete.");
        }
    }

    [Fact]
    [Trait("Scenario", "async_replicator_replicate_key")]
    public async Task A_replica_that_was_away_gets_what_it_missed_while_the_sender_lives()
    {
        Assert.Equal(OutcomeKind.Ok, (await cluster.Client("n1").PutAsync("async", "before", "1")).Outcome.Kind);
        await OnAll("before", "1");
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(OutcomeKind.Ok, (await cluster.Patient("n1").PutAsync("async", $"k{i}", "v")).Outcome.Kind);
        }
        await cluster.Nodes.StartNode(new("n3", "eu", "z3"));
        await cluster.Nodes.WaitForMembers();

        await OnAll("before", "1");
        for (var i = 0; i < 30; i++)
        {
            await OnAll($"k{i}", "v");
        }
        await Eventually.Holds(
            async () =>
                (await Replica("n1").Status()).PendingPushes + (await Replica("n2").Status()).PendingPushes == 0,
            "Nothing waits any more."
        );
    }

    [Fact]
    [Trait("Scenario", "async_replicator_replicate_key")]
    public async Task What_a_dead_replica_lacks_survives_a_restart_of_the_sender_without_any_comparison()
    {
        await cluster.DisposeAsync();
        cluster = await ProductCluster.Start(
            3,
            silo => silo.Services.AddSingleton(Options.Create(new ReplicaOptions { CompareInterval = TimeSpan.Zero }))
        );
        map = await cluster.Create("async", new() { Replication = ReplicationKind.Async, Shards = 1 });
        await cluster.Patient("n1").PutAsync("async", "before", "1");
        await OnAll("before", "1");
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(OutcomeKind.Ok, (await cluster.Patient("n1").PutAsync("async", $"k{i}", "v")).Outcome.Kind);
        }
        await cluster.Patient("n1").DeleteAsync("async", "before");

        // Nobody but the one that took the writes has them, and it starts anew before the others return.
        await cluster.Nodes.KillNode("n1");
        foreach (var node in (string[])["n1", "n2", "n3"])
        {
            await cluster.Nodes.StartNode(new(node, "eu", $"z{node[1..]}"));
        }
        await cluster.Nodes.WaitForMembers();

        for (var i = 0; i < 30; i++)
        {
            await OnAll($"k{i}", "v");
        }
        foreach (var node in cluster.Nodes.Nodes)
        {
            await Eventually.Holds(async () => (await Held(node, "before")).Tombstone, $"{node} holds the delete.");
        }
        await Eventually.Holds(
            async () => (await Replica("n1").Status()).PendingPushes == 0,
            "Nothing waits any more."
        );
    }

    private async Task OnAll(string key, string value)
    {
        foreach (var node in cluster.Nodes.Nodes)
        {
            await Eventually.Holds(
                async () => (await Held(node, key)).Value.Span.SequenceEqual(Bytes(value)),
                $"{node} holds {key}={value}."
            );
        }
    }

    private async Task<StampedEntry> Held(string node, string key) =>
        (await Replica(node).ReadLocal(new() { Keys = [Bytes(key)] })).Entries.Single();

    private IShardGrain Replica(string node)
    {
        var shard = map.Shards.Single();
        var placed = shard.Replicas.Single(replica => replica.Node == node);
        return cluster
            .Nodes.GrainsOf(cluster.Nodes.Nodes.First())
            .GetGrain<IShardGrain>(new ReplicaKey(map.KeyspaceId, shard.ShardId, placed.ReplicaId, node).ToString());
    }
}
