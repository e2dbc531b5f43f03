using Exapyte.Client;
using Exapyte.Operations;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.LeaderlessNodes;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>Listings of keyspaces whose replicas hold different things.</summary>
public sealed class ListingTests(LeaderlessNodes nodes) : IClassFixture<LeaderlessNodes>, IDisposable
{
    private const int Keys = 40;
    private const ulong Far = 4_000_000_000_000;

    private static readonly string[] Names = ["n1", "n2", "n3"];

    private static int tests;
    private readonly string id = $"{Interlocked.Increment(ref tests)}/";

    public void Dispose() => nodes.Faults.Clear();

    [Theory]
    [InlineData(Quorum, 1)]
    [InlineData(Quorum, 2)]
    [InlineData(QuorumMemory, 3)]
    public async Task A_listing_at_quorum_holds_what_a_write_quorum_holds_whatever_the_replicas_hold_besides(
        string keyspace,
        int seed
    )
    {
        var random = new Random(seed);
        foreach (var (node, reverse, keysOnly, limit) in Ways())
        {
            var prefix = $"{id}{node}{reverse}{keysOnly}{limit}/";
            var expected = await Scatter(keyspace, prefix, random);
            if (reverse)
            {
                expected.Reverse();
            }
            List<string> found = [];
            ScanPage page;
            ReadOnlyMemory<byte>? after = null;
            do
            {
                page = await nodes
                    .Client(node)
                    .ScanAsync(
                        keyspace,
                        new()
                        {
                            Prefix = Entries.Bytes(prefix),
                            Reverse = reverse,
                            KeysOnly = keysOnly,
                            EntriesMax = limit,
                            After = after,
                        },
                        TestContext.Current.CancellationToken
                    );
                Assert.True(page.Kind == OutcomeKind.Ok, $"seed {seed}, {prefix}: {page.Kind}, {page.Detail}");
                Assert.InRange(page.Entries.Count, 0, limit);
                Assert.Equal((ConsistencyLevel.Quorum, 0), (page.Served.Level, page.Served.StalenessMs));
                found.AddRange(page.Entries.Select(entry => TextOf(entry, keysOnly, prefix)));
                after = page.Entries.Count > 0 ? page.Entries[^1].Key : after;
            } while (page.More);
            Assert.Equal(expected.Select(entry => keysOnly ? entry.Split('=')[0] : entry), found);
        }
    }

    [Theory]
    [InlineData(Quorum, 4)]
    [InlineData(QuorumMemory, 5)]
    public async Task A_folded_listing_at_quorum_has_the_common_prefixes_of_what_a_write_quorum_holds_and_no_others(
        string keyspace,
        int seed
    )
    {
        var random = new Random(seed);
        foreach (var (node, reverse, keysOnly, limit) in Ways())
        {
            var prefix = $"{id}{node}{reverse}{keysOnly}{limit}/";
            // Two or three in each folder, so that whole folders are deleted, have ended, or are held by one replica only.
            var entries = await Scatter(
                keyspace,
                prefix,
                random,
                static i => i % 7 == 0 ? $"{i:d3}" : $"{i / 3:d3}-/{i:d3}"
            );
            List<string> expected =
            [
                .. entries
                    .Select(entry => entry.Split('=')[0])
                    .Select(key => key[..(key.IndexOf('/') + 1)] is { Length: > 0 } folded ? folded : key)
                    .Distinct(),
            ];
            expected.Sort(StringComparer.Ordinal);
            if (reverse)
            {
                expected.Reverse();
            }

            List<string> found = [];
            var query = new ScanQuery
            {
                Prefix = Entries.Bytes(prefix),
                Delimiter = Entries.Bytes("/"),
                Reverse = reverse,
                KeysOnly = keysOnly,
                EntriesMax = limit,
            };
            ScanPage page;
            do
            {
                page = await nodes.Client(node).ScanAsync(keyspace, query, TestContext.Current.CancellationToken);
                Assert.True(page.Kind == OutcomeKind.Ok, $"seed {seed}, {prefix}: {page.Kind}, {page.Detail}");
                Assert.InRange(page.Entries.Count + page.Prefixes.Count, 0, limit);
                found.AddRange(
                    page.InOrder(reverse)
                        .Select(one => System.Text.Encoding.UTF8.GetString(one.Key.Span)[prefix.Length..])
                );
                query = query with { After = page.Last(reverse) ?? query.After };
            } while (page.More);
            Assert.Equal(expected, found);
        }
    }

