using System.Collections.Concurrent;
using Exapyte.Client.Administration;
using Exapyte.Keyspaces;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Core.Internal;
using Xunit;
using static Exapyte.Grains.Tests.EndToEnd.MovingReplicas;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Replicas and leaders that spread over nodes which have joined, while the cluster is written to.</summary>
[Trait("Scenario", "data_rebalancing")]
public sealed class RebalanceTests
{
    [Fact]
    public async Task A_fourth_node_gets_its_share_of_replicas_and_leaders_under_writes_and_nothing_is_lost()
    {
        await using var cluster = await StartAsync(3);
        var written = new ConcurrentDictionary<(string Keyspace, string Key), string>();
        using var stop = new CancellationTokenSource();
        var writing = OfEachKind.Keys.Select(name => WriteAsync(cluster, name, written, stop.Token)).ToArray();
        await WaitForWritesAsync(written, 20);
        await cluster.Nodes.StartNode(new("n4", "eu", "z4"));
        await cluster.Nodes.WaitForMembers();

        var rebalances = RebalancesOf(cluster);
        var planned = (await CallAsync(() => rebalances.PlanAsync())).Plan!;
        Assert.NotEmpty(planned.Moves);
        Assert.All(planned.Moves, move => Assert.Equal("n4", move.To));
        Assert.Empty((await CallAsync(() => rebalances.ListAsync())).Rebalances);

        var begun = Assert.Single((await CallAsync(() => rebalances.StartAsync())).Rebalances);
        // Bytes have changed meanwhile, and with them which shards are the best ones to move; how many move has not.
        Assert.Equal(planned.Moves.Length, begun.Plan.Moves.Length);
        var second = await CallAsync(() => rebalances.StartAsync());
        Assert.Equal(RebalanceOutcome.Conflict, second.Outcome);
        Assert.Equal(begun.Id, Assert.Single(second.Rebalances).Id);

        var done = await WaitForAsync(rebalances, begun.Id, RebalanceState.Done);
        Assert.All(done.Plan.Moves, move => Assert.Equal(MoveState.Done, move.State));
        await WaitForWritesAsync(written, 20 + (written.Count / OfEachKind.Count));
        await stop.CancelAsync();
        await Task.WhenAll(writing);

        var maps = await MapsAsync(cluster);
        Assert.All(
            maps.SelectMany(map => map.Shards, (map, shard) => (map, shard)),
            one =>
            {
                Assert.False(one.shard.IsChanging);
                Assert.Equal(one.map.Settings.Replicas, one.shard.Replicas.Length);
                Assert.Equal(one.map.Settings.Replicas, one.shard.Counted);
            }
        );
        AssertEven(maps.SelectMany(map => map.Shards).SelectMany(shard => shard.Replicas));
        AssertEven(
            maps.Where(map => !map.IsLeaderless).SelectMany(map => map.Shards).Select(shard => shard.Replicas[0])
        );
        await AssertReadableAsync(cluster, written);
        Assert.Equal(RebalanceOutcome.Conflict, (await CallAsync(() => rebalances.CancelAsync(begun.Id))).Outcome);

        // What is even stays as it is.
        var again = Assert.Single((await CallAsync(() => rebalances.StartAsync())).Rebalances);
        Assert.True(again.Plan.IsNothing);
        Assert.Equal(RebalanceState.Done, again.State);
    }

