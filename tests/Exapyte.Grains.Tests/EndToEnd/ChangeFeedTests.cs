using System.Text;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class ChangeFeedTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private static int tests;

    private readonly string prefix = $"feed{Interlocked.Increment(ref tests)}/";
    private readonly CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(
        TestContext.Current.CancellationToken
    );

    [Fact]
    public async Task Every_change_behind_the_start_is_told_in_the_order_of_its_shard_through_any_node()
    {
        var watches = new[] { Watch("n1"), Watch("n2"), Watch("n3") };
        await Task.WhenAll(watches.Select(watch => watch.Started.Task));
        var told = new List<string>();
        for (var i = 0; i < 40; i++)
        {
            var key = $"{prefix}{i % 8}";
            await Put(key, $"{i}");
            told.Add($"Put {key}");
            if (i % 5 == 4)
            {
                await Client.DeleteAsync("raft", key);
                told.Add($"Delete {key}");
            }
        }
        await Client.DeleteAsync("raft", prefix + "absent");
        await Put(prefix + "last", "x");
        told.Add($"Put {prefix}last");

        foreach (var watch in watches)
        {
            await watch.Hears(told.Count);
            Assert.Equal(told.Order(), watch.Texts.Order());
            foreach (var key in told.Select(text => text.Split(' ')[1]).Distinct())
            {
                Assert.Equal(
                    told.Where(text => text.EndsWith(key, StringComparison.Ordinal)),
                    watch.Texts.Where(text => text.EndsWith(key, StringComparison.Ordinal))
                );
            }
        }
        end.Cancel();
    }

    [Fact]
    public async Task Who_goes_on_from_any_token_hears_all_that_came_behind_it_and_nothing_else()
    {
        var first = Watch("n1");
        await first.Started.Task;
        for (var i = 0; i < 12; i++)
        {
            await Put($"{prefix}{i}", "x");
        }
        await first.Hears(12);
        foreach (var at in (int[])[0, 5, 11])
        {
            // As text: it is kept by whoever watches.
            Assert.True(ChangeToken.TryParse(first.Parts[at].Token!.ToString(), out var since));
            var again = Watch("n3", since);
            await again.Hears(11 - at);
            Assert.Equal(first.Texts.Skip(at + 1).Order(), again.Texts.Order());
        }
        end.Cancel();
    }

    [Fact]
    public async Task A_listing_hands_out_the_token_from_which_nothing_that_it_lacks_is_missing()
    {
        await Put(prefix + "before", "x");
        var page = await Client.ScanAsync("raft", new() { Prefix = Key(prefix) }, end.Token);
        Assert.NotNull(page.Changes);
        await Put(prefix + "behind", "x");

        var watch = Watch("n2", page.Changes);
        await watch.Hears(1);
        Assert.Equal([$"Put {prefix}behind"], watch.Texts);
        end.Cancel();
    }

    [Fact]
    public async Task A_listing_of_one_partition_hands_out_a_token_for_watching_that_partition()
    {
        var settings = new KeyspaceSettings { Shards = 4, PartitionDelimiter = "/" };
        await nodes.Cluster.Create("parted", settings);
        var page = await Client.ScanAsync("parted", new() { Prefix = Key("a/") }, end.Token);
        await Client.PutAsync("parted", "a/1", "x");
        var watch = new WatchRecord(
            Client.WatchAsync("parted", new() { Prefix = Key("a/"), Since = page.Changes }, end.Token)
        );
        await watch.Hears(1);
        Assert.Equal(["Put a/1"], watch.Texts);
        var all = Client.WatchAsync("parted", new() { Since = page.Changes }, end.Token);
        Assert.Equal(OutcomeKind.Compacted, (await all.FirstAsync(end.Token)).Kind);
        end.Cancel();
    }

    [Fact]
    public async Task An_entry_that_ends_is_told_although_nobody_reads_it()
    {
        var watch = Watch("n2");
        await watch.Started.Task;
        await Client.ExecuteAsync(
            "raft",
            new()
            {
                Kind = OperationKind.Put,
                Key = Key(prefix + "k"),
                Value = Key("x"),
                TtlMs = 100,
            },
            end.Token
        );
        await watch.Hears(2);
        Assert.Equal([$"Put {prefix}k", $"Expire {prefix}k"], watch.Texts);
        end.Cancel();
    }

    [Fact]
    public async Task Who_hears_nothing_is_told_how_far_the_feed_has_come()
    {
        var watch = Watch("n1", heartbeat: TimeSpan.FromMilliseconds(20));
        await watch.Started.Task;
        await Put("elsewhere/" + prefix, "x");
        var now = await Client.ScanAsync("raft", new() { EntriesMax = 1 }, end.Token);
        await Eventually.Holds(
            () => watch.LastToken!.ToString() == now.Changes!.ToString(),
            "The token of a heartbeat passes what was not asked for."
        );
        Assert.Empty(watch.Texts);
        end.Cancel();
    }

    [Theory]
    [InlineData("quorum")]
    [InlineData("async")]
    public async Task Leaderless_keyspaces_say_that_they_cannot_be_watched(string keyspace)
    {
        var parts = Client.WatchAsync(keyspace, new(), end.Token);
        Assert.Equal(OutcomeKind.Invalid, (await parts.FirstAsync(end.Token)).Kind);
    }

    [Fact]
    public async Task A_keyspace_that_keeps_no_changes_says_so()
    {
        await nodes.Cluster.Create("unwatched", new() { Shards = 1, ChangeRetentionSeconds = 0 });
        var parts = Client.WatchAsync("unwatched", new(), end.Token);
        Assert.Equal(OutcomeKind.Invalid, (await parts.FirstAsync(end.Token)).Kind);
        Assert.Null((await Client.ScanAsync("unwatched", new(), end.Token)).Changes);
    }

    [Fact]
    public async Task Who_comes_back_too_late_is_told_so_and_never_skips()
    {
        var settings = new KeyspaceSettings { Shards = 1, ChangeRetentionSeconds = 1 };
        await nodes.Cluster.Create("brief", settings);
        var old = (await Client.ScanAsync("brief", new(), end.Token)).Changes;
        var written = 0;
        await Client.PutAsync("brief", "k", "x");
        await Eventually.Holds(
            async () =>
            {
                await Client.PutAsync("brief", "k", $"{written++}");
                var parts = Client.WatchAsync("brief", new() { Since = old }, end.Token);
                return (await parts.FirstAsync(end.Token)).Kind == OutcomeKind.Compacted;
            },
            "What has been kept for a second goes."
        );
        var keyspace = Client.Keyspace("brief");
        await Assert.ThrowsAsync<ChangesCompactedException>(async () =>
        {
            await foreach (var _ in keyspace.ChangesAsync(since: old, cancellationToken: end.Token)) { }
        });
    }

    [Fact]
    public async Task A_token_of_another_keyspace_is_refused()
    {
        var page = await Client.ScanAsync("raft", new(), end.Token);
        await nodes.Cluster.Create("other", new() { Shards = 4 });
        var part = await Client.WatchAsync("other", new() { Since = page.Changes }, end.Token).FirstAsync(end.Token);
        Assert.Equal((OutcomeKind.Invalid, true), (part.Kind, part.RefusesToken));
    }

    [Fact]
    public async Task A_thousand_watchers_of_a_keyspace_each_hear_of_a_change()
    {
        var watches = Enumerable.Range(0, 1_000).Select(_ => Watch("n1")).ToArray();
        await Task.WhenAll(watches.Select(watch => watch.Started.Task));
        await Put(prefix + "k", "x");
        foreach (var watch in watches)
        {
            await watch.Hears(1);
        }
        end.Cancel();
    }

    private IExapyteClient Client => nodes.Cluster.Client();

    private async Task Put(string key, string value) =>
        Assert.Equal(OutcomeKind.Ok, (await Client.PutAsync("raft", key, value)).Outcome.Kind);

    private WatchRecord Watch(string node, ChangeToken? since = null, TimeSpan? heartbeat = null)
    {
        var query = new ChangesQuery { Prefix = Key(prefix), Since = since };
        return new(
            nodes
                .Cluster.Client(node)
                .WatchAsync("raft", heartbeat is { } every ? query with { Heartbeat = every } : query, end.Token)
        );
    }

    private static byte[] Key(string text) => Encoding.UTF8.GetBytes(text);
}
