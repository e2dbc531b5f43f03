using System.Text;
using Exapyte.Client;
using Exapyte.Client.Queries;
using Exapyte.Grains.Tests.Indexes;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Queries;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Indexes and queries by them over real shards.</summary>
public sealed class IndexedQueryTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private static readonly string Raft = ThreeNodes.Name(ReplicationKind.Raft);
    private static readonly KeyspaceIndex ByCity = IndexedShard.Index("by-city", "doc.city", "doc.age");
    private static readonly KeyspaceIndex ByAge = IndexedShard.Index("by-age", "doc.age");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Scenario", "data_plane_process_query")]
    [Trait("Scenario", "client_query")]
    public async Task An_index_is_built_while_entries_are_written_and_then_every_node_answers_by_it_what_a_scan_does()
    {
        var client = nodes.Cluster.Client();
        var generator = new GeneratedPeople(seed: 3);
        for (var part = 0; part < 4; part++)
        {
            if (part == 2)
            {
                await PutIndexes(ByCity, ByAge);
            }
            Operation[] puts =
            [
                .. Enumerable
                    .Range(part * 100, 100)
                    .Select(i => IndexedShard.PutOf($"p{i % 350:000}", generator.Person().Json)),
            ];
            foreach (var write in await client.ExecuteBatchAsync(Raft, puts, atomic: false, Cancellation))
            {
                Assert.Equal(OutcomeKind.Ok, write.Outcome.Kind);
            }
        }
        await Eventually.Holds(() => AreReady("by-city", "by-age"), "both indexes are ready on every shard");

        var byIndex = 0;
        for (var i = 0; i < 150; i++)
        {
            var plan = QueryPlan.Compile(new() { Where = generator.Filter().Text, RowsMax = 1_000 });
            var node = nodes.Cluster.Client($"n{(i % 3) + 1}");
            var indexed = await node.QueryAsync(Raft, plan, new(), Cancellation);
            var scanned = await node.QueryAsync(Raft, plan, new() { WithoutIndex = true }, Cancellation);
            Assert.Equal((OutcomeKind.Ok, OutcomeKind.Ok), (indexed.Kind, scanned.Kind));
            Assert.Equal(KeysOf(scanned), KeysOf(indexed));
            Assert.Null(scanned.Index);
            byIndex += indexed.Index is null ? 0 : 1;
        }
        Assert.True(byIndex > 30, $"Only {byIndex} of 150 queries went by an index.");

        await AnswersAlike();
        await DropsWhatIsNotWanted();
    }

    /// <summary>Projections, orders, groups and their pages do not depend on whether there is an index.</summary>
    private async Task AnswersAlike()
    {
        var all = new Query { Where = "doc.city in ['Bonn', 'Berlin', 'Ulm'] && doc.age >= 3", RowsMax = 7 };
        Query[] queries =
        [
            all,
            all with
            {
                Select = [new("k", "key"), new("c", "doc.city")],
            },
            all with
            {
                Select = [new("k", "key")],
                OrderBy = [new("doc.age", Descending: true), new("doc.city", Descending: false)],
            },
            all with
            {
                GroupBy = ["doc.city"],
                Aggregates = [new("n", "count()"), new("most", "max(doc.age)"), new("sum", "sum(doc.age)")],
            },
        ];
        foreach (var query in queries)
        {
            var plan = QueryPlan.Compile(query);
            var (indexed, index) = await RowsOf(plan, withoutIndex: false);
            var (scanned, none) = await RowsOf(plan, withoutIndex: true);
            Assert.NotEmpty(scanned);
            Assert.Equal(scanned, indexed);
            Assert.Equal(("by-city", null), (index, none));
        }
    }

    private async Task<(List<string> Rows, string? Index)> RowsOf(QueryPlan plan, bool withoutIndex)
    {
        List<string> rows = [];
        var options = new QueryOptions { WithoutIndex = withoutIndex };
        while (true)
        {
            var page = await nodes.Cluster.Client("n2").QueryAsync(Raft, plan, options, Cancellation);
            Assert.Equal(OutcomeKind.Ok, page.Kind);
            rows.AddRange(
                page.Rows.Select(row => Encoding.UTF8.GetString(row.Item is { } item ? item.Key.Span : row.Json.Span))
            );
            if (page.End.IsEmpty)
            {
                return (rows, page.Index);
            }
            options = options with { After = page.End, KeyspaceId = page.KeyspaceId };
        }
    }

    private async Task DropsWhatIsNotWanted()
    {
        var plan = QueryPlan.Compile(new() { Where = "doc.age == 7" });
        await PutIndexes(ByCity);
        await Eventually.Holds(
            async () =>
                (await nodes.Cluster.Client().GetShardsAsync(Raft, Cancellation))!.All(shard =>
                    shard.Replicas.All(replica => replica.Indexes is [{ Name: "by-city", State: IndexState.Ready }])
                ),
            "every replica has the one index that is left"
        );
        var named = await nodes.Cluster.Client().QueryAsync(Raft, plan, new() { Index = "by-age" }, Cancellation);
        Assert.Equal(OutcomeKind.Invalid, named.Kind);
        Assert.Contains("by-age", named.Detail);
        var scanned = await nodes.Cluster.Client().QueryAsync(Raft, plan, new(), Cancellation);
        Assert.Equal((OutcomeKind.Ok, null), (scanned.Kind, scanned.Index));
    }

    private async Task PutIndexes(params KeyspaceIndex[] indexes)
    {
        var current = (await nodes.Cluster.Client().GetKeyspaceAsync(Raft, Cancellation)).Map!.Settings;
        var reply = await nodes
            .Cluster.Client()
            .PutKeyspaceAsync(Raft, current with { Indexes = new() { Items = indexes } }, Cancellation);
        Assert.Equal(indexes, reply.Map!.Settings.Indexes!.Items);
    }

    private async Task<bool> AreReady(params string[] names)
    {
        var shards = await nodes.Cluster.Client().GetShardsAsync(Raft, Cancellation);
        return names.All(name => IndexProgress.IsReady(name, shards!));
    }

    private static IEnumerable<string> KeysOf(QueryPage page) =>
        page.Rows.Select(row => Encoding.UTF8.GetString(row.Item!.Key.Span));
}
