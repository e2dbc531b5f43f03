using System.Collections.Concurrent;
using CsCheck;
using Exapyte.Client.Tests.Scripted;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Client.Tests;

public sealed class RangeScanTests(ScriptedSilo silo)
{
    private static readonly Gen<byte[][]> Splits = Listings
        .Keys.Array[0, 6]
        .Select(keys => keys.DistinctBy(Convert.ToHexString).Order(Listings.ByBytes).ToArray());

    [Fact]
    [Trait("Scenario", "sharded_distribution_range_routing")]
    [Trait("Scenario", "data_plane_process_scan")]
    public async Task Pages_list_every_key_once_and_in_order_wherever_the_shards_are_split()
    {
        var cases = Gen.Select(Listings.Keys.Array[0, 60], Splits, Gen.Int[1, 5], Listings.Queries);
        await cases.SampleAsync(
            async (keys, splits, pageMax, query) =>
            {
                await using var client = await FilledAsync(splits, keys.Concat(splits), pageMax);

                var listed = await Listings.ListAsync(client, query with { WithoutChanges = true });

                Assert.Equal(Listings.Expected([.. keys, .. splits], query), listed);
            },
            iter: 100,
            threads: 1
        );
    }

    [Fact]
    public async Task A_common_prefix_that_lies_in_several_shards_is_listed_once()
    {
        var cases = Gen.Select(
            Listings.Keys.Array[0, 60],
            Splits,
            Gen.Int[1, 5],
            Listings.Queries,
            Listings.Letters.Array[1, 2]
        );
        await cases.SampleAsync(
            async (keys, splits, pageMax, query, delimiter) =>
            {
                await using var client = await FilledAsync(splits, keys, pageMax);
                query = query with { Delimiter = delimiter, WithoutChanges = true };

                var listed = await Listings.ListFoldedAsync(client, query);

                Assert.Equal(Listings.ExpectedFolded(keys, query), listed);
            },
            iter: 100,
            threads: 1
        );
    }

    [Theory]
    [InlineData(null, null, "", false, 3, "a c e", "0 1 2", true)]
    [InlineData(null, null, "", false, 100, "a c e g i k m o", "0 1 2 3 4", false)]
    [InlineData(null, null, "", true, 3, "o m k", "4 3", true)]
    [InlineData("f", "k", "", false, 100, "g i", "2 3", false)]
    [InlineData("d", "f", "", true, 100, "e", "2", false)]
    [InlineData(null, "d", "", true, 1, "c", "1", true)]
    [InlineData(null, null, "g", false, 100, "g", "3", false)]
    public async Task Only_shards_that_meet_the_bounds_are_asked_and_no_more_once_the_page_is_full(
        string? start,
        string? end,
        string prefix,
        bool reverse,
        int limit,
        string keys,
        string shards,
        bool more
    )
    {
        var keyspace = ScriptedKeyspace.Range([.. "bdgl".Select(letter => Ops.Bytes($"{letter}"))]);
        await using var client = silo.Open(keyspace);
        await client.Batch([.. "acegikmo".Select(letter => Ops.Put($"{letter}"))]);
        var asked = Watch(keyspace);

        var page = await client.Scan(
            new()
            {
                Start = Ops.Bytes(start ?? ""),
                End = end is null ? default(ReadOnlyMemory<byte>?) : Ops.Bytes(end),
                Prefix = Ops.Bytes(prefix),
                Reverse = reverse,
                EntriesMax = limit,
                WithoutChanges = true,
            }
        );

        Assert.Equal(keys, string.Join(' ', page.Entries.Select(entry => Ops.Text(entry.Key))));
        Assert.Equal(shards, string.Join(' ', asked));
        Assert.Equal(more, page.More);
    }

