using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

public sealed class NodeFailureTests(ClusterTestEnvironment environment, ITestOutputHelper output)
{
    const int Writers = 12;

    [Theory]
    [Trait("Scenario", "node_failure_handling")]
    [InlineData(MeetingPlace.Sqlite, "raft")]
    [InlineData(MeetingPlace.Sqlite, "quorum")]
    [InlineData(MeetingPlace.Sqlite, "async")]
    [InlineData(MeetingPlace.Postgres, "raft")]
    public async Task Writes_go_on_after_a_kill_and_the_node_catches_up_when_it_returns(MeetingPlace place, string kind)
    {
        await using var cluster = await environment.StartThreeAsync(place);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3);
        var before = await Keyspaces.FillAsync(kind, [cluster["n1"].Rest], entries: 100);
        await using var load = Load(kind, [cluster["n1"], cluster["n2"]]);
        await load.WaitForAcknowledgementsAsync(200, ClusterTestEnvironment.Deadline);

        await cluster.KillAsync("n3");
        var resumed = await load.WaitForAcknowledgementsAsync(200, ClusterTestEnvironment.Deadline);
        output.WriteLine(
            $"{kind}: 200 writes after the kill took {resumed.TotalSeconds:0.00} s, "
                + $"the longest silence was {load.LongestSilence.TotalSeconds:0.00} s (goal: 2 s)"
        );
        await cluster.RestartAsync("n3");
        await load.WaitForAcknowledgementsAsync(100, ClusterTestEnvironment.Deadline);
        await load.StopAsync();

