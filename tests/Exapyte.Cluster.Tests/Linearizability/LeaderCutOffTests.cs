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
        var round = 0;
        await Poll.UntilAsync(
            "a follower that is cut off gives back an old value",
            3 * ClusterTestEnvironment.Deadline,
            async () =>
            {
                await Contention.IsWholeAgainAsync(cluster);
                var isOld = await GivesBackOldValueAsync(network, cluster, $"key-{round++}");
                await network.HealAsync();
                return isOld;
            },
            cluster.Outputs
        );
    }

    /// <summary>
    /// Writes a key, cuts a follower off that holds it, writes the key again and reads the follower. False where a busy
    /// machine got in between: a write had no clear answer, or the others had voted the follower out and it was gone.
    /// </summary>
    static async Task<bool> GivesBackOldValueAsync(PartitionableNetwork network, SiloCluster cluster, string key)
    {
        var recorder = new HistoryRecorder(Contention.Keyspace);
        if (await WriteAsync(recorder, cluster["n1"].Rest, key) is not { } leader)
            return false;
        var follower = s_nodes.First(id => id != leader);
        await Poll.UntilAsync(
            "the follower has the value",
            ClusterTestEnvironment.Deadline,
            async () => (await cluster[follower].Rest.GetAsync(Contention.Keyspace, key, "eventual")).Status == 200,
            cluster.Outputs
        );
        Assert.True(recorder.Check().IsLinearizable);

        foreach (var other in s_nodes.Where(id => id != follower))
            await network.CutAsync(follower, other);
        if (await WriteAsync(recorder, cluster[leader].Rest, key) is null)
            return false;
        var (_, old) = await recorder.RunAsync(cluster[follower].Rest, key, KeyRequest.Read, "eventual");
        if (old.Status != 200)
            return false;
        Assert.NotNull(recorder.Check().Fault);
        return true;
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

    /// <summary>Returns who served it, which is the leader; null where it had no clear answer.</summary>
    static async Task<string?> WriteAsync(HistoryRecorder recorder, RestClient client, string key)
    {
        (RequestEnd End, RestAnswer? Answer) write = default;
        await Poll.UntilAsync(
            "a write ends",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                write = await recorder.RunAsync(client, key, KeyRequest.Put(recorder.NextValue()));
                return write.End != RequestEnd.Refused;
            },
            () => $"{write.Answer}\n{client.ServerOutput()}"
        );
        return write.End == RequestEnd.Done ? write.Answer?.ServedBy : null;
    }
}
