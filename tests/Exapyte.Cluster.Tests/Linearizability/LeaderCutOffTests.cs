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
        await Poll.UntilAsync(
            "a follower that is cut off gives back an old value",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                await Contention.IsWholeAgainAsync(cluster);
                var leader = await WriteAsync(recorder, cluster["n1"].Rest);
                var follower = s_nodes.First(id => id != leader);
                await Poll.UntilAsync(
                    "the follower has the value",
                    ClusterTestEnvironment.Deadline,
                    async () =>
                        (await cluster[follower].Rest.GetAsync(Contention.Keyspace, "key", "eventual")).Status == 200
                );
                Assert.True(recorder.Check().IsLinearizable);

                foreach (var other in s_nodes.Where(id => id != follower))
                    await network.CutAsync(follower, other);
                await WriteAsync(recorder, cluster[leader].Rest);
                var (_, old) = await recorder.RunAsync(cluster[follower].Rest, "key", KeyRequest.Read, "eventual");
                await network.HealAsync();
                // On a busy machine the others may have voted it out by then, and it is gone.
                return old.Status == 200;
            },
            cluster.Outputs
        );
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

    /// <summary>Returns who served it, which is the leader.</summary>
    static async Task<string> WriteAsync(HistoryRecorder recorder, RestClient client)
    {
        string? leader = null;
        await Poll.UntilAsync(
            "a write is done",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                var (end, answer) = await recorder.RunAsync(client, "key", KeyRequest.Put(recorder.NextValue()));
                leader = answer.ServedBy;
                return end == RequestEnd.Done;
            }
        );
        return leader!;
    }
}