        await Keyspaces.IsIntactAsync(cluster["n1"].Rest, load.Writes);
        await Keyspaces.IsIntactAsync(cluster["n3"].Rest, load.Writes);
        await Keyspaces.IsIntactAsync(cluster["n3"].Rest, before);
    }

    [Theory]
    [Trait("Scenario", "leader_failover")]
    [InlineData("raft")]
    [InlineData("quorum")]
    public async Task Every_node_in_turn_is_killed_and_nothing_acknowledged_is_lost(string kind)
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        // Shards are led by different nodes, so that each kill takes the leader of some.
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3, shards: 6);
        foreach (var victim in cluster.NodeIds.ToList())
        {
            var others = cluster.NodeIds.Where(id => id != victim).Select(id => cluster[id]).ToList();
            await using var load = Load(kind, others, $"while-{victim}-dies");
            await load.WaitForAcknowledgementsAsync(100, ClusterTestEnvironment.Deadline);
            await cluster.KillAsync(victim);
            var resumed = await load.WaitForAcknowledgementsAsync(200, ClusterTestEnvironment.Deadline);
            await Keyspaces.EveryShardTakesWritesAsync(others[0].Rest, kind);
            output.WriteLine(
                $"{kind}: {victim} killed, 200 writes after {resumed.TotalSeconds:0.00} s, "
                    + $"the longest silence was {load.LongestSilence.TotalSeconds:0.00} s"
            );
            await load.StopAsync();
            await Keyspaces.NothingIsLostOrTornAsync(others[1].Rest, load.Writes);
            await cluster.RestartAsync(victim);
            await Keyspaces.NothingIsLostOrTornAsync(cluster[victim].Rest, load.Writes);
        }
    }

    [Theory]
    [Trait("Scenario", "node_failure_handling")]
    [InlineData("raft")]
    [InlineData("quorum")]
    [InlineData("async")]
    public async Task A_frozen_node_holds_nobody_up_and_comes_back_without_damage(string kind)
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3);
        await using var load = Load(kind, [cluster["n1"], cluster["n3"]]);
        await load.WaitForAcknowledgementsAsync(100, ClusterTestEnvironment.Deadline);

        cluster["n2"].Freeze();
        var resumed = await load.WaitForAcknowledgementsAsync(300, ClusterTestEnvironment.Deadline);
        await Keyspaces.EveryShardTakesWritesAsync(cluster["n1"].Rest, kind);
        await Keyspaces.EveryShardAnswersReadsAsync(cluster["n3"].Rest, kind);
        output.WriteLine(
            $"{kind}: 300 writes after the freeze took {resumed.TotalSeconds:0.00} s, "
                + $"the longest silence was {load.LongestSilence.TotalSeconds:0.00} s"
        );
        cluster["n2"].Thaw();
        await load.WaitForAcknowledgementsAsync(100, ClusterTestEnvironment.Deadline);
        await load.StopAsync();

        await Keyspaces.ServesAgainAsync(cluster, "n2", kind);
        await Keyspaces.IsIntactAsync(cluster["n1"].Rest, load.Writes);
        await Keyspaces.IsIntactAsync(cluster["n2"].Rest, load.Writes);
    }

    [Fact]
    [Trait("Scenario", "node_failure_handling")]
    public async Task A_node_that_was_voted_out_starts_anew_in_its_own_place_and_serves_what_it_missed()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, "raft", replicas: 3);
        var process = cluster["n2"];
        process.Freeze();
        await Poll.UntilAsync(
            "n2 is voted out",
            ClusterTestEnvironment.Deadline,
            async () => !await IsAliveAsync(cluster["n1"].Rest, "n2"),
            cluster.Outputs
        );
        var missed = await Keyspaces.FillAsync("raft", [cluster["n1"].Rest, cluster["n3"].Rest], entries: 60);

        process.Thaw();
        await cluster.WaitUntilItSaysAsync("n2", "it starts anew and joins them again");
        await Poll.UntilAsync(
            "n2 is a member again",
            ClusterTestEnvironment.Deadline,
            async () => await IsAliveAsync(cluster["n1"].Rest, "n2") && (await process.Rest.ReadyAsync()).IsSuccess,
            cluster.Outputs
        );

        await Keyspaces.IsIntactAsync(process.Rest, missed);
        Assert.Same(process, cluster["n2"]);
        Assert.False(process.HasExited);
        Assert.DoesNotContain("FATAL", process.StandardError, StringComparison.Ordinal);
        await cluster.EndsInOrderAsync("n2");
    }

    [Theory]
    [Trait("Scenario", "node_failure_handling")]
    [InlineData("raft")]
    [InlineData("quorum")]
    [InlineData("async")]
    public async Task Nodes_that_are_restarted_in_order_one_after_another_hold_nobody_up(string kind)
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3);
        var before = await Keyspaces.FillAsync(kind, [cluster["n1"].Rest], entries: 60);
        foreach (var nodeId in cluster.NodeIds.ToList())
        {
            var others = cluster.NodeIds.Where(id => id != nodeId).Select(id => cluster[id]).ToList();
            await using var load = Load(kind, others, $"without-{nodeId}");
            await load.WaitForAcknowledgementsAsync(50, ClusterTestEnvironment.Deadline);
            await cluster.EndsInOrderAsync(nodeId);
            await load.WaitForAcknowledgementsAsync(100, ClusterTestEnvironment.Deadline);
            await Keyspaces.EveryShardTakesWritesAsync(others[0].Rest, kind);
            await Keyspaces.EveryShardAnswersReadsAsync(others[^1].Rest, kind);
            await cluster.RestartAsync(nodeId);
            await load.StopAsync();
            await Keyspaces.IsIntactAsync(cluster[nodeId].Rest, load.Writes);
            await Keyspaces.IsIntactAsync(cluster[nodeId].Rest, before);
        }
    }

    [Fact]
    [Trait("Scenario", "node_failure_handling")]
    public async Task With_the_membership_database_down_reads_and_writes_go_on()
    {
        await using var postgres = await PostgresServer.CreateAsync();
        await using var cluster = await SiloCluster.StartThreeAsync(postgres);
        await Keyspaces.CreateAllAsync(cluster["n1"].Rest, replicas: 3);
        await postgres.StopAsync();
        var clients = cluster.NodeIds.Select(id => cluster[id].Rest).ToList();
        foreach (var kind in Keyspaces.Kinds)
        {
            var writes = await Keyspaces.FillAsync(kind, clients, entries: 60);
            await Keyspaces.IsIntactAsync(clients[^1], writes);
        }

        await postgres.StartAsync();
        await Poll.UntilAsync(
            "keyspaces can be made again",
            ClusterTestEnvironment.Deadline,
            async () => (await clients[0].PutKeyspaceAsync("later", new KeyspaceSettings("raft", 3, 2))).IsSuccess,
            cluster.Outputs
        );
    }

    static async Task<bool> IsAliveAsync(RestClient rest, string nodeId) =>
        (await rest.GetNodesAsync())
            .Json.GetProperty("nodes")
            .EnumerateArray()
            .Single(node => node.GetProperty("id").GetString() == nodeId)
            .GetProperty("alive")
            .GetBoolean();

    static WriteLoad Load(string kind, IEnumerable<SiloProcess> silos, string prefix = "load") =>
        new(new AckedWrites(kind), prefix, [.. silos.Select(silo => silo.Rest)], Writers, seed: 11);
}
