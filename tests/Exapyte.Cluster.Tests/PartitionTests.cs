using System.Globalization;
using System.Text;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>Nodes that run on but no longer hear each other.</summary>
public sealed class PartitionTests
{
    const int Rounds = 30;

    [Theory]
    [Trait("Scenario", "split_brain_prevention")]
    [InlineData("raft")]
    [InlineData("quorum")]
    public async Task A_node_cut_off_from_the_majority_acknowledges_nothing_and_answers_nothing_old(string kind)
    {
        await using var network = await PartitionableNetwork.CreateAsync("n1", "n2", "n3");
        await using var cluster = await SiloCluster.StartThreeAsync(network);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3);
        var before = await Keyspaces.FillAsync(kind, [cluster["n1"].Rest], entries: 60);

        await network.CutAsync("n1", "n2");
        await network.CutAsync("n1", "n3");
        // Once the majority takes writes for every shard, no write through the minority may be acknowledged any more.
        await Keyspaces.EveryShardTakesWritesAsync(cluster["n2"].Rest, kind);
        var acknowledged = new List<string>();
        for (var number = 0; number < Rounds; number++)
        {
            await Requests.TakesAsync(cluster["n3"].Rest, kind, $"split-{number}", Encoding.UTF8.GetBytes($"{number}"));
            if ((await cluster["n1"].Rest.PutAsync(kind, $"minority-{number}", "x"u8.ToArray())).IsSuccess)
                acknowledged.Add($"minority-{number} was acknowledged");
            if ((await cluster["n1"].Rest.GetAsync(kind, $"split-{number}")).Status == 404)
                acknowledged.Add($"split-{number} was missed");
        }
        Assert.True(acknowledged.Count == 0, string.Join('\n', acknowledged));

        await network.HealAsync();
        await Keyspaces.ServesAgainAsync(cluster, "n1", kind);
        for (var number = 0; number < Rounds; number++)
        {
            // It may end itself even now, when it hears only now that the others have voted it out.
            var answer = await Requests.ReadAsync(cluster["n1"].Rest, kind, $"split-{number}");
            Assert.Equal((200, $"{number}"), (answer.Status, answer.Text));
        }
        await Keyspaces.NothingIsLostOrTornAsync(cluster["n1"].Rest, before);
    }

    [Theory]
    [Trait("Scenario", "partial_network_partition")]
    [InlineData("raft", "n1>n2")]
    [InlineData("raft", "n1=n2")]
    [InlineData("raft", "n1>n2 n1>n3")]
    [InlineData("quorum", "n2>n3")]
    public async Task No_read_is_stale_and_no_copy_diverges_while_some_ways_are_cut(string kind, string cuts)
    {
        await using var network = await PartitionableNetwork.CreateAsync("n1", "n2", "n3");
        await using var cluster = await SiloCluster.StartThreeAsync(network);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3);
        var clients = cluster.NodeIds.Select(id => cluster[id].Rest).ToList();
        await using var load = new WriteLoad(new AckedWrites(kind), "cut", clients, writers: 9, seed: 17);
        await load.WaitForAcknowledgementsAsync(100, ClusterTestEnvironment.Deadline);

        foreach (var cut in cuts.Split(' '))
            await Cuts.CutAsync(network, cut);
        var stale = await StaleReadsAsync(clients, kind);
        await network.HealAsync();
        Assert.True(stale.Count == 0, string.Join('\n', stale));

        foreach (var nodeId in cluster.NodeIds.ToList())
            await Keyspaces.ServesAgainAsync(cluster, nodeId, kind);
        await load.StopAsync();
        foreach (var nodeId in cluster.NodeIds)
            await Keyspaces.NothingIsLostOrTornAsync(cluster[nodeId].Rest, load.Writes);
    }

    /// <summary>
    /// Raises one number, through whichever node takes it, and reads it through every node after each acknowledgement. An
    /// answer below the last acknowledged number is stale, unless it is one whose outcome was never known: such a write may
    /// still take effect.
    /// </summary>
    static async Task<IReadOnlyList<string>> StaleReadsAsync(List<RestClient> clients, string keyspace)
    {
        var stale = new List<string>();
        var inDoubt = new HashSet<int>();
        for (var number = 1; number <= Rounds; number++)
        {
            var value = Encoding.UTF8.GetBytes($"{number}");
            if (!(await clients[number % clients.Count].PutAsync(keyspace, "number", value)).IsSuccess)
            {
                inDoubt.Add(number);
                continue;
            }
            var answers = await Task.WhenAll(clients.Select(client => client.GetAsync(keyspace, "number")));
            foreach (var (client, answer) in clients.Zip(answers))
            {
                var seen = answer.Status == 200 ? int.Parse(answer.Text, CultureInfo.InvariantCulture) : number;
                if (answer.Status == 404 || (seen < number && !inDoubt.Contains(seen)))
                    stale.Add($"{client.Url} answered {answer} after {number} was acknowledged");
            }
        }
        return stale;
    }
}
