using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Xunit;
using static Exapyte.Cluster.Tests.Clients.ConnectedClient;

namespace Exapyte.Cluster.Tests.Clients;

/// <summary>What an application does all day, against real processes.</summary>
public sealed class EverydayCallsTests(ConnectedClient connected) : IClassFixture<ConnectedClient>
{
    static readonly byte[] s_rawKey = [0, 255, (byte)'/', 10, 254];

    IExapyteClient Client => connected.Client;

    static CancellationToken OfTest => TestContext.Current.CancellationToken;

    [Theory, MemberData(nameof(Kinds), MemberType = typeof(ConnectedClient))]
    [Trait("Scenario", "client_set")]
    [Trait("Scenario", "client_get")]
    public async Task Text_and_raw_values_come_back_as_they_were_put(ReplicationKind kind)
    {
        var (keyspace, raw) = (Name(kind), new byte[] { 0, 1, 254, 255 });
        var text = (await Client.PutAsync(keyspace, "get/text", "grüße", TimeSpan.FromHours(1))).Outcome;
        var binary = (await Client.PutAsync(keyspace, s_rawKey, raw)).Outcome;
        var empty = (await Client.PutAsync(keyspace, "get/empty", "")).Outcome;

        Assert.All([text, binary, empty], put => Assert.Equal(OutcomeKind.Ok, put.Kind));
        var (read, served) = await Client.GetAsync(keyspace, "get/text");
        Assert.Equal((OutcomeKind.Ok, "grüße"), (read.Kind, Text(read.Value)));
        Assert.Equal((text.Version, "text/plain; charset=utf-8"), (read.Version, read.ContentType));
        Assert.Equal(read.ModifiedMs + 3_600_000, read.ExpiresMs);
        Assert.Contains(served.Node, (string[])["n1", "n2", "n3"]);
        Assert.Equal(raw, (await Client.GetAsync(keyspace, s_rawKey)).Outcome.Value.ToArray());
        Assert.Equal((OutcomeKind.Ok, 0), await KindAndLengthAsync(keyspace, "get/empty"));
        Assert.Equal((OutcomeKind.NotFound, 0), await KindAndLengthAsync(keyspace, "get/absent"));
        Assert.Equal((OutcomeKind.NoSuchKeyspace, 0), await KindAndLengthAsync("nowhere", "get/text"));
    }

    [Theory, MemberData(nameof(Kinds), MemberType = typeof(ConnectedClient))]
    [Trait("Scenario", "client_set")]
    public async Task A_second_put_replaces_the_first_under_a_later_version(ReplicationKind kind)
    {
        var first = (await Client.PutAsync(Name(kind), "set/a", "1")).Outcome;
        var second = (await Client.PutAsync(Name(kind), "set/a", "2")).Outcome;

        Assert.Equal((OutcomeKind.Ok, true), (first.Kind, first.Changed));
        Assert.Equal((OutcomeKind.Ok, false), (second.Kind, second.Changed));
        Assert.True(second.Version > first.Version, $"{second.Version} after {first.Version}");
        Assert.Equal("2", Text((await Client.GetAsync(Name(kind), "set/a")).Outcome.Value));
    }

    [Fact]
    [Trait("Scenario", "client_set")]
    public async Task Of_many_who_put_at_one_version_one_wins_and_the_others_learn_the_version()
    {
        var old = (await Client.PutAsync("raft", "set/race", "0")).Outcome.Version;
        var racers = Enumerable
            .Range(0, 30)
            .Select(i =>
                Client.PutAsync("raft", "set/race", $"{i}", condition: WriteCondition.IfVersion(old)).AsTask()
            );

        var outcomes = (await Task.WhenAll(racers)).Select(racer => racer.Outcome).ToList();

        var winner = Assert.Single(outcomes, outcome => outcome.Kind == OutcomeKind.Ok);
        Assert.All(
            outcomes.Where(outcome => outcome != winner),
            loser => Assert.Equal((OutcomeKind.PreconditionFailed, winner.Version), (loser.Kind, loser.Version))
        );
    }

