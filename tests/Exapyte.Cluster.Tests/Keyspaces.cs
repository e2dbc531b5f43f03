using Bogus;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>The three kinds of keyspace, made and filled through the REST interface.</summary>
static class Keyspaces
{
    /// <summary>So many keys that no shard of a few is without one.</summary>
    const int Probes = 64;

    public static readonly string[] Kinds = ["raft", "quorum", "async"];

    /// <summary>Creates one keyspace of the kind, named like it, and waits until it takes a write.</summary>
    public static async Task CreateAsync(RestClient client, string kind, int replicas, int shards = 4)
    {
        await Requests.GetAsync(
            client,
            $"keyspace {kind}",
            () => client.PutKeyspaceAsync(kind, new KeyspaceSettings(kind, replicas, shards))
        );
        await Requests.TakesAsync(client, kind, "first", "1"u8.ToArray());
    }

    public static async Task CreateAllAsync(RestClient client, int replicas, int shards = 4)
    {
        foreach (var kind in Kinds)
            await CreateAsync(client, kind, replicas, shards);
    }

    /// <summary>
    /// Writes so many entries over the given nodes in turn, each until it is acknowledged: one that is written twice is the
    /// same entry.
    /// </summary>
    public static async Task<AckedWrites> FillAsync(string keyspace, IReadOnlyList<RestClient> clients, int entries)
    {
        var writes = new AckedWrites(keyspace);
        var faker = new Faker { Random = new Randomizer(20_260_101) };
        var values = Enumerable
            .Range(0, entries)
            .Select(index => (Key: $"entry/{index}", Index: index))
            .Select(entry => (entry.Key, entry.Index, Value: SelfVerifyingValue.Create(faker, entry.Key, 1)))
            .ToList();
        await Parallel.ForEachAsync(
            values,
            new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (entry, _) =>
            {
                await Requests.TakesAsync(clients[entry.Index % clients.Count], keyspace, entry.Key, entry.Value);
                writes.Acknowledge(entry.Key, 1);
            }
        );
        return writes;
    }

    /// <summary>
    /// Waits until a read through this node finds everything right, then returns. A keyspace that converges may take a
    /// while; a lost or torn value never comes right and ends as a failure that lists them.
    /// </summary>
    public static async Task HoldsAllAsync(RestClient client, AckedWrites writes, string? consistency = null)
    {
        IReadOnlyList<string> wrong = [];
        await Poll.UntilAsync(
            $"{client.Url} holds every acknowledged write of {writes.Keyspace}",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                wrong = await writes.VerifyAsync(client, ClusterTestEnvironment.Deadline, consistency);
                return wrong.Count == 0;
            },
            () => $"{wrong.Count} wrong of {writes.Keys}:\n{string.Join('\n', wrong.Take(5))}\n{client.ServerOutput()}"
        );
    }

    /// <summary>One read of everything must be right at once: what a linearizable or quorum read promises.</summary>
    public static async Task NothingIsLostOrTornAsync(RestClient client, AckedWrites writes)
    {
        var wrong = await writes.VerifyAsync(client, ClusterTestEnvironment.Deadline);
        Assert.True(
            wrong.Count == 0,
            $"{wrong.Count} wrong of {writes.Keys} in {writes.Keyspace}:\n{string.Join('\n', wrong.Take(10))}\n{client.ServerOutput()}"
        );
    }

    /// <summary>Kind by kind: at once where a read sees the last write, in the end where the keyspace converges.</summary>
    public static Task IsIntactAsync(RestClient client, AckedWrites writes) =>
        writes.Keyspace == "async" ? HoldsAllAsync(client, writes) : NothingIsLostOrTornAsync(client, writes);

    /// <summary>Writes so many distinct keys that each shard is among them; each is tried until it is taken.</summary>
    public static async Task EveryShardTakesWritesAsync(RestClient client, string keyspace)
    {
        for (var probe = 0; probe < Probes; probe++)
        {
            await Requests.TakesAsync(client, keyspace, $"probe-{probe}", "x"u8.ToArray());
        }
    }

    /// <summary>Reads what <see cref="EveryShardTakesWritesAsync"/> wrote, one key of each shard at least.</summary>
    public static async Task EveryShardAnswersReadsAsync(RestClient client, string keyspace)
    {
        for (var probe = 0; probe < Probes; probe++)
        {
            var answer = await Requests.ReadAsync(client, keyspace, $"probe-{probe}");
            Assert.True(answer.Status == 200, $"probe-{probe} through {client.Url}: {answer}\n{client.ServerOutput()}");
        }
    }

    /// <summary>
    /// Waits until a node that was cut off or frozen serves. The others may have voted it out meanwhile: then it ended
    /// itself, and the cluster's supervisor starts it again. One that died of anything else fails the test.
    /// </summary>
    public static async Task ServesAgainAsync(SiloCluster cluster, string nodeId, string keyspace) =>
        await Poll.UntilAsync(
            $"{nodeId} serves again",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                await cluster.HasNotDiedByItselfAsync(nodeId);
                return (await cluster[nodeId].Rest.GetAsync(keyspace, "first")).Status == 200;
            },
            cluster.Outputs
        );
}
