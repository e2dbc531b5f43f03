using System.Collections.Concurrent;
using System.Text;
using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Shards of a raft keyspace are split while they are written to, while nodes go and come.</summary>
public sealed class SplitTests
{
    private const string Keyspace = "ordered";
    private const int Keys = 400;

    private static readonly KeyspaceSettings Ordered = new() { Distribution = DistributionKind.Range };

    [Fact]
    public async Task Every_acknowledged_write_is_found_once_while_shards_are_split_and_nodes_are_killed()
    {
        await using var cluster = await Start(3);
        await cluster.Create(Keyspace, Ordered);
        var written = new ConcurrentDictionary<string, string>();
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 4).Select(writer => Write(cluster, writer, written, stop.Token)).ToArray();

        await Split(cluster, "k0200");
        await Split(cluster, "k0100");
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        await Split(cluster, "k0300");
        await Eventually.Holds(async () => Shards(await MapOf(cluster)) == 4, "All splits are done.");
        await cluster.Nodes.StartNode(new("n3", "eu", "z3"));
        await Eventually.Holds(() => Serves(cluster, "n3", 4), "n3 has the shards that were made while it was away.");
        await stop.CancelAsync();
        await Task.WhenAll(writers);

        await cluster.Nodes.KillNode("n1");
        await cluster.Nodes.WaitForMembers();
        await Verify(cluster.Patient("n3"), written);
        Assert.NotEmpty(written);
    }

    [Fact]
    public async Task A_node_that_is_started_anew_has_both_halves_of_what_it_split()
    {
        await using var cluster = await Start(1);
        await cluster.Create(Keyspace, Ordered);
        var written = new ConcurrentDictionary<string, string>();
        for (var i = 0; i < 40; i++)
        {
            await Put(cluster.Client(), $"k{i:D4}", $"{i}", written);
        }
        await Split(cluster, "k0020");
        await Put(cluster.Patient(), "k0030", "later", written);
        await cluster.Nodes.KillNode("n1");

        await cluster.Nodes.StartNode(new("n1", "eu", "z1"));
        await Verify(cluster.Patient(), written);
        await Split(cluster, "k0030");
        await Put(cluster.Patient(), "k0035", "last", written);
        await Verify(cluster.Patient(), written);
    }

    [Fact]
    public async Task A_map_from_before_the_split_takes_nothing_away()
    {
        await using var cluster = await Start(1);
        var before = await cluster.Create(Keyspace, Ordered);
        var written = new ConcurrentDictionary<string, string>();
        await Put(cluster.Client(), "a", "1", written);
        await Put(cluster.Client(), "z", "2", written);
        await Split(cluster, "m");
        var host = cluster.Nodes.ServicesOf("n1").GetRequiredService<NodeHost>();

        await host.Replicas.Apply(before, confirmed: false);

        Assert.Equal(2, host.StatusOf(before.KeyspaceId).Length);
        await Verify(cluster.Patient(), written);
        Assert.Equal(KeyspaceOutcome.Ok, (await cluster.Client().DeleteKeyspaceAsync(Keyspace)).Outcome);
        Assert.Empty(host.StatusOf(before.KeyspaceId));
    }

    [Fact]
    public async Task A_shard_that_has_become_too_large_is_split_by_itself_until_none_is()
    {
        await using var cluster = await Start(1);
        await cluster.Create(Keyspace, Ordered with { SplitBytes = 65_536 });
        var written = new ConcurrentDictionary<string, string>();
        // As many bytes on disk as there are: the store compresses.
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            await Put(cluster.Patient(), $"k{i:D4}", Convert.ToBase64String(Bytes(random)), written);
        }

        await Eventually.Holds(
            async () => Shards(await MapOf(cluster)) >= 5,
            "There are as many shards as the size asks for.",
            TimeSpan.FromSeconds(90)
        );
        await Verify(cluster.Patient(), written);
    }

    [Fact]
    public async Task Where_a_shard_cannot_be_split_it_is_said_why_and_nothing_changes()
    {
        await using var cluster = await Start(1);
        await cluster.Create(Keyspace, Ordered);
        await cluster.Create("hashed", new() { Shards = 1 });
        await cluster.Create(
            "eventual",
            new() { Distribution = DistributionKind.Range, Replication = ReplicationKind.Async }
        );
        await Split(cluster, "m");

        Assert.Equal(SplitOutcome.NotPossible, (await Ask(cluster, "hashed", "m")).Outcome);
        Assert.Equal(SplitOutcome.NotPossible, (await Ask(cluster, "eventual", "m")).Outcome);
        Assert.Equal(SplitOutcome.NotFound, (await Ask(cluster, "absent", "m")).Outcome);
        await Eventually.Holds(
            async () => (await Ask(cluster, Keyspace, "m")).Outcome == SplitOutcome.NotPossible,
            "A shard begins there."
        );
        Assert.Equal(SplitOutcome.NotPossible, (await Ask(cluster, Keyspace, "")).Outcome);
        Assert.Equal(SplitOutcome.NotPossible, (await Ask(cluster, Keyspace, new string('k', 1_025))).Outcome);
        Assert.Equal(2, (await MapOf(cluster)).Shards.Length);
    }

    private static byte[] Bytes(Random random)
    {
        var bytes = new byte[1_000];
        random.NextBytes(bytes);
        return bytes;
    }

    private static Task<ProductCluster> Start(int nodes) =>
        ProductCluster.Start(nodes, silo => silo.Services.AddSingleton(Options.Create(CatchUpTests.Forgetful)));

    private static async Task Write(
        ProductCluster cluster,
        int writer,
        ConcurrentDictionary<string, string> written,
        CancellationToken stop
    )
    {
        var random = new Random(writer);
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            // Each writer has keys of its own, so that what it wrote last is what must be there.
            var key = $"k{(random.Next(Keys / 4) * 4) + writer:D4}";
            await Put(cluster.Patient("n2"), key, $"{writer}.{i}", written);
        }
    }

    private static async Task Put(
        IExapyteClient client,
        string key,
        string value,
        ConcurrentDictionary<string, string> written
    )
    {
        var put = await client.PutAsync(Keyspace, key, value);
        Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind);
        written[key] = value;
    }

    private static async Task Split(ProductCluster cluster, string key)
    {
        await Eventually.Holds(
            async () =>
            {
                var split = await Ask(cluster, Keyspace, key);
                Assert.NotEqual(SplitOutcome.NotPossible, split.Outcome);
                return split.Outcome == SplitOutcome.Accepted;
            },
            $"The split at {key} is taken."
        );
        await Eventually.Holds(
            async () => !Array.Exists((await MapOf(cluster)).Shards, shard => shard.IsForming),
            $"The split at {key} is done."
        );
    }

    private static Task<SplitReply> Ask(ProductCluster cluster, string keyspace, string key) =>
        cluster
            .Nodes.GrainsOf(cluster.Nodes.Nodes.First())
            .GetGrain<IKeyspaceGrain>(keyspace)
            .Split(Encoding.UTF8.GetBytes(key));

    private static async Task<KeyspaceMap> MapOf(ProductCluster cluster) =>
        (await cluster.Nodes.GrainsOf(cluster.Nodes.Nodes.First()).GetGrain<IKeyspaceGrain>(Keyspace).Get()).Map!;

    private static int Shards(KeyspaceMap map) => map.Shards.Count(shard => !shard.IsForming);

    private static async Task<bool> Serves(ProductCluster cluster, string node, int shards)
    {
        var map = await MapOf(cluster);
        var statuses = cluster.Nodes.ServicesOf(node).GetRequiredService<NodeHost>().StatusOf(map.KeyspaceId);
        return statuses.Count(status => status.Role is "leader" or "follower" && status.AppliedIndex > 0) == shards;
    }

    private static async Task Verify(IExapyteClient client, ConcurrentDictionary<string, string> written)
    {
        foreach (var (key, value) in written)
        {
            Assert.Equal((key, value), (key, Text((await client.GetAsync(Keyspace, key)).Outcome)));
        }
        foreach (var reverse in (bool[])[false, true])
        {
            var listed = await client.ScanAsync(Keyspace, new() { EntriesMax = 1_000, Reverse = reverse });
            Assert.Equal(OutcomeKind.Ok, listed.Kind);
            var keys = listed.Entries.Select(entry => Encoding.UTF8.GetString(entry.Key.Span)).ToArray();
            var expected = written.Keys.Order(StringComparer.Ordinal).ToArray();
            Assert.Equal(reverse ? [.. expected.Reverse()] : expected, keys);
        }
    }

    private static string Text(OperationOutcome outcome) =>
        outcome.Kind == OutcomeKind.Ok
            ? Encoding.UTF8.GetString(outcome.Value.Span)
            : $"{outcome.Kind} {outcome.Detail}";
}
