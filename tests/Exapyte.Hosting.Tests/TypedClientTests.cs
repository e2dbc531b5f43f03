using System.Text;
using System.Text.Json;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Queries;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Processes;

namespace Exapyte.Hosting.Tests;

/// <summary>A node, and a client that reaches it over TCP, for all tests of a class.</summary>
public sealed class ConnectedNode : IAsyncLifetime
{
    readonly TemporaryFolder _folder = new("typed");
    EmbeddedHost? _node;

    /// <summary>Connected over TCP.</summary>
    public ExapyteClient Client { get; private set; } = null!;

    /// <summary>In the node's own process.</summary>
    public IExapyteClient Inside => _node!.Client;

    public async ValueTask InitializeAsync()
    {
        _node = await EmbeddedHost.StartAsync(_folder.File("data"));
        Client = await ExapyteClient.ConnectAsync(_node.Addresses);
        await Client.EnsureKeyspaceAsync("users", new() { PartitionDelimiter = "/" });
        await Client.EnsureKeyspaceAsync("many", new() { Shards = 1, Replication = ReplicationKind.Quorum });
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await _node!.DisposeAsync();
        _folder.Dispose();
    }
}

/// <summary>What an application does with entries as objects.</summary>
public sealed class TypedClientTests(ConnectedNode node) : IClassFixture<ConnectedNode>
{
    static readonly Person s_ada = new("Ada", 36);

    KeyspaceClient Users => node.Client.Keyspace("users");

    static CancellationToken OfTest => TestContext.Current.CancellationToken;

    public static TheoryData<string> Keyspaces => ["users", "many"];

    [Theory, MemberData(nameof(Keyspaces))]
    public async Task Objects_text_and_bytes_come_back_as_they_were_put(string name)
    {
        var keyspace = node.Client.Keyspace(name);
        EntryKey raw = new byte[] { 0, 255, 1 };
        var put = await keyspace.PutAsync("forms/object", s_ada, OfTest);
        await keyspace.PutTextAsync("forms/text", "grüße");
        await keyspace.PutBytesAsync(raw, new byte[] { 9, 8 });
        await keyspace.PutStreamAsync("forms/stream", new MemoryStream([1, 2, 3]));

        var read = await keyspace.GetAsync<Person>("forms/object", OfTest);
        Assert.Equal((s_ada, put.Version, "application/json"), (read!.Value, read.Version, read.ContentType));
        Assert.True(put.Changed);
        Assert.Null(read.Expires);
        Assert.Equal("n1", read.Served.Node);
        Assert.Equal("grüße", (await keyspace.GetTextAsync("forms/text"))!.Value);
        Assert.Equal([9, 8], (await keyspace.GetBytesAsync(raw))!.Value.ToArray());
        Assert.Equal([1, 2, 3], (await keyspace.GetBytesAsync("forms/stream"))!.Value.ToArray());
        Assert.Null(await keyspace.GetAsync<Person>("forms/absent", OfTest));
        await Assert.ThrowsAsync<JsonException>(() => keyspace.GetAsync<Person>("forms/text", OfTest).AsTask());
        Assert.True((await keyspace.DeleteAsync("forms/object")).Changed);
        Assert.False(await keyspace.ExistsAsync("forms/object"));
        Assert.True(await keyspace.ExistsAsync("forms/text"));
    }

    [Fact]
    public async Task A_write_over_another_version_throws_with_the_current_one_and_changes_nothing()
    {
        var first = await Users.PutAsync("conditions/a", 1, OfTest);
        var second = await Users.PutAsync("conditions/a", 2, new() { IfVersion = first.Version });

        var failure = await Assert.ThrowsAsync<PreconditionFailedException>(() =>
            Users.PutAsync("conditions/a", 3, new() { IfVersion = first.Version }).AsTask()
        );
        var result = await Users.TryDeleteAsync("conditions/a", new() { IfVersion = first.Version });

        Assert.Equal((second.Version, false), (failure.CurrentVersion, failure.IsInDoubt));
        Assert.Equal((EntryStatus.PreconditionFailed, second.Version), (result.Status, result.Version));
        Assert.Equal(2, (await Users.GetAsync<int>("conditions/a", OfTest))!.Value);
        Assert.Equal(
            EntryStatus.PreconditionFailed,
            (await Users.TryPutAsync("conditions/a", 4, new PutOptions { IfAbsent = true })).Status
        );
        Assert.Equal(
            EntryStatus.PreconditionFailed,
            (await Users.TryPutAsync("conditions/absent", 4, new PutOptions { IfPresent = true })).Status
        );
        Assert.True(EntryVersion.TryParse($"{second.Version}", out var parsed));
        Assert.Equal(second.Version, parsed);
    }

    [Fact]
    public async Task Of_many_who_get_or_add_one_value_wins_and_all_see_it()
    {
        var got = await Task.WhenAll(
            Enumerable
                .Range(0, 16)
                .Select(i => Users.GetOrAddAsync("once", _ => ValueTask.FromResult(i), null, OfTest).AsTask())
        );

        Assert.Single(got.Select(entry => (entry.Value, entry.Version)).Distinct());
    }

