using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Faults;

/// <summary>The disk answers EIO to a sync: what was promised stays, and nothing is promised any more.</summary>
public sealed class FailedSyncTests(ClusterTestEnvironment environment, ITestOutputHelper output)
{
    /// <summary>Longer than the service goes on trying, so that each request gets the service's own answer.</summary>
    static readonly TimeSpan s_patience = ClusterTestEnvironment.Deadline;

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
            await silo.WaitUntilItSaysAsync("log has failed: no write is taken any more");
        }

        await using var again = await SiloProcess.StartAsync(settings);
        foreach (var writes in filled.Concat(load.Select(writers => writers.Writes)))
        {
            output.WriteLine($"{writes.Keyspace}: {writes.Acknowledged} acknowledged, {writes.InDoubt} in doubt");
            await Keyspaces.NothingIsLostOrTornAsync(again.Rest, writes);
        }
        await Requests.TakesAsync(again.Rest, "raft", "after", "1"u8.ToArray());
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

        await Poll.UntilAsync(
            "n1's disk has failed",
            3 * ClusterTestEnvironment.Deadline,
            () => FailsAsync(cluster, "n1"),
            cluster.Outputs
        );
        foreach (var kind in Keyspaces.Kinds)
            await Keyspaces.EveryShardTakesWritesAsync(clients[1], kind);
        foreach (var writes in filled)
            await Keyspaces.IsIntactAsync(clients[2], writes);

        await cluster.KillAsync("n1");
        await cluster.RestartAsync("n1");
        foreach (var writes in filled)
            await Keyspaces.IsIntactAsync(clients[0], writes);
    }

    /// <summary>
    /// Makes syncs of a node fail until it says that its log has failed. False where the node ended before: a traced
    /// process is slow, and on a busy machine the others may vote it out for that.
    /// </summary>
    static async Task<bool> FailsAsync(SiloCluster cluster, string nodeId)
    {
        var silo = cluster[nodeId];
        if (!(await silo.Rest.ReadyAsync()).IsSuccess)
            return false;
        await using var faults = await SyscallFaults.AttachAsync(silo, SyscallFaults.Syncs, "error=EIO:when=1");
        var hasFailed = false;
        await Poll.UntilAsync(
            $"the log of {nodeId} has failed",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                // Whatever the node writes next meets the fault: as a leader, a follower or a replica.
                await silo.Rest.PutAsync("async", "probe", "1"u8.ToArray());
                hasFailed = IsNotReadyFor("log has failed", await silo.Rest.ReadyAsync());
                return hasFailed || silo.HasExited;
            },
            cluster.Outputs
        );
        return hasFailed;
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
                var isRefusedForThat =
                    answer.Status == 503 && answer.Text.Contains("Input/output error", StringComparison.Ordinal);
                Assert.True(isRefusedForThat, $"{answer}\n{silo.Output}");
            }
        );
    }

    static async Task IsNotReadyAsync(SiloProcess silo, string reason) =>
        await Poll.UntilAsync(
            $"{silo.Settings.NodeId} says that it is not ready and why",
            ClusterTestEnvironment.Deadline,
            async () => IsNotReadyFor(reason, await silo.Rest.ReadyAsync()),
            () => silo.Output
        );

    static bool IsNotReadyFor(string reason, RestAnswer answer) =>
        answer.Status == 503 && answer.Text.Contains(reason, StringComparison.Ordinal);
}