    [Fact]
    [Trait("Scenario", "control_plane_rebalancing_coordination")]
    public async Task A_rebalance_goes_on_after_its_coordinator_has_died_and_one_that_is_cancelled_leaves_every_shard_whole()
    {
        await using var cluster = await StartAsync(3, "raft3", "quorum3", "raft1");
        await cluster.Nodes.StartNode(new("n4", "eu", "z4"));
        await cluster.Nodes.WaitForMembers();
        var begun = Assert.Single((await CallAsync(() => RebalancesOf(cluster).StartAsync())).Rebalances);
        Assert.NotEmpty(begun.Plan.Moves);

        var coordinator = cluster.Nodes.GrainsOf("n1").GetGrain<IRebalanceGrain>(0);
        await coordinator.AsReference<IGrainManagementExtension>().DeactivateOnIdle();
        await WaitForAsync(RebalancesOf(cluster), begun.Id, RebalanceState.Done);

        await cluster.Nodes.StartNode(new("n5", "eu", "z5"));
        await cluster.Nodes.WaitForMembers();
        var next = Assert.Single((await CallAsync(() => RebalancesOf(cluster).StartAsync())).Rebalances);
        Assert.NotEmpty(next.Plan.Moves);
        Assert.Equal(RebalanceOutcome.Ok, (await CallAsync(() => RebalancesOf(cluster).CancelAsync(next.Id))).Outcome);
        Assert.Equal(RebalanceOutcome.Ok, (await CallAsync(() => RebalancesOf(cluster).CancelAsync(next.Id))).Outcome);
        await Eventually.Holds(
            async () =>
                (await CallAsync(() => RebalancesOf(cluster).GetAsync(next.Id))).Rebalances.Single()
                    is { State: RebalanceState.Cancelled } known
                && known.Plan.Moves.All(move => move.State is not (MoveState.Pending or MoveState.Moving)),
            "What had begun is finished or undone.",
            Patience
        );
        foreach (var name in new[] { "raft3", "quorum3", "raft1" })
        {
            var map = (await cluster.Client().GetKeyspaceAsync(name)).Map!;
            Assert.All(
                map.Shards,
                shard => Assert.Equal((map.Settings.Replicas, false), (shard.Replicas.Length, shard.IsChanging))
            );
        }
        Assert.Equal(
            [next.Id, begun.Id],
            (await CallAsync(() => RebalancesOf(cluster).ListAsync())).Rebalances.Select(one => one.Id)
        );
        Assert.Equal(
            RebalanceOutcome.NotFound,
            (await CallAsync(() => RebalancesOf(cluster).GetAsync(long.MaxValue))).Outcome
        );
    }

    [Fact]
    public async Task Nodes_that_join_are_given_their_share_unasked()
    {
        await using var cluster = await StartAsync(
            1,
            control =>
            {
                control.AutoBalance = true;
                control.AutoBalanceAfter = TimeSpan.FromSeconds(1);
            },
            "raft1",
            "quorum1"
        );
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await Eventually.Holds(
            async () =>
            {
                KeyspaceMap?[] maps =
                [
                    (await cluster.Client().GetKeyspaceAsync("raft1")).Map,
                    (await cluster.Client().GetKeyspaceAsync("quorum1")).Map,
                ];
                return maps.All(map =>
                    map is not null
                    && map.Shards.All(shard => !shard.IsChanging && shard.Replicas.Length == 1)
                    && map.Shards.Count(shard => shard.Replicas[0].Node == "n2") == 2
                );
            },
            "n2 has half of each.",
            Patience
        );
        var first = (await CallAsync(() => RebalancesOf(cluster).ListAsync())).Rebalances[^1];
        Assert.True(first.Automatic);
    }

    private static IRebalanceAdministration RebalancesOf(ProductCluster cluster) =>
        cluster.Nodes.ServicesOf("n1").GetRequiredService<IRebalanceAdministration>();

    private static async Task<RebalanceReply> CallAsync(Func<Task<RebalanceReply>> call)
    {
        RebalanceReply reply = null!;
        await Eventually.Holds(
            async () => (reply = await call()).Outcome != RebalanceOutcome.Unavailable,
            "The call is answered.",
            Patience
        );
        return reply;
    }

    private static async Task<Rebalance> WaitForAsync(
        IRebalanceAdministration rebalances,
        long id,
        RebalanceState state
    )
    {
        Rebalance? known = null;
        await Eventually.Holds(
            async () => (known = (await CallAsync(() => rebalances.GetAsync(id))).Rebalances.Single()).State == state,
            $"Rebalance {id} is {state}.",
            Patience
        );
        return known!;
    }

    private static void AssertEven(IEnumerable<ReplicaPlacement> replicas)
    {
        var counts = replicas.CountBy(replica => replica.Node).Select(counted => counted.Value).ToArray();
        Assert.Equal(4, counts.Length);
        Assert.True(counts.Max() - counts.Min() <= 1, $"Uneven: {string.Join(", ", counts)}");
    }
}