    [Fact]
    public async Task Lifetimes_and_moments_are_kept_and_contradictions_are_refused()
    {
        var end = DateTimeOffset.FromUnixTimeMilliseconds(4_000_000_000_000);
        await Users.PutAsync("times/ttl", 1, new() { Ttl = TimeSpan.FromHours(1) });
        await Users.PutAsync("times/end", 1, new() { Expires = end });

        var ttl = (await Users.GetAsync<int>("times/ttl", OfTest))!;
        Assert.Equal(ttl.Modified + TimeSpan.FromHours(1), ttl.Expires);
        Assert.Equal(end, (await Users.GetAsync<int>("times/end", OfTest))!.Expires);
        PutOptions[] contradictions =
        [
            new() { Ttl = TimeSpan.Zero },
            new() { Ttl = TimeSpan.FromSeconds(1), Expires = end },
            new() { NeverExpires = true, Ttl = TimeSpan.FromSeconds(1) },
            new() { IfAbsent = true, IfPresent = true },
            new() { IfVersion = ttl.Version, IfAbsent = true },
            new() { IfVersion = ttl.Version, IfPresent = true },
        ];
        foreach (var options in contradictions)
        {
            await Assert.ThrowsAsync<InvalidRequestException>(() => Users.PutAsync("times/no", 1, options).AsTask());
        }
        Assert.False(await Users.ExistsAsync("times/no"));
    }

    [Fact]
    public async Task Listings_and_queries_meet_each_entry_once_over_several_pages()
    {
        for (var i = 0; i < 25; i++)
        {
            await Users.PutAsync($"list/{i:d2}", new Person($"p{i}", i), OfTest);
        }

        List<string> keys = [];
        await foreach (var entry in Users.ScanAsync<Person>(new() { Prefix = "list/", PageEntries = 7 }, OfTest))
        {
            Assert.Equal(entry.Key.ToString(), $"list/{entry.Value.Age:d2}");
            keys.Add(entry.Key.ToString());
        }
        List<string> backwards = [];
        await foreach (
            var key in Users.ScanKeysAsync(
                new()
                {
                    Prefix = "list/",
                    PageEntries = 10,
                    Reverse = true,
                },
                OfTest
            )
        )
        {
            backwards.Add(key.ToString());
        }
        List<int> ages = [];
        var old = Users.QueryAsync<Person>("key.startsWith('list/') && doc.age >= @min", new { min = 20 }, OfTest);
        await foreach (var entry in old)
        {
            ages.Add(entry.Value.Age);
        }

        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"list/{i:d2}"), keys);
        Assert.Equal(Enumerable.Reverse(keys), backwards);
        Assert.Equal(Enumerable.Range(20, 5), ages);
        await Assert.ThrowsAsync<QueryException>(async () =>
        {
            await foreach (var _ in Users.QueryAsync<Person>("doc.age >=", null, OfTest)) { }
        });
    }

    [Fact]
    public async Task A_batch_says_how_each_write_ended_and_an_atomic_one_does_all_or_nothing()
    {
        await Users.PutAsync("batch/b", 1, OfTest);
        var results = await Users
            .Batch()
            .Put("batch/a", 1)
            .Delete("batch/b")
            .Put("batch/c", 3)
            .ExecuteAsync(atomic: true);
        Assert.All(results, result => Assert.True(result.IsOk));

        var failure = await Assert.ThrowsAsync<BatchFailedException>(() =>
            Users
                .Batch()
                .Put("batch/a", 2)
                .Put("batch/c", 4, new() { IfAbsent = true })
                .ExecuteAsync(atomic: true)
                .AsTask()
        );

        Assert.Equal(EntryStatus.PreconditionFailed, failure.Results[1].Status);
        Assert.Equal(1, (await Users.GetAsync<int>("batch/a", OfTest))!.Value);
        var each = await Users.Batch().Put("batch/a", 2).Put("batch/c", 4, new() { IfAbsent = true }).TryExecuteAsync();
        Assert.Equal([EntryStatus.Ok, EntryStatus.PreconditionFailed], each.Select(result => result.Status));
    }

    [Fact]
    public async Task What_cannot_be_done_throws_what_it_was()
    {
        var nowhere = node.Client.Keyspace("nowhere");
        await Assert.ThrowsAsync<KeyspaceNotFoundException>(() => nowhere.GetAsync<int>("a", OfTest).AsTask());
        await Assert.ThrowsAsync<KeyspaceNotFoundException>(() => nowhere.PutAsync("a", 1, OfTest).AsTask());
        Assert.Equal(EntryStatus.NoSuchKeyspace, (await nowhere.TryGetAsync<int>("a")).Status);
        await Assert.ThrowsAsync<InvalidRequestException>(() => Users.PutAsync("", 1, OfTest).AsTask());
        await Assert.ThrowsAsync<InvalidRequestException>(() =>
            Users.PutBytesAsync("large", new byte[Limits.ValueBytesMax + 1]).AsTask()
        );
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() =>
            Users.GetAsync<int>("a", new ReadOptions { Timeout = TimeSpan.FromHours(1) }).AsTask()
        );
        await Assert.ThrowsAsync<KeyspaceDiffersException>(() => node.Client.EnsureKeyspaceAsync("users"));
        Assert.Throws<EncoderFallbackException>(() => new EntryKey("\ud800"));
    }

    [Fact]
    public async Task A_write_under_a_request_id_of_ones_own_happens_once_and_no_other_write_may_use_it()
    {
        var named = new PutOptions { RequestId = "typed-1" };
        var first = await Users.PutAsync("named/a", 1, named);
        await Users.PutAsync("named/a", 2, OfTest);

        var again = await node.Inside.Keyspace("users").PutAsync("named/a", 1, named);

        Assert.Equal(first.Version, again.Version);
        Assert.Equal(2, (await Users.GetAsync<int>("named/a", OfTest))!.Value);
        Assert.Equal(EntryStatus.RequestIdReused, (await Users.TryPutAsync("named/a", 9, named)).Status);
    }
}