    [Fact]
    public async Task A_listing_repairs_the_replicas_that_it_found_to_differ()
    {
        await nodes.Give(Quorum, "n1", Entries.Put(id + "a", 2_000, "new"), Entries.Put(id + "b", 1_000, "only"));
        await nodes.Give(Quorum, "n2", Entries.Put(id + "a", 1_000, "old"));
        nodes.Faults.Refuse("n3", nameof(IShardGrain.ScanLocal));
        nodes.Faults.Refuse("n3", nameof(IShardGrain.ReadLocal));

        var page = await Scan("n1", ConsistencyLevel.Quorum);

        Assert.Equal(2, page.Entries.Count);
        Assert.Equal("new@2000.1", nodes.Held(Quorum, "n2", id + "a"));
        Assert.Equal("only@1000.1", nodes.Held(Quorum, "n2", id + "b"));
    }

    [Fact]
    public async Task A_listing_that_too_few_replicas_answer_fails_and_is_never_short()
    {
        await nodes.Give(Quorum, "n2", Entries.Put(id + "a", 1_000, "v"));
        await nodes.Give(Quorum, "n3", Entries.Put(id + "a", 1_000, "v"));
        nodes.Faults.Refuse("n2", nameof(IShardGrain.ScanLocal));
        nodes.Faults.Refuse("n3", nameof(IShardGrain.ScanLocal));

        var alone = await nodes
            .Replica(Quorum, "n1")
            .Scan(
                new()
                {
                    Start = Entries.Bytes(id),
                    EntriesMax = 10,
                    BytesMax = 1_000,
                    MapEpoch = 1,
                    TimeoutMs = 2_000,
                }
            );
        var one = await Scan("n1", ConsistencyLevel.One);
        nodes.Faults.Clear();
        nodes.Faults.Refuse("n2", nameof(IShardGrain.ScanLocal));
        var two = await Scan("n1", ConsistencyLevel.Quorum);

        Assert.Equal(OutcomeKind.Unavailable, alone.Kind);
        Assert.Equal((OutcomeKind.Ok, 0, -1), (one.Kind, one.Entries.Count, one.Served.StalenessMs));
        Assert.Equal((OutcomeKind.Ok, 1, 0), (two.Kind, two.Entries.Count, two.Served.StalenessMs));
    }

    private Task<ScanPage> Scan(string node, ConsistencyLevel level) =>
        nodes
            .Client(node)
            .ScanAsync(
                Quorum,
                new() { Prefix = Entries.Bytes(id), Level = level },
                TestContext.Current.CancellationToken
            )
            .AsTask();

    private static IEnumerable<(string Node, bool Reverse, bool KeysOnly, int Limit)> Ways() =>
        from node in Names
        from reverse in (bool[])[false, true]
        from keysOnly in (bool[])[false, true]
        from limit in (int[])[1, 7, 1_000]
        select (node, reverse, keysOnly, limit);

    /// <summary>Gives two replicas of each key the newest entry and the third something else; what a listing must hold.</summary>
    private async Task<List<string>> Scatter(
        string keyspace,
        string prefix,
        Random random,
        Func<int, string>? nameOf = null
    )
    {
        nameOf ??= static i => $"{i:d3}";
        Dictionary<string, List<StampedEntry>> given = Names.ToDictionary(name => name, _ => new List<StampedEntry>());
        List<string> expected = [];
        for (var i = 0; i < Keys; i++)
        {
            var key = prefix + nameOf(i);
            var newest = Any(key, revision: Far + 2, random);
            if (newest is { Tombstone: false, ExpiresMs: 0 })
            {
                expected.Add($"{nameOf(i)}={Text(newest)}");
            }
            var lacks = Names[random.Next(Names.Length)];
            foreach (var name in Names)
            {
                if (name != lacks)
                {
                    given[name].Add(newest);
                }
                else if (random.Next(3) > 0)
                {
                    given[name].Add(Any(key, revision: Far + 1, random));
                }
            }
        }
        foreach (var (name, entries) in given)
        {
            await nodes.Give(keyspace, name, [.. entries]);
        }
        return expected;
    }

    private static StampedEntry Any(string key, ulong revision, Random random) =>
        random.Next(5) switch
        {
            0 => Entries.Delete(key, revision),
            1 => new()
            {
                Key = Entries.Bytes(key),
                Version = new(revision, 1),
                Value = Entries.Bytes("expired"),
                ModifiedMs = 1,
                ExpiresMs = 2,
            },
            _ => Entries.Put(key, revision, $"v{revision - Far}"),
        };

    private static string Text(StampedEntry entry) => Entries.Text(entry).Split('@')[0];

    private static string TextOf(ListedEntry listed, bool keysOnly, string prefix)
    {
        var key = System.Text.Encoding.UTF8.GetString(listed.Key.Span)[prefix.Length..];
        return keysOnly ? key : $"{key}={LeaderlessNodes.Text(listed.Entry)}";
    }
}
