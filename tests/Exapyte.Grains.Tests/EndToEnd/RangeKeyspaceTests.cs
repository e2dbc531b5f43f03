using System.IO.Pipelines;
using System.Text;
using CsCheck;
using Exapyte.Client;
using Exapyte.Client.Backups;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Range keyspaces of every kind over real shards.</summary>
public sealed class RangeKeyspaceTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private static readonly SplitKeys Splits = new() { Keys = ["g"u8.ToArray(), "p"u8.ToArray(), [255], [255, 255]] };

    /// <summary>Each split key, what is right before and behind it, and what lies between.</summary>
    private static readonly byte[][] Keys =
    [
        [0],
        "a"u8.ToArray(),
        "f"u8.ToArray(),
        [.. "f"u8, 255, 255],
        "g"u8.ToArray(),
        [.. "g"u8, 0],
        "gg"u8.ToArray(),
        "o"u8.ToArray(),
        [.. "o"u8, 255],
        "p"u8.ToArray(),
        [.. "p"u8, 0],
        "z"u8.ToArray(),
        [254, 255, 255],
        [255],
        [255, 0],
        [255, 254],
        [255, 255],
        [255, 255, 0],
        [255, 255, 255],
    ];

    private ProductCluster Cluster => nodes.Cluster;

    public static TheoryData<ReplicationKind, StorageKind> Kinds =>
        new()
        {
            { ReplicationKind.Raft, StorageKind.Disk },
            { ReplicationKind.Quorum, StorageKind.Disk },
            { ReplicationKind.Quorum, StorageKind.Memory },
            { ReplicationKind.Async, StorageKind.Disk },
            { ReplicationKind.Async, StorageKind.Memory },
        };

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "sharded_distribution_range_routing")]
    public async Task Every_key_is_found_once_by_get_and_in_order_by_listings_through_every_node(
        ReplicationKind kind,
        StorageKind storage
    )
    {
        var (name, map) = await FilledAsync(kind, storage);

        Assert.Equal([0, 1, 2, 3, 4], Keys.Select(key => map.ShardIndexOf(key)).Distinct());
        foreach (var node in Cluster.Nodes.Nodes)
        {
            var client = Cluster.Client(node);
            foreach (var key in Keys)
            {
                var read = await client.ExecuteAsync(name, new() { Kind = OperationKind.Get, Key = key });
                Assert.Equal((OutcomeKind.Ok, Hex(key)), (read.Outcome.Kind, Hex(read.Outcome.Value)));
            }
            foreach (var limit in (int[])[1, 4, 100])
            {
                var query = new ScanQuery { EntriesMax = limit };
                Assert.Equal(Keys.Select(Hex), await ListAsync(client, name, query));
                Assert.Equal(Keys.Select(Hex).Reverse(), await ListAsync(client, name, query with { Reverse = true }));
            }
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Listings_of_random_bounds_are_those_of_a_sorted_list(ReplicationKind kind, StorageKind storage)
    {
        var (name, _) = await FilledAsync(kind, storage);
        var bound = Gen.Int[0, Keys.Length - 1].Select(at => Keys[at]);
        await Gen.Select(bound, bound, Gen.Bool, Gen.Bool, Gen.Int[1, 7])
            .SampleAsync(
                async (start, end, isOpen, reverse, limit) =>
                {
                    var expected = Keys.Where(key =>
                            key.AsSpan().SequenceCompareTo(start) >= 0
                            && (isOpen || key.AsSpan().SequenceCompareTo(end) < 0)
                        )
                        .Select(Hex);

                    var listed = await ListAsync(
                        Cluster.Client(),
                        name,
                        new()
                        {
                            Start = start,
                            End = isOpen ? default(ReadOnlyMemory<byte>?) : end,
                            Reverse = reverse,
                            EntriesMax = limit,
                            WithoutChanges = true,
                        }
                    );

                    Assert.Equal(reverse ? expected.Reverse() : expected, listed);
                },
                iter: 40,
                threads: 1
            );
    }

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "sharded_distribution_range_routing")]
    public async Task A_replica_refuses_what_lies_beyond_its_bounds_be_it_a_write_a_read_or_a_page(
        ReplicationKind kind,
        StorageKind storage
    )
    {
        var (_, map) = await FilledAsync(kind, storage);
        var second = map.Shards[1];
        var batches = new[] { "f", "p" }.Select(key => new OperationBatch
        {
            Operations =
            [
                new() { Kind = OperationKind.Put, Key = Encoding.UTF8.GetBytes(key) },
                new() { Kind = OperationKind.Get, Key = Encoding.UTF8.GetBytes(key) },
            ],
            MapEpoch = map.Epoch,
            TimeoutMs = 30_000,
        });
        foreach (var placed in second.Replicas)
        {
            var replica = Replica(map, second, placed);
            foreach (var batch in batches)
            {
                var reply = await replica.Execute(batch);
                Assert.All(reply.Outcomes, outcome => Assert.Equal(OutcomeKind.WrongShard, outcome.Kind));
            }
            foreach (var (start, end) in new (string, string?)[] { ("f", "p"), ("g", "pp"), ("g", null), ("", "p") })
            {
                Assert.Equal(OutcomeKind.WrongShard, (await replica.Scan(Page(map, start, end))).Kind);
            }
            var own = await replica.Scan(Page(map, "g", "p"));
            Assert.Equal(
                (OutcomeKind.Ok, "67 6700 6767 6F 6FFF"),
                (own.Kind, string.Join(' ', own.Entries.Select(entry => Hex(entry.Key))))
            );
        }
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task An_archive_brings_entries_and_bounds_back(ReplicationKind kind, StorageKind storage)
    {
        var (name, map) = await FilledAsync(kind, storage);
        var ended = TestContext.Current.CancellationToken;
        var client = Cluster.Client();

        using var archive = new MemoryStream();
        var writer = PipeWriter.Create(archive, new(leaveOpen: true));
        var backup = await client.BackupAsync(name, writer, TimeProvider.System, ended);
        await writer.CompleteAsync();
        archive.Position = 0;
        var restore = await client.RestoreAsync(name + "-again", archive, TimeProvider.System, ended);
        var restored = (await client.GetKeyspaceAsync(name + "-again", ended)).Map!;

        Assert.Equal((OutcomeKind.Ok, (long)Keys.Length), (backup.Kind, backup.Entries));
        Assert.Equal((RestoreOutcome.Restored, null), (restore.Outcome, restore.Detail));
        Assert.Equal(map.Settings, restored.Settings);
        Assert.Equal(Splits, SplitKeys.Of(restored));
        await Eventually.Holds(
            async () =>
                (await ListAsync(client, name + "-again", new())).SequenceEqual(
                    Keys.Select(Hex),
                    StringComparer.Ordinal
                ),
            "What was restored is listed; of an async keyspace once it has converged."
        );
    }

    [Fact]
    public async Task An_atomic_batch_happens_inside_of_a_shard_and_not_at_all_across_two()
    {
        const string name = "atomic";
        await CreateAsync(name, ReplicationKind.Raft, StorageKind.Disk, Splits);
        var client = Cluster.Client();

        var inside = await client.ExecuteBatchAsync(name, [Put("g/1"), Put("o/1")], atomic: true);
        var across = await client.ExecuteBatchAsync(name, [Put("g/2"), Put("p/2")], atomic: true);

        Assert.All(inside, result => Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind));
        Assert.All(across, result => Assert.Equal(OutcomeKind.Invalid, result.Outcome.Kind));
        Assert.Contains("start between them", across[0].Outcome.Detail, StringComparison.Ordinal);
        Assert.Equal(OutcomeKind.NotFound, (await client.GetAsync(name, "g/2")).Outcome.Kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("g/")]
    [InlineData("p/")]
    public async Task A_watch_from_the_token_of_a_listing_hears_all_shards_that_its_prefix_meets(string prefix)
    {
        var name = $"watched-{prefix.Trim('/')}x";
        await CreateAsync(name, ReplicationKind.Raft, StorageKind.Disk, SplitKeys.Of("g", "g/m", "p"));
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var client = Cluster.Client();
        string[] keys = ["a", "g/1", "g/m", "g/z", "h", "p/1"];
        foreach (var key in keys)
        {
            await client.PutAsync(name, key, "before");
        }

        // The first page reads one shard: the token is for all that can hold the prefix all the same.
        var page = await client.ScanAsync(name, new() { Prefix = Encoding.UTF8.GetBytes(prefix), EntriesMax = 1 });
        Assert.Single(page.Entries);
        foreach (var key in keys)
        {
            await client.PutAsync(name, key, "behind");
        }
        var expected = keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal))
            .Select(key => $"Put {key}")
            .ToArray();
        var watch = new WatchRecord(
            Cluster
                .Client("n3")
                .WatchAsync(name, new() { Prefix = Encoding.UTF8.GetBytes(prefix), Since = page.Changes }, end.Token)
        );

        await watch.Hears(expected.Length);
        Assert.Equal(expected, watch.Texts.Order(StringComparer.Ordinal));
        await end.CancelAsync();
    }

    [Fact]
    public async Task A_quota_counts_the_entries_of_all_shards()
    {
        var map = await CreateAsync(
            "counted",
            ReplicationKind.Raft,
            StorageKind.Disk,
            Splits,
            new() { Entries = Keys.Length }
        );
        var client = Cluster.Client();
        foreach (var key in Keys)
        {
            await client.ExecuteAsync("counted", new() { Kind = OperationKind.Put, Key = key });
        }

        Assert.Equal(Keys.Length, (await client.GetUseAsync(map))!.Value.Entries);
        Assert.Equal(OutcomeKind.QuotaExceeded, (await client.PutAsync("counted", "gone too far", "")).Outcome.Kind);
    }

    private static Operation Put(string key) => new() { Kind = OperationKind.Put, Key = Encoding.UTF8.GetBytes(key) };

    private static string Hex(byte[] key) => Convert.ToHexString(key);

    private static string Hex(ReadOnlyMemory<byte> key) => Convert.ToHexString(key.Span);

    private static ScanRequest Page(KeyspaceMap map, string start, string? end) =>
        new()
        {
            Start = Encoding.UTF8.GetBytes(start),
            End = end is null ? default(ReadOnlyMemory<byte>?) : Encoding.UTF8.GetBytes(end),
            EntriesMax = 100,
            BytesMax = 1 << 20,
            // Any replica answers by itself: what it holds it was told before the page was asked for.
            Level = ConsistencyLevel.Eventual,
            MapEpoch = map.Epoch,
            TimeoutMs = 30_000,
        };

    private IShardReplica Replica(KeyspaceMap map, ShardPlacement shard, ReplicaPlacement placed)
    {
        var key = new ReplicaKey(map.KeyspaceId, shard.ShardId, placed.ReplicaId, placed.Node).ToString();
        var grains = Cluster.Nodes.GrainsOf("n1");
        return map.Settings.Replication == ReplicationKind.Raft
            ? grains.GetGrain<IRaftGroupGrain>(key)
            : grains.GetGrain<IShardGrain>(key);
    }

    /// <summary>One for all tests that leave it as it is.</summary>
    private async Task<(string Name, KeyspaceMap Map)> FilledAsync(ReplicationKind kind, StorageKind storage)
    {
        var name = $"range-{kind}-{storage}".ToLowerInvariant();
        var map = await CreateAsync(name, kind, storage, Splits);
        var level = kind == ReplicationKind.Raft ? ConsistencyLevel.Default : ConsistencyLevel.All;
        var puts = Keys.Select(key => new Operation
        {
            Kind = OperationKind.Put,
            Key = key,
            Value = key,
            Level = level,
        });
        foreach (var write in await Cluster.Client("n2").ExecuteBatchAsync(name, [.. puts], atomic: false))
        {
            Assert.Equal((OutcomeKind.Ok, null), (write.Outcome.Kind, write.Outcome.Detail));
        }
        // A follower answers eventual reads once it has heard.
        await Eventually.Holds(
            async () =>
            {
                foreach (var shard in map.Shards)
                {
                    foreach (var placed in shard.Replicas)
                    {
                        var at = Array.IndexOf(map.Shards, shard);
                        var page = Page(map, "", null) with
                        {
                            Start = shard.Start,
                            End = ShardIntervals.EndOf(map.Shards, at),
                        };
                        var reply = await Replica(map, shard, placed).Scan(page);
                        if (reply.Entries.Length != Keys.Count(key => map.ShardIndexOf(key) == at))
                        {
                            return false;
                        }
                    }
                }
                return true;
            },
            "Every replica holds what its shard owns."
        );
        return (name, map);
    }

    private Task<KeyspaceMap> CreateAsync(
        string name,
        ReplicationKind kind,
        StorageKind storage,
        SplitKeys splits,
        KeyspaceQuota? quota = null
    ) =>
        Cluster.Create(
            name,
            new()
            {
                Replication = kind,
                Storage = storage,
                Distribution = DistributionKind.Range,
                SplitKeys = splits,
                Quota = quota,
            }
        );

    private static async Task<List<string>> ListAsync(IExapyteClient client, string name, ScanQuery query)
    {
        List<string> listed = [];
        while (true)
        {
            var page = await client.ScanAsync(name, query, TestContext.Current.CancellationToken);
            Assert.Equal((OutcomeKind.Ok, null), (page.Kind, page.Detail));
            listed.AddRange(page.Entries.Select(entry => Hex(entry.Key)));
            if (!page.More || page.Entries.Count == 0)
            {
                return listed;
            }
            query = query with { After = page.Entries[^1].Key };
        }
    }
}
