using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Faults;

/// <summary>The disk answers EIO to a sync: what was promised stays, and nothing is promised any more.</summary>
public sealed class FailedSyncTests(ClusterTestEnvironment environment, ITestOutputHelper output)
{
    /// <summary>Longer than the service goes on trying, so that each request gets the service's own answer.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Theory]
    [Trait("Scenario", "disk_failure")]
    [InlineData("error=EIO")]
    [InlineData("error=EIO:when=1")] // Later syncs say that they succeed, which proves nothing.
    public async Task After_a_failed_sync_no_write_is_acknowledged_and_reads_go_on(string fault)
    {
        using var folder = new TemporaryFolder("sync");
        var settings = new SiloSettings { NodeId = "n1", DataFolder = folder.File("data") };
        var filled = new List<AckedWrites>();
        var load = new List<WriteLoad>();
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            await Keyspaces.CreateAllAsync(silo.Rest, replicas: 1, shards: 2);
            foreach (var kind in Keyspaces.Kinds)
            {
                filled.Add(await Keyspaces.FillAsync(kind, [silo.Rest], entries: 100));
                load.Add(new WriteLoad(new AckedWrites(kind), "load", [silo.Rest], writers: 4, seed: 1));
            }
            foreach (var writers in load)
                await writers.WaitForAcknowledgementsAsync(20, ClusterTestEnvironment.Deadline);

            await using (var faults = await SyscallFaults.AttachAsync(silo, SyscallFaults.Syncs, fault))
            {
                await IsNotReadyAsync(silo, "log has failed");
                foreach (var writers in load)
                    await writers.StopAsync();
                await NoWriteIsTakenAsync(silo);
                foreach (var writes in filled)
                    await Keyspaces.NothingIsLostOrTornAsync(silo.Rest, writes);
                output.WriteLine($"{faults.Injected} syncs failed");
            }

            // The disk is well again, but what it did with the failed write nobody knows.
            await NoWriteIsTakenAsync(silo);
            await IsNotReadyAsync(silo, "Input/output error");
            Assert.Contains("log has failed: no write is taken any more", silo.Output, StringComparison.Ordinal);
        }

        await using var again = await SiloProcess.StartAsync(settings);
        foreach (var writes in filled.Concat(load.Select(writers => writers.Writes)))
        {
            output.WriteLine($"{writes.Keyspace}: {writes.Acknowledged} acknowledged, {writes.InDoubt} in doubt");
            await Keyspaces.NothingIsLostOrTornAsync(again.Rest, writes);
        }
        Assert.True((await again.Rest.PutAsync("raft", "after", "1"u8.ToArray())).IsSuccess);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task A_cluster_goes_on_without_the_node_whose_disk_fails()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAllAsync(cluster["n1"].Rest, replicas: 3);
        var clients = cluster.NodeIds.Select(id => cluster[id].Rest).ToList();
        var filled = new List<AckedWrites>();
        foreach (var kind in Keyspaces.Kinds)
            filled.Add(await Keyspaces.FillAsync(kind, clients, entries: 60));

        await using (await SyscallFaults.AttachAsync(cluster["n1"], SyscallFaults.Syncs, "error=EIO:when=1"))
        {
            // Whatever n1 writes next meets the fault: as a leader, a follower or a replica.
            await Poll.UntilAsync(
                "n1 is not ready",
                ClusterTestEnvironment.Deadline,
                async () =>
                {
                    await clients[0].PutAsync("async", "probe", "1"u8.ToArray());
                    return (await clients[0].ReadyAsync()).Status == 503;
                },
                cluster.Outputs
            );
        }
        foreach (var kind in Keyspaces.Kinds)
            await Keyspaces.EveryShardTakesWritesAsync(clients[1], kind);
        foreach (var writes in filled)
            await Keyspaces.IsIntactAsync(clients[2], writes);

        await cluster["n1"].KillAsync();
        await cluster.RestartAsync("n1");
        foreach (var writes in filled)
            await Keyspaces.IsIntactAsync(clients[0], writes);
    }

    static async Task NoWriteIsTakenAsync(SiloProcess silo)
    {
        using var client = new RestClient(silo.Settings.Url, s_patience);
        var keys = Enumerable.Range(0, 4).Select(number => $"refused-{number}").ToList();
        var answers = await Task.WhenAll(
            Keyspaces.Kinds.SelectMany(kind => keys.Select(key => client.PutAsync(kind, key, "1"u8.ToArray())))
        );
        Assert.All(
            answers,
            answer =>
            {
                Assert.Equal(503, answer.Status);
                Assert.Contains("Input/output error", answer.Text, StringComparison.Ordinal);
            }
        );
    }

    static async Task IsNotReadyAsync(SiloProcess silo, string reason) =>
        await Poll.UntilAsync(
            $"{silo.Settings.NodeId} says that it is not ready and why",
            ClusterTestEnvironment.Deadline,
            async () =>
                await silo.Rest.ReadyAsync() is { Status: 503 } answer
                && answer.Text.Contains(reason, StringComparison.Ordinal),
            () => silo.Output
        );
}
