using System.Text;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class BatchTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private IExapyteClient Client => nodes.Cluster.Patient();

    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_item_sees_what_stands_before_it_and_nothing_behind_it(bool atomic)
    {
        await nodes.Cluster.Create("order", new() { Shards = 1 });
        await Client.PutAsync("order", $"d{atomic}", "old", cancellationToken: OfTest);

        var results = await Client.ExecuteBatchAsync(
            "order",
            [
                Get($"d{atomic}"),
                Put($"d{atomic}", "new"),
                Get($"d{atomic}"),
                Get($"e{atomic}"),
                Put($"e{atomic}", "x"),
                new() { Kind = OperationKind.Delete, Key = Encoding.UTF8.GetBytes($"e{atomic}") },
                Get($"e{atomic}"),
            ],
            atomic,
            OfTest
        );

        Assert.Equal(
            ["old", "", "new", "NotFound", "", "", "NotFound"],
            results.Select(result => TextOf(result.Outcome))
        );
        Assert.Equal(results[1].Outcome.Version, results[2].Outcome.Version);
    }

    [Theory]
    [InlineData(ConsistencyLevel.Default, false)]
    [InlineData(ConsistencyLevel.Default, true)]
    [InlineData(ConsistencyLevel.Eventual, false)]
    public async Task Reads_of_an_atomic_batch_see_one_state(ConsistencyLevel level, bool writes)
    {
        await nodes.Cluster.Create("torn", new() { Shards = 1 });
        await Client.ExecuteBatchAsync("torn", [Put("a", "0"), Put("b", "0")], atomic: true, OfTest);
        var reading = true;
        var writing = Task.Run(
            async () =>
            {
                for (var i = 1; Volatile.Read(ref reading); i++)
                {
                    await Client.ExecuteBatchAsync("torn", [Put("a", $"{i}"), Put("b", $"{i}")], atomic: true, OfTest);
                }
            },
            OfTest
        );
        Operation[] reads = [Get("a") with { Level = level }, Get("b") with { Level = level }];
        for (var round = 0; round < 500; round++)
        {
            var results = await Client.ExecuteBatchAsync(
                "torn",
                writes ? [Put("c", "x"), .. reads] : reads,
                atomic: true,
                OfTest
            );
            Assert.Equal(TextOf(results[^2].Outcome), TextOf(results[^1].Outcome));
        }
        Volatile.Write(ref reading, false);
        await writing;
    }

    [Fact]
    public async Task A_version_of_a_deleted_keyspace_means_nothing_in_one_of_the_same_name()
    {
        await nodes.Cluster.Create("again", new() { Shards = 1 });
        var first = (await Client.PutAsync("again", "a", "first", cancellationToken: OfTest)).Outcome.Version;
        await Client.DeleteKeyspaceAsync("again", OfTest);
        await nodes.Cluster.Create("again", new() { Shards = 1 });
        var second = (await Client.PutAsync("again", "a", "second", cancellationToken: OfTest)).Outcome.Version;

        Assert.Equal(first.Revision, second.Revision);
        Assert.NotEqual(first.ToString(), second.ToString());
        var lost = await Client.PutAsync(
            "again",
            "a",
            "lost",
            condition: WriteCondition.IfVersion(first),
            cancellationToken: OfTest
        );
        Assert.Equal((OutcomeKind.PreconditionFailed, second), (lost.Outcome.Kind, lost.Outcome.Version));
        var listed = await Client.ScanAsync("again", new(), OfTest);
        Assert.Equal(second, listed.Entries.Single().Entry.Version);
        var head = await Client.ExecuteAsync("again", Get("a") with { Kind = OperationKind.Head }, OfTest);
        Assert.Equal(second, head.Outcome.Version);
        var kept = await Client.PutAsync(
            "again",
            "a",
            "kept",
            condition: WriteCondition.IfVersion(second),
            cancellationToken: OfTest
        );
        Assert.Equal(OutcomeKind.Ok, kept.Outcome.Kind);
    }

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Quorum)]
    [InlineData(ReplicationKind.Async)]
    public async Task A_put_tells_when_its_entry_ends_as_a_get_does(ReplicationKind kind)
    {
        var keyspace = ThreeNodes.Name(kind);
        var alone = await Client.ExecuteAsync(keyspace, Put("ends/1", "x") with { TtlMs = 600_000 }, OfTest);
        var batch = await Client.ExecuteBatchAsync(
            keyspace,
            [Put("ends/2", "x") with { TtlMs = 600_000 }, Put("stays", "x")],
            atomic: false,
            OfTest
        );

        Assert.NotEqual(0, alone.Outcome.ExpiresMs);
        Assert.Equal((await Client.GetAsync(keyspace, "ends/1")).Outcome.ExpiresMs, alone.Outcome.ExpiresMs);
        Assert.Equal((await Client.GetAsync(keyspace, "ends/2")).Outcome.ExpiresMs, batch[0].Outcome.ExpiresMs);
        Assert.Equal(0, batch[1].Outcome.ExpiresMs);
    }

    [Fact]
    public async Task A_write_sent_again_under_its_id_tells_the_first_end_of_its_entry()
    {
        var put = Put("again", "x") with { TtlMs = 600_000, RequestId = "end" };
        var first = await Client.ExecuteAsync(ThreeNodes.Name(ReplicationKind.Raft), put, OfTest);
        var again = await Client.ExecuteAsync(ThreeNodes.Name(ReplicationKind.Raft), put, OfTest);
        Assert.Equal(
            (first.Outcome.ExpiresMs, first.Outcome.Version),
            (again.Outcome.ExpiresMs, again.Outcome.Version)
        );
        var longer = await Client.ExecuteAsync(
            ThreeNodes.Name(ReplicationKind.Raft),
            put with
            {
                TtlMs = 600_001,
            },
            OfTest
        );
        Assert.Equal(OutcomeKind.RequestIdReused, longer.Outcome.Kind);
    }

    private static string TextOf(OperationOutcome outcome) =>
        outcome.Kind == OutcomeKind.Ok ? Encoding.UTF8.GetString(outcome.Value.Span) : $"{outcome.Kind}";

    private static Operation Put(string key, string value) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
        };

    private static Operation Get(string key) => new() { Kind = OperationKind.Get, Key = Encoding.UTF8.GetBytes(key) };
}
