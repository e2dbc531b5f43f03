using System.Text;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Queries;
using Exapyte.Queries.Documents;
using Exapyte.Queries.Indexes;

namespace Exapyte.Grains.Tests.Indexes;

/// <summary>Queries by an index, by a scan, and what they mean.</summary>
public sealed class GeneratedFilterTests
{
    private const int Filters = 5_000;
    private const int People = 250;

    private static readonly KeyspaceIndex[] Indexes =
    [
        IndexedShard.Index("by-city", "doc.city", "doc.age"),
        IndexedShard.Index("by-age", "doc.age"),
        IndexedShard.Index("by-score", "doc.score", "doc.active", "doc.city"),
        IndexedShard.Index("by-zip", "doc.address.zip"),
        IndexedShard.Index("by-active", "doc.active", "doc.score"),
    ];

    [Fact]
    [Trait("Scenario", "data_plane_process_query")]
    public void Five_thousand_filters_find_by_an_index_what_a_scan_finds_and_what_they_mean()
    {
        var generator = new GeneratedPeople(seed: 4711);
        using var shard = new IndexedShard();
        Dictionary<string, IReadOnlyDictionary<string, object>> people = new(StringComparer.Ordinal);
        for (var i = 0; i < People; i++)
        {
            if (i == People / 2)
            {
                shard.Define(Indexes);
                shard.Step(20);
            }
            var (json, values) = generator.Person();
            // Some are written twice, into the indexes and before them.
            var key = $"p{i % (People - 50):000}";
            shard.Put(key, json);
            people[key] = values;
        }
        shard.Finish();
        Assert.Equal(shard.Recomputed(), shard.Rows());

        IndexShape[] shapes = [.. Indexes.Select(IndexedShard.Shape)];
        var (byIndex, examined) = (0, 0L);
        for (var i = 0; i < Filters; i++)
        {
            var (text, isTrue) = generator.Filter();
            var plan = QueryPlan.Compile(new() { Where = text, RowsMax = 1_000 });
            string[] expected =
            [
                .. people
                    .Where(person => isTrue(person.Value))
                    .Select(person => person.Key)
                    .Order(StringComparer.Ordinal),
            ];
            Assert.True(expected.SequenceEqual(Run(plan, shard, null, out _)), $"a scan: {text}");
            foreach (var use in plan.UsesOf(shapes))
            {
                byIndex++;
                Assert.True(expected.SequenceEqual(Run(plan, shard, use, out var count)), $"{use.Index.Name}: {text}");
                examined += count;
            }
        }
        Assert.True(byIndex > Filters / 2, $"Only {byIndex} of {Filters} filters could go by an index.");
        Assert.True(examined < byIndex * (long)people.Count / 3, $"{examined} examined by {byIndex}.");
    }

    private static List<string> Run(QueryPlan plan, IndexedShard shard, IndexUse? use, out long examined)
    {
        var run = plan.Start<string>();
        var page = shard.Page(use);
        Assert.Equal(use is not null, page.ByIndex);
        Assert.False(page.More);
        foreach (var entry in page.Entries)
        {
            run.Add(ViewOf(entry), Encoding.UTF8.GetString(entry.Key.Span));
        }
        examined = run.Examined;
        return [.. run.Finish(isWhole: true).Rows.Select(row => row.Item!)];
    }

    private static EntryView ViewOf(ListedEntry entry) =>
        new()
        {
            Key = entry.Key,
            Value = entry.Entry.Value,
            Version = "v",
        };
}
