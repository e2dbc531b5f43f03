using System.Text.Json;
using Exapyte.Testing.Histories;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Linearizability;

/// <summary>
/// A raft keyspace of one shard, so that all keys have the same leader, its clients, and the judgement on what they saw.
/// The seed is set by the environment variable <c>EXAPYTE_HISTORY_SEED</c>.
/// </summary>
static class Contention
{
    public const string Keyspace = "raft";

    const int ClientsPerNode = 4;

    public static int Seed { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("EXAPYTE_HISTORY_SEED"), out var seed)
            ? seed
            : Random.Shared.Next(1, 100_000);

    public static async Task<ContendedLoad> StartAsync(SiloCluster cluster, ITestOutputHelper output)
    {
        output.WriteLine($"EXAPYTE_HISTORY_SEED={Seed}");
        await Keyspaces.CreateAsync(cluster["n1"].Rest, Keyspace, cluster.NodeIds.Count, shards: 1);
        var nodes = cluster.NodeIds.Order(StringComparer.Ordinal).Select(id => cluster[id].Settings.Url);
        return new ContendedLoad(new HistoryRecorder(Keyspace), "hot", nodes, ClientsPerNode, Seed);
    }

    /// <summary>
    /// Ends the load, reads every key through every node, and lets the checker judge all of it: a lost write is one that
    /// no order explains.
    /// </summary>
    public static async Task IsLinearizableAsync(SiloCluster cluster, ContendedLoad load, ITestOutputHelper output)
    {
        await load.StopAsync();
        await IsWholeAgainAsync(cluster);
        foreach (var nodeId in cluster.NodeIds)
            await load.Recorder.ReadAllAsync(cluster[nodeId].Rest, ClusterTestEnvironment.Deadline);
        var report = load.Recorder.Check();
        output.WriteLine($"{report}; {load.Acknowledged} writes acknowledged");
        Assert.True(report.IsLinearizable, $"seed {Seed}: {report}\n{report.Fault}");
    }

    /// <summary>
    /// Waits until every node serves and every node takes all for members: one that was voted out and has not heard of it
    /// yet still serves, and would be a second failure beside the next one.
    /// </summary>
    public static async Task IsWholeAgainAsync(SiloCluster cluster)
    {
        foreach (var nodeId in cluster.NodeIds)
        {
            await Keyspaces.ServesAgainAsync(cluster, nodeId, Keyspace);
            RestAnswer? last = null;
            await Poll.UntilAsync(
                $"{nodeId} takes all nodes for members",
                ClusterTestEnvironment.Deadline,
                async () =>
                {
                    last = await cluster[nodeId].Rest.GetNodesAsync();
                    return last.Status == 200
                        && last.Json.GetProperty("nodes")
                            .EnumerateArray()
                            .All(node => node.GetProperty("alive").GetBoolean());
                },
                () => $"{last}\n{cluster.Outputs()}"
            );
        }
    }

    /// <summary>
    /// Waits until the copies of all nodes stand at the same place, and compares what each holds, key by key.
    /// </summary>
    public static async Task CopiesAgreeAsync(SiloCluster cluster, HistoryRecorder recorder)
    {
        RestAnswer? last = null;
        var nodes = cluster.NodeIds.ToList();
        await Poll.UntilAsync(
            "all copies stand at the same place",
            ClusterTestEnvironment.Deadline,
            async () => AreLevel(last = await cluster[nodes[0]].Rest.GetShardsAsync(Keyspace), nodes.Count),
            () => $"{last}\n{cluster.Outputs()}"
        );
        foreach (var key in recorder.Histories.Select(history => history.Key))
        {
            // A write that its client gave up may be done even now, here a moment before there; what differs for good fails.
            var copies = Array.Empty<(int Status, string? Version, string Value)>();
            await Poll.UntilAsync(
                $"all copies hold the same under {key}",
                ClusterTestEnvironment.Deadline,
                async () =>
                {
                    copies = await Task.WhenAll(nodes.Select(id => ReadOwnCopyAsync(cluster[id], key)));
                    return copies.Distinct().Count() == 1;
                },
                () => $"{string.Join(", ", nodes.Zip(copies))}\n{cluster.Outputs()}"
            );
        }
    }

    public static string Describe(IReadOnlyList<TimeSpan> resumes)
    {
        var ordered = resumes.Order().ToList();
        return $"writes resumed {ordered.Count} times, after {ordered[ordered.Count / 2].TotalSeconds:0.00} s in the middle, "
            + $"{ordered[^1].TotalSeconds:0.00} s at most "
            + $"({string.Join(' ', resumes.Select(resume => $"{resume.TotalSeconds:0.00}"))})";
    }

    /// <summary>What the node's own copy holds; it may look away from its copy for a moment after a failure.</summary>
    static async Task<(int Status, string? Version, string Value)> ReadOwnCopyAsync(SiloProcess silo, string key)
    {
        RestAnswer? answer = null;
        await Poll.UntilAsync(
            $"{silo.Settings.NodeId} reads its own copy of {key}",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                answer = await silo.Rest.GetAsync(Keyspace, key, consistency: "eventual");
                return answer.Status is 200 or 404 && answer.ServedBy == silo.Settings.NodeId;
            },
            () => $"{answer}\n{silo.Output}"
        );
        return (answer!.Status, answer.ETag, answer.Status == 200 ? answer.Text : "");
    }

    static bool AreLevel(RestAnswer answer, int copies)
    {
        if (answer.Status != 200)
            return false;
        var replicas = answer.Json.GetProperty("shards")[0].GetProperty("replicas").EnumerateArray().ToList();
        return replicas.Count == copies
            && replicas.Select(AppliedIndex).Distinct().Count() == 1
            && replicas.Select(replica => replica.GetProperty("node").GetString()).Distinct().Count() == copies;
    }

    static ulong AppliedIndex(JsonElement replica) => replica.GetProperty("appliedIndex").GetUInt64();
}
