using Exapyte.Testing.Histories;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Linearizability;

/// <summary>The leader runs on, but some of the ways between it and the others are cut, with clients on every side.</summary>
public sealed class LeaderCutOffTests(ITestOutputHelper output)
{
    const int Rounds = 2;

    static readonly string[] s_nodes = ["n1", "n2", "n3"];

    /// <param name="cuts">
    /// What is cut in turn, <c>L</c> being the leader of the moment: <c>a&gt;b</c> loses what a sends to b, <c>a=b</c> loses
    /// both ways.
    /// </param>
    [Theory]
    [Trait("Scenario", "partial_network_partition")]
    [InlineData("L=a L=b", "L=a")]
    [InlineData("L>a L>b", "a>L b>L", "L>a")]
    public async Task All_clients_see_one_history_while_ways_to_the_leader_are_cut(params string[] cuts)
    {
        await using var network = await PartitionableNetwork.CreateAsync(s_nodes);
        await using var cluster = await SiloCluster.StartThreeAsync(network);
        await using var load = await Contention.StartAsync(cluster, output);
        foreach (var cut in Enumerable.Repeat(cuts, Rounds).SelectMany(all => all))
        {
            await load.WaitForWritesAsync(100, ClusterTestEnvironment.Deadline, cluster.Outputs);
            var resumed = await CutAsync(network, cluster, load, cut);
            await load.WaitForWritesAsync(500, ClusterTestEnvironment.Deadline, cluster.Outputs);
            await network.HealAsync();
            await Contention.IsWholeAgainAsync(cluster);
            output.WriteLine($"{cut}: writes resumed after {resumed.TotalSeconds:0.00} s");
        }
        await Contention.IsLinearizableAsync(cluster, load, output);
        await Contention.CopiesAgreeAsync(cluster, load.Recorder);
    }

    [Fact]
    [Trait("Scenario", "partial_network_partition")]
    public async Task Eventual_reads_of_a_node_that_is_cut_off_are_told_from_linearizable_ones()
    {
        await using var network = await PartitionableNetwork.CreateAsync(s_nodes);
        await using var cluster = await SiloCluster.StartThreeAsync(network);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, Contention.Keyspace, replicas: 3, shards: 1);
        var recorder = new HistoryRecorder(Contention.Keyspace);
        await MustAsync(recorder, cluster["n2"].Rest, KeyRequest.Put(recorder.NextValue()));
        await Poll.UntilAsync(
            "n1 holds the first value",
            ClusterTestEnvironment.Deadline,
            async () => (await cluster["n1"].Rest.GetAsync(Contention.Keyspace, "key", "eventual")).Status == 200
        );

        await network.CutAsync("n1", "n2");
        await network.CutAsync("n1", "n3");
        await MustAsync(recorder, cluster["n2"].Rest, KeyRequest.Put(recorder.NextValue()));
        Assert.True(recorder.Check().IsLinearizable);
        var (_, old) = await recorder.RunAsync(cluster["n1"].Rest, "key", KeyRequest.Read, consistency: "eventual");

        Assert.Equal(200, old.Status);
        Assert.NotNull(recorder.Check().Fault);
    }

    /// <summary>Cuts, and waits until writes go on: where the leader is alone, under another one.</summary>
    static async Task<TimeSpan> CutAsync(
        PartitionableNetwork network,
        SiloCluster cluster,
        ContendedLoad load,
        string cut
    )
    {
        var leader = load.Leader;
        var others = s_nodes.Where(id => id != leader).ToList();
        async Task CutAllAsync()
        {
            foreach (var way in cut.Replace("L", leader).Replace("a", others[0]).Replace("b", others[1]).Split(' '))
                await Cuts.CutAsync(network, way);
        }

        if (cut.Contains(' ', StringComparison.Ordinal))
        {
            return await load.ResumesWithoutAsync(
                leader,
                CutAllAsync,
                ClusterTestEnvironment.Deadline,
                cluster.Outputs
            );
        }
        await CutAllAsync();
        return await load.WaitForWritesAsync(1, ClusterTestEnvironment.Deadline, cluster.Outputs);
    }

    static Task<TimeSpan> MustAsync(HistoryRecorder recorder, RestClient client, KeyRequest request) =>
        Poll.UntilAsync(
            $"{request} is done",
            ClusterTestEnvironment.Deadline,
            async () => (await recorder.RunAsync(client, "key", request)).End == RequestEnd.Done
        );
}
