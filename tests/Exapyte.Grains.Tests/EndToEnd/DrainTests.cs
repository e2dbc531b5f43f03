using System.Collections.Concurrent;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using static Exapyte.Grains.Tests.EndToEnd.MovingReplicas;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Nodes that leave a cluster which is written to meanwhile.</summary>
public sealed class DrainTests
{
    [Fact]
    public async Task A_node_is_drained_under_writes_and_removed_and_nothing_is_lost()
    {
        await using var cluster = await StartAsync(4);
        var written = new ConcurrentDictionary<(string Keyspace, string Key), string>();
        using var stop = new CancellationTokenSource();
        var writing = OfEachKind.Keys.Select(name => WriteAsync(cluster, name, written, stop.Token)).ToArray();
        await WaitForWritesAsync(written, 20);

        var nodes = NodesOf(cluster);
        Assert.Equal(NodeOutcome.Conflict, (await CommandAsync(() => nodes.RemoveAsync("n4", force: false))).Outcome);
        Assert.Equal(NodeOutcome.Conflict, (await CommandAsync(() => nodes.RemoveAsync("n4", force: true))).Outcome);
        Assert.Equal(NodeOutcome.Ok, (await CommandAsync(() => nodes.DrainAsync("n4"))).Outcome);
        await WaitForStateAsync(cluster, "n4", NodeState.Drained);
        await WaitForWritesAsync(written, 20 + written.Count / OfEachKind.Count);
        await stop.CancelAsync();
        await Task.WhenAll(writing);

        foreach (var (name, settings) in OfEachKind)
        {
            var map = (await cluster.Client().GetKeyspaceAsync(name)).Map!;
            Assert.All(map.Shards, shard => Assert.Equal(settings.Replicas, shard.Replicas.Length));
            Assert.All(map.Shards, shard => Assert.Equal(settings.Replicas, shard.Counted));
            Assert.DoesNotContain(map.Shards.SelectMany(shard => shard.Hosted), replica => replica.Node == "n4");
        }
        await AssertReadableAsync(cluster, written);

        var lifetime = cluster.Nodes.ServicesOf("n4").GetRequiredService<IHostApplicationLifetime>();
        Assert.False(lifetime.ApplicationStopping.IsCancellationRequested);
        Assert.Equal(NodeOutcome.Ok, (await CommandAsync(() => nodes.RemoveAsync("n4", force: false))).Outcome);
        await Eventually.Holds(() => lifetime.ApplicationStopping.IsCancellationRequested, "n4 ends.", Patience);
        await cluster.Nodes.StopNode("n4");
        await Eventually.Holds(
            async () => (await nodes.ReportAsync())?.Nodes.All(node => node.Info.Registration.Node != "n4") == true,
            "n4 is gone from the list.",
            Patience
        );
        await AssertReadableAsync(cluster, written);
    }

    [Fact]
    public async Task A_drain_that_is_resumed_half_way_leaves_every_shard_whole_and_the_node_in_service()
    {
        await using var cluster = await StartAsync(4);
        var written = new ConcurrentDictionary<(string Keyspace, string Key), string>();
        using var stop = new CancellationTokenSource();
        var writing = OfEachKind.Keys.Select(name => WriteAsync(cluster, name, written, stop.Token)).ToArray();
        await WaitForWritesAsync(written, 20);
        var nodes = NodesOf(cluster);
        await CommandAsync(() => nodes.DrainAsync("n4"));
        await Eventually.Holds(
            async () => (await MapsAsync(cluster)).Any(map => map.Shards.Any(shard => shard.IsChanging)),
            "Replicas begin to move.",
            Patience
        );
        Assert.Equal(NodeOutcome.Ok, (await CommandAsync(() => nodes.ResumeAsync("n4"))).Outcome);
        await WaitForStateAsync(cluster, "n4", NodeState.Up);
        await Eventually.Holds(
            async () =>
                (await MapsAsync(cluster)).All(map =>
                    map.Shards.All(shard =>
                        !shard.IsChanging
                        && shard.Counted == map.Settings.Replicas
                        && shard.Replicas.Length == map.Settings.Replicas
                    )
                ),
            "Every shard is whole.",
            Patience
        );
        await stop.CancelAsync();
        await Task.WhenAll(writing);
        await AssertReadableAsync(cluster, written);
    }

    [Fact]
    public async Task Where_there_is_nowhere_to_go_a_drain_says_so_hands_leaders_over_and_goes_on_once_a_node_joins()
    {
        await using var cluster = await StartAsync(3, "raft3", "quorum3");
        var nodes = NodesOf(cluster);
        await CommandAsync(() => nodes.DrainAsync("n3"));
        await Eventually.Holds(
            async () =>
                await ReportOfAsync(cluster, "n3")
                    is { State: NodeState.Draining, Replicas: > 0, Reasons.Length: 2, Load.Leaders: 0 },
            "n3 waits, leads nothing and says why.",
            Patience
        );
        await cluster.Nodes.StartNode(new("n4", "eu", "z4"));
        await WaitForStateAsync(cluster, "n3", NodeState.Drained);
        // A node that drains takes nothing new either.
        var map = await cluster.Create("later", new() { Shards = 2, Replicas = 3 });
        Assert.DoesNotContain(map.Shards.SelectMany(shard => shard.Replicas), replica => replica.Node == "n3");
    }

    [Fact]
    public async Task A_node_that_is_gone_for_good_is_given_up_by_force_unless_a_shard_needs_it()
    {
        await using var cluster = await StartAsync(3, "raft3", "quorum3");
        var only = await cluster.Create("only", new() { Shards = 3, Replicas = 1 });
        var nodes = NodesOf(cluster);
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        await WaitForStateAsync(cluster, "n3", NodeState.Down);
        Assert.Equal(NodeOutcome.Conflict, (await CommandAsync(() => nodes.RemoveAsync("n3", force: false))).Outcome);
        Assert.Contains(only.Shards, shard => shard.Replicas[0].Node == "n3");
        var needed = await CommandAsync(() => nodes.RemoveAsync("n3", force: true));
        Assert.Equal(NodeOutcome.Conflict, needed.Outcome);
        Assert.All(needed.Reasons, reason => Assert.Contains("'only'", reason, StringComparison.Ordinal));
        Assert.All(
            (await cluster.Client().GetKeyspaceAsync("raft3")).Map!.Shards,
            shard => Assert.Equal(3, shard.Replicas.Length)
        );

        await Eventually.Holds(
            async () => (await cluster.Client().DeleteKeyspaceAsync("only")).Outcome != KeyspaceOutcome.Unavailable,
            "The keyspace that needs it is deleted."
        );
        Assert.Equal(NodeOutcome.Ok, (await CommandAsync(() => nodes.RemoveAsync("n3", force: true))).Outcome);
        Assert.Equal(NodeOutcome.NotFound, (await CommandAsync(() => nodes.DrainAsync("n3"))).Outcome);
        await Eventually.Holds(
            async () =>
                (await cluster.Client().PutAsync("raft3", "a", "1")).Outcome.Kind == OutcomeKind.Ok
                && (await cluster.Client().PutAsync("quorum3", "a", "1")).Outcome.Kind == OutcomeKind.Ok,
            "What is left takes writes.",
            Patience
        );
    }
}
