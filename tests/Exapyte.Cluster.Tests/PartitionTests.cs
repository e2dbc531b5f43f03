using System.Globalization;
using System.Text;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>
/// Nodes that run on but no longer hear each other. While a cut lasts, the side with a majority takes writes to every
/// shard and answers reads; a side without one says in time that it does not, and nothing that it says is old.
/// </summary>
public sealed class PartitionTests
{
    const int Rounds = 30;

    /// <summary>Longer than the service gives an operation: whoever is not answered by then is left waiting.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(25);

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
        using var minority = new RestClient(cluster["n1"].Settings.Url, s_patience);

        await network.CutAsync("n1", "n2");
        await network.CutAsync("n1", "n3");
        // Once the majority takes writes for every shard, no write through the minority may be acknowledged any more.
        await Keyspaces.EveryShardTakesWritesAsync(cluster["n2"].Rest, kind);
        var writesOfMinority = AskAllAsync(number => minority.PutAsync(kind, $"minority-{number}", "x"u8.ToArray()));
        for (var number = 0; number < Rounds; number++)
        {
            await Requests.TakesAsync(cluster["n3"].Rest, kind, $"split-{number}", Encoding.UTF8.GetBytes($"{number}"));
            await IsThereAsync(cluster["n2"].Rest, kind, number);
        }
        var readsOfMinority = AskAllAsync(number => minority.GetAsync(kind, $"split-{number}"));
        Assert.All(await writesOfMinority, write => IsRefusedInTime(write, cluster));
        Assert.All(await readsOfMinority, read => IsRefusedInTime(read, cluster));

        await network.HealAsync();
        await Keyspaces.ServesAgainAsync(cluster, "n1", kind);
        for (var number = 0; number < Rounds; number++)
        {
            // It may end itself even now, when it hears only now that the others have voted it out.
            await IsThereAsync(cluster["n1"].Rest, kind, number);
        }
        await Keyspaces.NothingIsLostOrTornAsync(cluster["n1"].Rest, before);
    }

    /// <param name="kind">The kind of keyspace.</param>
    /// <param name="cuts">What is cut.</param>
    /// <param name="whole">The nodes that reach a majority, themselves among it, and have to serve all the while.</param>
    [Theory]
    [Trait("Scenario", "partial_network_partition")]
    [InlineData("raft", "n1>n2", "n3")]
    [InlineData("raft", "n1=n2", "n3")]
    [InlineData("raft", "n1>n2 n1>n3", "n2 n3")]
    [InlineData("quorum", "n2>n3", "n1 n2 n3")]
    [InlineData("quorum", "n1=n2 n1=n3", "n2 n3")]
    [InlineData("async", "n1=n2 n1=n3", "n2 n3")]
    public async Task No_read_is_stale_and_no_copy_diverges_while_some_ways_are_cut(
        string kind,
        string cuts,
        string whole
    )
    {
        await using var network = await PartitionableNetwork.CreateAsync("n1", "n2", "n3");
        await using var cluster = await SiloCluster.StartThreeAsync(network);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3);
        var clients = cluster.NodeIds.Select(id => cluster[id].Rest).ToList();
        await using var load = new WriteLoad(new AckedWrites(kind), "cut", clients, writers: 9, seed: 17);
        await load.WaitForAcknowledgementsAsync(100, ClusterTestEnvironment.Deadline);

        foreach (var cut in cuts.Split(' '))
            await Cuts.CutAsync(network, cut);
        var serving = whole.Split(' ').Select(id => cluster[id].Rest).ToList();
        foreach (var client in serving)
        {
            await Keyspaces.EveryShardTakesWritesAsync(client, kind);
            await Keyspaces.EveryShardAnswersReadsAsync(client, kind);
        }
        await load.WaitForAcknowledgementsAsync(100, ClusterTestEnvironment.Deadline);
        // Where one replica's word is enough, a read may be old.
        var stale = kind == "async" ? [] : await StaleReadsAsync(clients, serving, kind);
        await network.HealAsync();
        Assert.True(stale.Count == 0, string.Join('\n', stale));

        foreach (var nodeId in cluster.NodeIds.ToList())
            await Keyspaces.ServesAgainAsync(cluster, nodeId, kind);
        await load.StopAsync();
        foreach (var nodeId in cluster.NodeIds)
            await Keyspaces.IsIntactAsync(cluster[nodeId].Rest, load.Writes);
    }

    /// <summary>
    /// Raises one number, through the nodes that have to take it, and reads it through every node after each
    /// acknowledgement. An answer below the last acknowledged number is stale, unless it is one of which a try had no clear
    /// end: such a write may still take effect. Nodes that have to serve have to answer, too.
    /// </summary>
    static async Task<IReadOnlyList<string>> StaleReadsAsync(
        List<RestClient> clients,
        List<RestClient> serving,
        string keyspace
    )
    {
        var stale = new List<string>();
        var inDoubt = new HashSet<int>();
        for (var number = 1; number <= Rounds; number++)
        {
            await RaiseAsync(serving[number % serving.Count], keyspace, number, inDoubt);
            var answers = await Task.WhenAll(
                clients.Select(client =>
                    serving.Contains(client)
                        ? Requests.ReadAsync(client, keyspace, "number")
                        : client.GetAsync(keyspace, "number")
                )
            );
            foreach (var (client, answer) in clients.Zip(answers))
            {
                var seen = answer.Status == 200 ? int.Parse(answer.Text, CultureInfo.InvariantCulture) : number;
                if (answer.Status == 404 || (seen < number && !inDoubt.Contains(seen)))
                    stale.Add($"{client.Url} answered {answer} after {number} was acknowledged");
            }
        }
        return stale;
    }

    /// <summary>Writes the number until that is acknowledged.</summary>
    static async Task RaiseAsync(RestClient client, string keyspace, int number, HashSet<int> inDoubt)
    {
        RestAnswer? last = null;
        await Poll.UntilAsync(
            $"{client.Url} takes the number {number}",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                last = await client.PutAsync(keyspace, "number", Encoding.UTF8.GetBytes($"{number}"));
                Assert.False(last.IsRefusedForGood, $"{last}\n{client.ServerOutput()}");
                if (!last.IsSuccess && !last.WasNotSent)
                    inDoubt.Add(number);
                return last.IsSuccess;
            },
            () => $"{last}\n{client.ServerOutput()}"
        );
    }

    static Task<RestAnswer[]> AskAllAsync(Func<int, Task<RestAnswer>> ask) =>
        Task.WhenAll(Enumerable.Range(0, Rounds).Select(ask));

    static async Task IsThereAsync(RestClient client, string keyspace, int number)
    {
        var answer = await Requests.ReadAsync(client, keyspace, $"split-{number}");
        Assert.Equal((200, $"{number}"), (answer.Status, answer.Text));
    }

    static void IsRefusedInTime(RestAnswer answer, SiloCluster cluster) =>
        Assert.True(
            answer.IsRefusedForNow,
            $"through a node without a majority: {answer} (timed out: {answer.TimedOut})\n{cluster.Outputs()}"
        );
}