    [Fact]
    public async Task A_shard_that_is_split_while_it_is_asked_is_found_again_with_its_new_half()
    {
        var keyspace = ScriptedKeyspace.Range([Ops.Bytes("m")]);
        await using var client = silo.Open(keyspace);
        await client.Batch([.. "acegikmo".Select(letter => Ops.Put($"{letter}"))]);
        var whole = keyspace.Map!;
        var upper = ScriptedKeyspace.Range([Ops.Bytes("f"), Ops.Bytes("m")]);
        await using var half = silo.Open(upper);
        await half.Batch([.. "gik".Select(letter => Ops.Put($"{letter}"))]);
        var split = whole with { Epoch = 2, Shards = [whole.Shards[0], upper.Map!.Shards[1], whole.Shards[1]] };
        List<string> ranges = [];
        keyspace[0, 0].ScanScript = request =>
        {
            ranges.Add($"{Ops.Text(request.Start)}..{Ops.Text(request.End ?? default)}");
            return Task.FromResult<ScanReply?>(
                request.End is { } end && Ops.Text(end) == "f"
                    ? null
                    : new() { Kind = OutcomeKind.WrongShard, NewerMap = split }
            );
        };

        keyspace.Map = split;
        var page = await client.Scan(new() { WithoutChanges = true });

        Assert.Equal(OutcomeKind.Ok, page.Kind);
        Assert.Equal("a c e g i k m o", string.Join(' ', page.Entries.Select(entry => Ops.Text(entry.Key))));
        Assert.Equal(["..m", "..f"], ranges);
    }

    [Fact]
    public async Task A_prefix_lies_in_the_shards_whose_keys_it_meets()
    {
        var keyspace = ScriptedKeyspace.Range([Ops.Bytes("a"), Ops.Bytes("b/5"), [255], [255, 255]]);
        await using var client = silo.Open(keyspace);
        await client.Batch([
            .. new[] { "a", "b/1", "b/5", "b/9", "c" }.Select(key => Ops.Put(key)),
            .. new byte[][] { [255], [255, 0], [255, 255], [255, 255, 255] }.Select(key => new Operation
            {
                Kind = OperationKind.Put,
                Key = key,
            }),
        ]);

        var words = await client.Scan(new() { Prefix = Ops.Bytes("b/"), WithoutChanges = true });
        var last = await client.Scan(new() { Prefix = new byte[] { 255 }, WithoutChanges = true });
        var lasts = await client.Scan(
            new()
            {
                Prefix = new byte[] { 255, 255 },
                Reverse = true,
                WithoutChanges = true,
            }
        );

        Assert.Equal(["b/1", "b/5", "b/9"], words.Entries.Select(entry => Ops.Text(entry.Key)));
        Assert.Equal(["FF", "FF00", "FFFF", "FFFFFF"], last.Entries.Select(Hex));
        Assert.Equal(["FFFFFF", "FFFF"], lasts.Entries.Select(Hex));
    }

    private static string Hex(ListedEntry entry) => Convert.ToHexString(entry.Key.Span);

    private async Task<OpenedKeyspace> FilledAsync(byte[][] splits, IEnumerable<byte[]> keys, int pageMax)
    {
        var keyspace = ScriptedKeyspace.Range(splits);
        var client = silo.Open(keyspace);
        var map = keyspace.Map!;
        var puts = keys.Select(key => new Operation
            {
                Kind = OperationKind.Put,
                Key = key,
                Value = key,
            })
            .ToArray();
        await client.Batch(puts);
        for (var shard = 0; shard < keyspace.Shards.Length; shard++)
        {
            var replica = keyspace[shard, 0];
            replica.PageEntriesMax = pageMax;
            // Each key was written to the shard that owns it.
            Assert.All(
                replica.Batches.SelectMany(b => b.Operations),
                put => Assert.Equal(shard, map.ShardIndexOf(put.Key.Span))
            );
        }
        return client;
    }

    /// <summary>The shards that are asked for pages from now on, as they are.</summary>
    private static ConcurrentQueue<int> Watch(ScriptedKeyspace keyspace)
    {
        var asked = new ConcurrentQueue<int>();
        for (var shard = 0; shard < keyspace.Shards.Length; shard++)
        {
            var at = shard;
            keyspace[shard, 0].ScanScript = _ =>
            {
                asked.Enqueue(at);
                return Task.FromResult<ScanReply?>(null);
            };
        }
        return asked;
    }
}
