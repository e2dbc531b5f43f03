using System.Text;
using Bogus;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class DataPlaneTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    public static TheoryData<ReplicationKind> Kinds => [.. Enum.GetValues<ReplicationKind>()];

    private IExapyteClient Client => nodes.Cluster.Client();

    [Fact]
    [Trait("Scenario", "data_plane_initialization")]
    public async Task Once_a_node_is_ready_a_new_keyspace_serves_as_soon_as_it_is_created()
    {
        var client = nodes.Cluster.Client();
        await Testing.Clusters.Eventually.Holds(
            async () => (await client.GetReasonsNotReadyAsync(TestContext.Current.CancellationToken)).Count == 0,
            "The node is ready."
        );
        var created = await client.PutKeyspaceAsync("fresh", new(), TestContext.Current.CancellationToken);
        Assert.Equal(KeyspaceOutcome.Created, created.Outcome);
        Assert.Equal(OutcomeKind.Ok, (await Client.PutAsync("fresh", "a", "1")).Outcome.Kind);
        Assert.Equal(OutcomeKind.Ok, (await Client.GetAsync("fresh", "a")).Outcome.Kind);
    }

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "data_plane_process_get")]
    public async Task A_get_answers_value_version_type_and_expiry(ReplicationKind kind)
    {
        var keyspace = ThreeNodes.Name(kind);
        var put = await Client.ExecuteAsync(
            keyspace,
            new()
            {
                Kind = OperationKind.Put,
                Key = "get/1"u8.ToArray(),
                Value = "{\"a\":1}"u8.ToArray(),
                ContentType = "application/json",
                TtlMs = 600_000,
            },
            TestContext.Current.CancellationToken
        );

        var read = (await Client.GetAsync(keyspace, "get/1")).Outcome;

        Assert.Equal(OutcomeKind.Ok, read.Kind);
        Assert.Equal("{\"a\":1}", Encoding.UTF8.GetString(read.Value.Span));
        Assert.Equal("application/json", read.ContentType);
        Assert.Equal(put.Outcome.Version, read.Version);
        Assert.Equal(read.ModifiedMs + 600_000, read.ExpiresMs);
    }

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "data_plane_process_get")]
    public async Task A_get_of_nothing_says_so_and_of_an_unknown_keyspace_too(ReplicationKind kind)
    {
        Assert.Equal(OutcomeKind.NotFound, (await Client.GetAsync(ThreeNodes.Name(kind), "get/none")).Outcome.Kind);
        Assert.Equal(OutcomeKind.NoSuchKeyspace, (await Client.GetAsync("nowhere", "get/none")).Outcome.Kind);
    }

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "data_plane_process_set")]
    public async Task A_put_creates_then_overwrites_with_a_later_version(ReplicationKind kind)
    {
        var keyspace = ThreeNodes.Name(kind);
        var first = (await Client.PutAsync(keyspace, "set/1", "one")).Outcome;
        var second = (await Client.PutAsync(keyspace, "set/1", "two")).Outcome;

        Assert.Equal((OutcomeKind.Ok, true), (first.Kind, first.Changed));
        Assert.Equal((OutcomeKind.Ok, false), (second.Kind, second.Changed));
        Assert.True(second.Version > first.Version);
        Assert.Equal("two", Text((await Client.GetAsync(keyspace, "set/1")).Outcome));
    }

    [Fact]
    [Trait("Scenario", "data_plane_process_set")]
    public async Task A_conditional_put_applies_only_at_the_version_or_absence_it_names()
    {
        var created = (await Client.PutAsync("raft", "set/2", "1", condition: WriteCondition.IfAbsent)).Outcome;
        var again = (await Client.PutAsync("raft", "set/2", "2", condition: WriteCondition.IfAbsent)).Outcome;
        var replaced = (
            await Client.PutAsync("raft", "set/2", "3", condition: WriteCondition.IfVersion(created.Version))
        ).Outcome;

        Assert.Equal(OutcomeKind.Ok, created.Kind);
        Assert.Equal((OutcomeKind.PreconditionFailed, created.Version), (again.Kind, again.Version));
        Assert.Equal(OutcomeKind.Ok, replaced.Kind);
        Assert.Equal("3", Text((await Client.GetAsync("raft", "set/2")).Outcome));
    }

    [Fact]
    [Trait("Scenario", "data_plane_process_set")]
    public async Task One_of_many_that_race_to_create_an_entry_wins()
    {
        var racers = Enumerable
            .Range(0, 40)
            .Select(i =>
                nodes
                    .Cluster.Client($"n{(i % 3) + 1}")
                    .PutAsync("raft", "set/race", $"{i}", condition: WriteCondition.IfAbsent)
                    .AsTask()
            );

        var outcomes = await Task.WhenAll(racers);

        var winner = Assert.Single(outcomes, result => result.Outcome.Kind == OutcomeKind.Ok);
        Assert.All(
            outcomes.Where(result => result != winner),
            result => Assert.Equal(winner.Outcome.Version, result.Outcome.Version)
        );
    }

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "data_plane_process_set")]
    public async Task An_entry_that_was_put_with_a_lifetime_is_gone_after_it(ReplicationKind kind)
    {
        var keyspace = ThreeNodes.Name(kind);
        var put = await Client.PutAsync(keyspace, "set/ttl", "1", timeToLive: TimeSpan.FromMilliseconds(300));
        Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind);
        await Testing.Clusters.Eventually.Holds(
            async () => (await Client.GetAsync(keyspace, "set/ttl")).Outcome.Kind == OutcomeKind.NotFound,
            "The entry is hidden once it has expired."
        );
    }

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "data_plane_process_delete")]
    public async Task A_delete_removes_what_is_there_and_succeeds_where_nothing_is(ReplicationKind kind)
    {
        var keyspace = ThreeNodes.Name(kind);
        await Client.PutAsync(keyspace, "delete/1", "1");

        var first = (await Client.DeleteAsync(keyspace, "delete/1")).Outcome;
        var second = (await Client.DeleteAsync(keyspace, "delete/1")).Outcome;

        Assert.Equal((OutcomeKind.Ok, true), (first.Kind, first.Changed));
        Assert.Equal((OutcomeKind.Ok, false), (second.Kind, second.Changed));
        Assert.Equal(OutcomeKind.NotFound, (await Client.GetAsync(keyspace, "delete/1")).Outcome.Kind);
    }

    [Fact]
    [Trait("Scenario", "data_plane_process_delete")]
    public async Task A_conditional_delete_at_another_version_changes_nothing()
    {
        var put = (await Client.PutAsync("raft", "delete/2", "1")).Outcome;
        var other = WriteCondition.IfVersion(new(put.Version.Revision + 1_000));

        Assert.Equal(
            OutcomeKind.PreconditionFailed,
            (await Client.DeleteAsync("raft", "delete/2", condition: other)).Outcome.Kind
        );
        Assert.Equal("1", Text((await Client.GetAsync("raft", "delete/2")).Outcome));
        Assert.Equal(
            OutcomeKind.Ok,
            (await Client.DeleteAsync("raft", "delete/2", condition: WriteCondition.IfVersion(put.Version)))
                .Outcome
                .Kind
        );
    }

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "data_plane_process_scan")]
    public async Task Pages_over_all_shards_hold_every_key_once_and_in_order(ReplicationKind kind)
    {
        var keyspace = ThreeNodes.Name(kind);
        var names = new Faker { Random = new Randomizer(7) };
        var people = Enumerable.Range(0, 120).Select(_ => $"scan/{names.Internet.UserName()}").Distinct().ToArray();
        var client = Client;
        await Task.WhenAll(people.Select(key => client.PutAsync(keyspace, key, key).AsTask()));

        List<string> listed = [];
        ReadOnlyMemory<byte>? after = null;
        for (var more = true; more; )
        {
            var page = await Client.ScanAsync(
                keyspace,
                new()
                {
                    Prefix = "scan/"u8.ToArray(),
                    EntriesMax = 17,
                    After = after,
                },
                TestContext.Current.CancellationToken
            );
            Assert.Equal(OutcomeKind.Ok, page.Kind);
            listed.AddRange(page.Entries.Select(entry => Encoding.UTF8.GetString(entry.Key.Span)));
            after = page.Entries.Count > 0 ? page.Entries[^1].Key : after;
            more = page.More;
        }

        Assert.Equal(people.Order(StringComparer.Ordinal), listed);
    }

    [Fact]
    public async Task A_write_that_is_retried_with_its_request_id_applies_once()
    {
        var operation = new Operation
        {
            Kind = OperationKind.Put,
            Key = "once"u8.ToArray(),
            Value = "1"u8.ToArray(),
            RequestId = "request-1",
        };
        var first = (await Client.ExecuteAsync("raft", operation, TestContext.Current.CancellationToken)).Outcome;
        await Client.PutAsync("raft", "once", "2");
        var again = (
            await nodes.Cluster.Client("n3").ExecuteAsync("raft", operation, TestContext.Current.CancellationToken)
        ).Outcome;

        Assert.Equal((OutcomeKind.Ok, first.Version), (again.Kind, again.Version));
        Assert.Equal("2", Text((await Client.GetAsync("raft", "once")).Outcome));
    }

    private static string Text(OperationOutcome outcome) => Encoding.UTF8.GetString(outcome.Value.Span);
}
