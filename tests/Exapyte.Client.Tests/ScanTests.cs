using CsCheck;
using Exapyte.Client.Tests.Scripted;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

public sealed class ScanTests(ScriptedSilo silo)
{
    [Fact]
    [Trait("Scenario", "client_scan")]
    [Trait("Scenario", "data_plane_process_scan")]
    public async Task Pages_list_every_key_of_the_range_once_and_in_order_whatever_lies_where()
    {
        var cases = Gen.Select(Listings.Keys.Array[0, 60], Gen.Int[1, 6], Gen.Int[1, 5], Listings.Queries);
        await cases.SampleAsync(
            async (keys, shards, pageMax, query) =>
            {
                var keyspace = new ScriptedKeyspace(shards, replicas: 1);
                await using var client = silo.Open(keyspace);
                await client.Batch([
                    .. keys.Select(key => new Operation
                    {
                        Kind = OperationKind.Put,
                        Key = key,
                        Value = key,
                    }),
                ]);
                foreach (var shard in keyspace.Shards)
                {
                    shard.Replicas[0].PageEntriesMax = pageMax;
                }

                var listed = await Listings.ListAsync(client, query);

                Assert.Equal(Listings.Expected(keys, query), listed);
            },
            iter: 60,
            threads: 1
        );
    }

    [Fact]
    [Trait("Scenario", "client_scan")]
    public async Task Folded_pages_list_every_key_or_its_common_prefix_once_and_in_order_whatever_lies_where()
    {
        var cases = Gen.Select(
            Gen.Select(Listings.Keys.Array[0, 60], Gen.Bool),
            Gen.Int[1, 6],
            Gen.Int[1, 5],
            Listings.Queries,
            Listings.Letters.Array[1, 2]
        );
        await cases.SampleAsync(
            async (has, shards, pageMax, query, delimiter) =>
            {
                var (keys, folds) = has;
                var keyspace = new ScriptedKeyspace(shards, replicas: 1);
                await using var client = silo.Open(keyspace);
                await client.Batch([
                    .. keys.Select(key => new Operation
                    {
                        Kind = OperationKind.Put,
                        Key = key,
                        Value = key,
                    }),
                ]);
                foreach (var shard in keyspace.Shards)
                {
                    shard.Replicas[0].PageEntriesMax = pageMax;
                    shard.Folds = folds;
                }
                query = query with { Delimiter = delimiter };

                var listed = await Listings.ListFoldedAsync(client, query);

                Assert.Equal(Listings.ExpectedFolded(keys, query), listed);
            },
            iter: 100,
            threads: 1
        );
    }

    [Fact]
    public async Task The_last_page_of_a_folded_listing_does_not_promise_another()
    {
        var keyspace = new ScriptedKeyspace(shards: 4, replicas: 1);
        await using var client = silo.Open(keyspace);
        await client.Batch([.. Enumerable.Range(0, 40).Select(i => Ops.Put($"a/{i:00}"))]);

        var page = await client.Scan(new() { Delimiter = Ops.Bytes("/"), EntriesMax = 1 });

        Assert.Equal("a/", Ops.Text(page.Prefixes.Single()));
        Assert.Empty(page.Entries);
        Assert.False(page.More);
    }

    [Fact]
    public async Task A_partition_is_listed_from_its_own_shard_only()
    {
        var keyspace = new ScriptedKeyspace(shards: 8, settings: new() { PartitionDelimiter = "/" });
        await using var client = silo.Open(keyspace);
        await client.Batch([.. Enumerable.Range(0, 30).Select(i => Ops.Put($"u{i % 3}/{i:00}"))]);
        var asked = 0;
        foreach (var replica in keyspace.Shards.SelectMany(shard => shard.Replicas))
        {
            replica.ScanScript = _ =>
            {
                Interlocked.Increment(ref asked);
                return Task.FromResult<ScanReply?>(null);
            };
        }

        var page = await client.Scan(new() { Prefix = Ops.Bytes("u1/"), EntriesMax = 100 });

        Assert.Equal(
            Enumerable.Range(0, 30).Where(i => i % 3 == 1).Select(i => $"u1/{i:00}"),
            page.Entries.Select(entry => Ops.Text(entry.Key))
        );
        Assert.False(page.More);
        Assert.Equal(1, asked);
    }