    [Theory, MemberData(nameof(Kinds), MemberType = typeof(ConnectedClient))]
    [Trait("Scenario", "client_delete")]
    public async Task A_delete_removes_what_is_there_and_succeeds_where_nothing_is(ReplicationKind kind)
    {
        var keyspace = Name(kind);
        Assert.Equal(OutcomeKind.Ok, (await Client.PutAsync(keyspace, "delete/a", "1")).Outcome.Kind);

        var first = (await Client.DeleteAsync(keyspace, "delete/a")).Outcome;
        var second = (await Client.DeleteAsync(keyspace, "delete/a")).Outcome;

        Assert.Equal((OutcomeKind.Ok, true), (first.Kind, first.Changed));
        Assert.Equal((OutcomeKind.Ok, false), (second.Kind, second.Changed));
        Assert.Equal((OutcomeKind.NotFound, 0), await KindAndLengthAsync(keyspace, "delete/a"));
    }

    [Fact]
    [Trait("Scenario", "client_delete")]
    public async Task A_delete_at_another_version_changes_nothing()
    {
        var old = (await Client.PutAsync("raft", "delete/b", "1")).Outcome.Version;
        var current = (await Client.PutAsync("raft", "delete/b", "2")).Outcome.Version;

        var refused = await Client.DeleteAsync("raft", "delete/b", WriteCondition.IfVersion(old));
        Assert.Equal((OutcomeKind.PreconditionFailed, current), (refused.Outcome.Kind, refused.Outcome.Version));
        Assert.Equal("2", Text((await Client.GetAsync("raft", "delete/b")).Outcome.Value));
        var done = await Client.DeleteAsync("raft", "delete/b", WriteCondition.IfVersion(current));
        Assert.Equal(OutcomeKind.Ok, done.Outcome.Kind);
    }

    [Theory, MemberData(nameof(Kinds), MemberType = typeof(ConnectedClient))]
    [Trait("Scenario", "client_scan")]
    public async Task Pages_by_prefix_and_range_in_both_directions_hold_each_key_once_and_in_order(ReplicationKind kind)
    {
        var keyspace = Name(kind);
        // Without the delimiter, so that every key may lie in another shard.
        var keys = Enumerable.Range(0, 70).Select(i => $"scan-{i:D3}").ToList();
        var puts = await Client.ExecuteBatchAsync(keyspace, [.. keys.Select(key => Put(key, key))], atomic: false);
        Assert.All(puts, put => Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind));
        await AllAreListedAsync(keyspace, keys);

