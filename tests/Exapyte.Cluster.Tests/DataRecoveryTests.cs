using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

public sealed class DataRecoveryTests(ClusterTestEnvironment environment, ITestOutputHelper output)
{
    [Theory]
    [Trait("Scenario", "data_recovery")]
    [InlineData(MeetingPlace.Sqlite)]
    [InlineData(MeetingPlace.Postgres)]
    public async Task Six_hundred_entries_survive_the_kill_of_all_nodes_at_once(MeetingPlace place)
    {
        await using var cluster = await environment.StartThreeAsync(place);
        await Keyspaces.CreateAllAsync(cluster["n1"].Rest, replicas: 3);
        var clients = cluster.NodeIds.Select(id => cluster[id].Rest).ToList();
        var filled = new List<AckedWrites>();
        foreach (var kind in Keyspaces.Kinds)
            filled.Add(await Keyspaces.FillAsync(kind, clients, entries: 200));

        await cluster.KillAllAsync();
        await cluster.RestartAllAsync();

        foreach (var nodeId in cluster.NodeIds)
        {
            foreach (var writes in filled)
                await Keyspaces.IsIntactAsync(cluster[nodeId].Rest, writes);
        }
    }

    [Theory]
    [Trait("Scenario", "data_recovery")]
    [InlineData("raft")]
    [InlineData("quorum")]
    [InlineData("async")]
    public async Task All_nodes_die_in_the_middle_of_writes_and_nothing_acknowledged_is_lost(string kind)
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3);
        var clients = cluster.NodeIds.Select(id => cluster[id].Rest).ToList();
        await using var load = new WriteLoad(new AckedWrites(kind), "load", clients, writers: 24, seed: 5);
        await load.WaitForAcknowledgementsAsync(500, ClusterTestEnvironment.Deadline);

        await cluster.KillAllAsync();
        await load.StopAsync();
        await cluster.RestartAllAsync();

        output.WriteLine($"{kind}: {load.Writes.Acknowledged} acknowledged, {load.Writes.InDoubt} in doubt");
        foreach (var nodeId in cluster.NodeIds)
            await Keyspaces.IsIntactAsync(cluster[nodeId].Rest, load.Writes);
    }

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_single_node_gives_back_every_keyspace_after_a_kill()
    {
        using var folder = new TemporaryFolder("single");
        var settings = new SiloSettings { NodeId = "n1", DataFolder = folder.File("data") };
        var filled = new List<AckedWrites>();
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            await Keyspaces.CreateAllAsync(silo.Rest, replicas: 1);
            foreach (var kind in Keyspaces.Kinds)
                filled.Add(await Keyspaces.FillAsync(kind, [silo.Rest], entries: 200));
            await silo.KillAsync();
        }

        await using var again = await SiloProcess.StartAsync(settings);
        foreach (var writes in filled)
            await Keyspaces.NothingIsLostOrTornAsync(again.Rest, writes);
    }
}