    [Fact]
    public async Task A_page_ends_early_once_it_holds_enough_bytes()
    {
        var keyspace = new ScriptedKeyspace(shards: 2, replicas: 1);
        await using var client = silo.Open(keyspace);
        for (var i = 0; i < 6; i++)
        {
            await client.Put(Ops.Bytes($"k{i}"), new byte[Limits.ValueBytesMax]);
        }

        var page = await client.Scan(new() { EntriesMax = 100 });

        Assert.Equal(["k0", "k1", "k2", "k3"], page.Entries.Select(entry => Ops.Text(entry.Key)));
        Assert.True(page.More);
    }

    [Fact]
    public async Task A_listing_finds_leaders_and_survives_a_replica_that_fails()
    {
        var keyspace = new ScriptedKeyspace(shards: 3);
        await using var client = silo.Open(keyspace);
        await client.Batch([.. Enumerable.Range(0, 50).Select(i => Ops.Put($"k{i:00}"))]);
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 2].ReplicaId;
        keyspace[1, 0].ScanScript = _ => throw new InvalidOperationException("broken");
        keyspace.Shards[1].LeaderReplicaId = keyspace[1, 1].ReplicaId;

        var page = await client.Scan(new() { EntriesMax = 100 });

        Assert.Equal(50, page.Entries.Count);
        Assert.Equal(OutcomeKind.Ok, page.Kind);
    }

    [Fact]
    public async Task A_shard_that_is_out_of_reach_fails_the_page_and_says_why()
    {
        var keyspace = new ScriptedKeyspace(shards: 2, replicas: 1);
        keyspace[1, 0].ScanScript = _ => throw new InvalidOperationException("broken");
        using var time = new StoppedTime();
        await using var client = silo.Open(keyspace, time, options => options.PauseForGood());

        var scan = client.Scan(new());
        await Ops.UntilAsync(() => time.Retries == 1);
        await time.PassAsync(scan);
        var page = await scan;

        Assert.Equal(OutcomeKind.Unavailable, page.Kind);
        Assert.Empty(page.Entries);
        Assert.NotNull(page.Detail);
    }

    [Fact]
    public async Task A_page_that_leads_nowhere_is_never_taken_for_the_end()
    {
        var keyspace = new ScriptedKeyspace(replicas: 1);
        await using var client = silo.Open(keyspace);
        await client.Put("a");
        var calls = 0;
        keyspace[0, 0].ScanScript = _ =>
            Task.FromResult(
                Interlocked.Increment(ref calls) == 1 ? new ScanReply { Kind = OutcomeKind.Ok, More = true } : null
            );

        var page = await client.Scan(new());

        Assert.Equal("a", Ops.Text(page.Entries.Single().Key));
    }

    [Fact]
    public async Task A_cursor_of_another_keyspace_is_refused()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);

        var page = await client.Scan(new() { KeyspaceId = keyspace.KeyspaceId + 1 });
        var own = await client.Scan(new() { KeyspaceId = keyspace.KeyspaceId });

        Assert.Equal(OutcomeKind.Invalid, page.Kind);
        Assert.Equal(OutcomeKind.Ok, own.Kind);
        Assert.Equal(keyspace.KeyspaceId, own.KeyspaceId);
    }

    [Theory]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Quorum)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Bounded)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.Linearizable)]
    public async Task A_level_that_does_not_go_with_the_keyspace_is_refused(
        ReplicationKind replication,
        ConsistencyLevel level
    )
    {
        var keyspace = new ScriptedKeyspace(settings: new() { Replication = replication });
        await using var client = silo.Open(keyspace);

        var page = await client.Scan(new() { Level = level, EntriesMax = 0 });

        Assert.Equal(OutcomeKind.Invalid, page.Kind);
        // Every reason: the level and the limit.
        Assert.Contains("level", page.Detail, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("limit", page.Detail, StringComparison.Ordinal);
    }
}