        var inRange = keys.GetRange(10, 40);
        var range = new ScanQuery
        {
            Start = Bytes(keys[10]),
            End = Bytes(keys[50]),
            EntriesMax = 7,
        };
        Assert.Equal(keys, await ListAsync(keyspace, new() { Prefix = Bytes("scan-"), EntriesMax = 9 }));
        Assert.Equal(inRange, await ListAsync(keyspace, range));
        Assert.Equal(Enumerable.Reverse(inRange), await ListAsync(keyspace, range with { Reverse = true }));
        var page = await Client.ScanAsync(keyspace, range with { KeysOnly = true });
        Assert.Equal((7, true), (page.Entries.Count, page.More));
        Assert.All(page.Entries, entry => Assert.Equal(0, entry.Entry.Value.Length));
    }

    [Theory, MemberData(nameof(Kinds), MemberType = typeof(ConnectedClient))]
    [Trait("Scenario", "client_batch_operations")]
    public async Task A_batch_over_all_shards_answers_each_item_in_its_place(ReplicationKind kind)
    {
        var keyspace = Name(kind);
        var keys = Enumerable.Range(0, 40).Select(i => $"batch-{i}").ToList();

        var puts = await Client.ExecuteBatchAsync(
            keyspace,
            [.. keys.Select(key => Put(key, key)), Put("batch-gone", "x")],
            atomic: false
        );
        var mixed = await Client.ExecuteBatchAsync(
            keyspace,
            [.. keys.Select(Get), Get("batch-absent"), Put("", "no key"), Delete("batch-gone")],
            atomic: false
        );

        Assert.All(puts, put => Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind));
        Assert.Equal(keys, mixed.Take(40).Select(get => Text(get.Outcome.Value)));
        Assert.Equal(
            [OutcomeKind.NotFound, OutcomeKind.Invalid, OutcomeKind.Ok],
            mixed.Skip(40).Select(item => item.Outcome.Kind)
        );
        Assert.Equal((OutcomeKind.NotFound, 0), await KindAndLengthAsync(keyspace, "batch-gone"));

        var emptied = await Client.ExecuteBatchAsync(
            keyspace,
            [.. keys.SelectMany(key => (Operation[])[Get(key), Put(key, "again"), Get(key), Delete(key), Get(key)])],
            atomic: false
        );
        Assert.Equal(
            keys.SelectMany(key => (string[])[key, "Ok", "again", "Ok", "NotFound"]),
            emptied.Select((item, at) => at % 5 is 0 or 2 ? Text(item.Outcome.Value) : item.Outcome.Kind.ToString())
        );
    }

    [Fact]
    [Trait("Scenario", "client_batch_operations")]
    public async Task An_atomic_batch_applies_as_a_whole_or_not_at_all()
    {
        var done = await Client.ExecuteBatchAsync("raft", [Put("atom/a", "1"), Put("atom/b", "1")], atomic: true);
        var version = done[0].Outcome.Version;
        var refused = await Client.ExecuteBatchAsync(
            "raft",
            [Put("atom/a", "2"), Put("atom/b", "2", WriteCondition.IfAbsent), Put("atom/c", "2")],
            atomic: true
        );

        Assert.All(done, item => Assert.Equal(OutcomeKind.Ok, item.Outcome.Kind));
        Assert.All(refused, item => Assert.Equal(OutcomeKind.PreconditionFailed, item.Outcome.Kind));
        var read = (await Client.GetAsync("raft", "atom/a")).Outcome;
        Assert.Equal(("1", version), (Text(read.Value), read.Version));
        Assert.Equal("1", Text((await Client.GetAsync("raft", "atom/b")).Outcome.Value));
        Assert.Equal((OutcomeKind.NotFound, 0), await KindAndLengthAsync("raft", "atom/c"));
    }

    [Fact]
    [Trait("Scenario", "client_batch_operations")]
    public async Task An_atomic_batch_over_two_shards_or_without_a_leader_is_refused_as_a_whole()
    {
        var apart = Enumerable.Range(0, 50).Select(i => Put($"apart-{i}", "1")).ToList();

        var tooWide = await Client.ExecuteBatchAsync("raft", apart, atomic: true);
        var leaderless = await Client.ExecuteBatchAsync("quorum", [Put("atom/a", "1")], atomic: true);

        Assert.All([.. tooWide, .. leaderless], item => Assert.Equal(OutcomeKind.Invalid, item.Outcome.Kind));
        Assert.Equal((OutcomeKind.NotFound, 0), await KindAndLengthAsync("raft", "apart-0"));
        Assert.Equal((OutcomeKind.NotFound, 0), await KindAndLengthAsync("quorum", "atom/a"));
    }

    static Operation Put(string key, string value, WriteCondition? condition = null) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Bytes(key),
            Value = Bytes(value),
            Condition = condition,
        };

    static Operation Get(string key) => new() { Kind = OperationKind.Get, Key = Bytes(key) };

    static Operation Delete(string key) => new() { Kind = OperationKind.Delete, Key = Bytes(key) };

    async Task<(OutcomeKind Kind, int Bytes)> KindAndLengthAsync(string keyspace, string key)
    {
        var read = (await Client.GetAsync(keyspace, key, cancellationToken: OfTest)).Outcome;
        return (read.Kind, read.Value.Length);
    }

    /// <summary>A listing of a leaderless keyspace may be read from a replica that a write has not reached yet.</summary>
    Task<TimeSpan> AllAreListedAsync(string keyspace, List<string> keys) =>
        Testing.Processes.Poll.UntilAsync(
            $"every replica of {keyspace} lists all keys",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                var listings = await Task.WhenAll(
                    Enumerable.Range(0, 10).Select(_ => ListAsync(keyspace, new() { Prefix = Bytes("scan-") }))
                );
                return listings.All(listing => listing.SequenceEqual(keys));
            }
        );

    async Task<List<string>> ListAsync(string keyspace, ScanQuery query)
    {
        List<string> listed = [];
        while (true)
        {
            var page = await Client.ScanAsync(keyspace, query, OfTest);
            Assert.Equal(OutcomeKind.Ok, page.Kind);
            Assert.All(page.Entries, entry => Assert.Equal(entry.Key.ToArray(), entry.Entry.Value.ToArray()));
            listed.AddRange(page.Entries.Select(entry => Text(entry.Key)));
            if (!page.More)
                return listed;
            query = query with { After = page.Entries[^1].Key };
        }
    }
}
