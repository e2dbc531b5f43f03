using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Exapyte.Queries.Documents;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Tests;

/// <summary>Rows, orders, groups and pages.</summary>
public sealed class RunTests
{
    static readonly string[] s_people =
    [
        """{"name":"Ada","age":36,"city":"London"}""",
        """{"name":"Bob","age":25,"city":"Paris"}""",
        """{"name":"Cy","age":25.0,"city":"London"}""",
        """{"name":"Di","city":null}""",
        """{"name":"Ed","age":"old","city":["x"]}""",
        "no json",
    ];

    [Fact]
    public void Whole_entries_come_in_the_order_of_keys() =>
        Assert.Equal(["k0", "k2"], Keys(new() { Where = "doc.city == 'London'" }));

    [Fact]
    public void A_selection_leaves_out_what_has_no_value() =>
        Assert.Equal(
            ["""{"n":"Cy","twice":50}""", """{"n":"Di"}"""],
            Rows(
                new()
                {
                    Where = "doc.name in ['Cy', 'Di']",
                    Select = [new("n", "doc.name"), new("twice", "doc.age * 2")],
                }
            )
        );

    [Fact]
    public void Rows_are_ordered_by_type_then_value_then_key_and_what_has_no_value_comes_last()
    {
        Assert.Equal(["k1", "k2", "k0", "k4", "k3", "k5"], Keys(new() { OrderBy = [new("doc.age", false)] }));
        Assert.Equal(["k4", "k0", "k1", "k2", "k3", "k5"], Keys(new() { OrderBy = [new("doc.age", true)] }));
        Assert.Equal(["k3", "k0", "k2", "k1", "k4", "k5"], Keys(new() { OrderBy = [new("doc.city", false)] }));
        Assert.Equal(
            ["k3", "k2", "k0", "k1", "k4", "k5"],
            Keys(new() { OrderBy = [new("doc.city", false), new("doc.name", true)] })
        );
    }

    [Fact]
    public void Groups_come_in_order_with_unknown_as_null_and_numbers_equal_across_types() =>
        Assert.Equal(
            [
                """{"group":[25],"n":2,"least":"Bob"}""",
                """{"group":[36],"n":1,"least":"Ada"}""",
                """{"group":["old"],"n":1,"least":"Ed"}""",
                """{"group":[null],"n":2,"least":"Di"}""",
            ],
            Rows(new() { GroupBy = ["doc.age"], Aggregates = [new("n", "count()"), new("least", "min(doc.name)")] })
        );

    [Fact]
    public void Aggregates_pass_over_what_is_no_number()
    {
        var query = new Query
        {
            Aggregates =
            [
                new("all", "count()"),
                new("aged", "count(doc.age)"),
                new("sum", "sum(doc.age)"),
                new("avg", "avg(doc.age)"),
                new("min", "min(doc.age)"),
                new("max", "max(doc.age)"),
            ],
        };
        Assert.Equal(["""{"all":6,"aged":4,"sum":86,"avg":28.666666666666668,"min":25,"max":"old"}"""], Rows(query));
    }

    [Fact]
    public void Without_groups_there_is_one_row_also_of_nothing() =>
        Assert.Equal(
            ["""{"n":0,"sum":0,"avg":null,"min":null}"""],
            Rows(
                new()
                {
                    Where = "false",
                    Aggregates =
                    [
                        new("n", "count()"),
                        new("sum", "sum(1)"),
                        new("avg", "avg(1)"),
                        new("min", "min(1)"),
                    ],
                }
            )
        );

    [Fact]
    public void A_sum_beyond_64_bits_has_no_value_unless_later_entries_bring_it_back()
    {
        string[] documents = ["9223372036854775807", "1"];
        Assert.Equal(["""{"s":null}"""], Rows(new() { Aggregates = [new("s", "sum(doc)")] }, documents));
        Assert.Equal(
            ["""{"s":9223372036854775807}"""],
            Rows(new() { Aggregates = [new("s", "sum(doc)")] }, [.. documents, "-1"])
        );
    }

    [Fact]
    public void Keys_that_cannot_match_are_known_before()
    {
        Assert.Equal(("users/", "users0"), IntervalOf("key.startsWith('users/') && doc.a == 1"));
        Assert.Equal(("b", "c\0"), IntervalOf("key >= 'b' && 'c' >= key && key != 'x'"));
        Assert.Equal(("b\0", "c"), IntervalOf("key > 'b' && key < 'c'"));
        Assert.Equal(("b", "b\0"), IntervalOf("key == @p", """{"p":"b"}"""));
        Assert.Equal(("", null), IntervalOf("key == 'b' || doc.a == 1"));
        Assert.Equal(("", null), IntervalOf("!(key == 'b')"));
        Assert.True(QueryPlan.Compile(new() { Where = "key > 'b' && key < 'a'" }).Keys.IsEmpty);
    }

    [Fact]
    public void The_paths_to_index_are_those_compared_for_equality_then_one_for_order()
    {
        static IReadOnlyList<string> Of(string where) => QueryPlan.Compile(new() { Where = where }).PathsToIndex;
        Assert.Equal(["doc.city", "doc.age"], Of("doc.age > 3 && doc.city == 'x' && doc.name < 'y'"));
        Assert.Equal(["doc.a.b"], Of("doc.a.b in [1, 2]"));
        Assert.Equal(["doc.name"], Of("doc.name.startsWith('A')"));
        Assert.Empty(Of("doc.a == doc.b || doc.c == 1"));
    }

    [Fact]
    public void Pages_put_together_are_the_whole_in_every_kind_of_query()
    {
        Query[] queries =
        [
            new() { Where = "doc.a != 2" },
            new() { Select = [new("k", "key")], OrderBy = [new("doc.a", true), new("doc.b", false)] },
            new() { OrderBy = [new("doc.b", false)] },
            new() { GroupBy = ["doc.a", "doc.b"], Aggregates = [new("n", "count()")] },
        ];
        Gen.Int.Sample(
            seed =>
            {
                var oracle = new Oracle(new Random(seed));
                var documents = Enumerable.Range(0, 30).Select(_ => oracle.Document()).ToArray();
                var limit = 1 + (int)((uint)seed % 7);
                foreach (var query in queries)
                {
                    var whole = Rows(query with { RowsMax = 1_000 }, documents);
                    Assert.Equal(whole, Paged(query with { RowsMax = limit }, documents));
                }
            },
            iter: 300
        );
    }

    [Fact]
    public void An_order_by_random_values_is_that_of_the_values()
    {
        // The type's rank, then the value, then the key: computed the plain way over parsed documents.
        Gen.Int.Sample(
            seed =>
            {
                var random = new Random(seed);
                var documents = Enumerable
                    .Range(0, 25)
                    .Select(_ =>
                        random.Next(6) switch
                        {
                            0 => "null",
                            1 => "true",
                            2 => "false",
                            3 => $"{random.Next(5)}",
                            4 => $"\"{(char)('a' + random.Next(4))}\"",
                            _ => "{",
                        }
                    )
                    .ToArray();
                var expected = documents
                    .Select((json, at) => (Rank: RankOf(json), Json: json, Key: $"k{at:00}"))
                    .OrderBy(item => item.Rank)
                    .ThenBy(item => item.Json, StringComparer.Ordinal)
                    .ThenBy(item => item.Key, StringComparer.Ordinal)
                    .Select(item => item.Key);
                Assert.Equal(expected, Keys(new() { OrderBy = [new("doc", false)] }, documents, "k00"));
            },
            iter: 200
        );
        static int RankOf(string json) =>
            json switch
            {
                "null" => 0,
                "true" or "false" => 1,
                "{" => 9,
                _ when json[0] == '"' => 3,
                _ => 2,
            };
    }

    [Fact]
    public void A_page_of_large_rows_ends_early_and_the_next_goes_on()
    {
        var large = $"\"{new string('x', 1 << 20)}\"";
        string[] documents = [large, large, large, large, large, large];
        Assert.Equal(6, Paged(new() { RowsMax = 100 }, documents).Count);
        Assert.Equal(6, Paged(new() { RowsMax = 100, OrderBy = [new("key", true)] }, documents).Count);
        Assert.True(Page(new() { RowsMax = 100 }, documents, default).Rows.Count < 6);
        Assert.True(Page(new() { RowsMax = 100, OrderBy = [new("key", true)] }, documents, default).Rows.Count < 6);
    }

    [Fact]
    public void A_place_that_no_page_ended_at_is_refused()
    {
        var plan = QueryPlan.Compile(new() { OrderBy = [new("key", false)] });
        Assert.Throws<FormatException>(() => plan.Start<string>(new byte[] { 9, 9 }));
        Assert.Throws<FormatException>(() => plan.Start<string>(new byte[] { 1 }));
    }

    static (string Start, string? End) IntervalOf(string where, string? parameters = null)
    {
        var keys = QueryPlan.Compile(new() { Where = where, Parameters = Evaluated.Parameters(parameters) }).Keys;
        return (
            Encoding.UTF8.GetString(keys.Start.Span),
            keys.End is { } end ? Encoding.UTF8.GetString(end.Span) : null
        );
    }

    static List<string> Keys(Query query, string[]? documents = null, string format = "k0") =>
        [.. Page(query with { RowsMax = 1_000 }, documents ?? s_people, default, format).Rows.Select(row => row.Item!)];

    static List<string> Rows(Query query, string[]? documents = null) =>
        [.. Page(query, documents ?? s_people, default).Rows.Select(Text)];

    static List<string> Paged(Query query, string[] documents)
    {
        List<string> rows = [];
        ReadOnlyMemory<byte> after = default;
        do
        {
            var page = Page(query, documents, after);
            Assert.True(page.Rows.Count <= query.RowsMax);
            rows.AddRange(page.Rows.Select(Text));
            after = page.End;
        } while (!after.IsEmpty);
        return rows;
    }

    static string Text(Execution.QueryRow<string> row) => row.Item ?? Encoding.UTF8.GetString(row.Json.Span);

    static Execution.QueryResult<string> Page(
        Query query,
        string[] documents,
        ReadOnlyMemory<byte> after,
        string format = "k0"
    )
    {
        var run = QueryPlan.Compile(query).Start<string>(after);
        var digits = new string('0', format.Length - 1);
        var entries = documents
            .Select((json, at) => Evaluated.Entry(json, "k" + at.ToString(digits)))
            .OrderBy(entry => Encoding.UTF8.GetString(entry.Key.Span), StringComparer.Ordinal);
        var isWhole = true;
        foreach (var entry in entries)
        {
            if (run.AfterKey is { } behind && entry.Key.Span.SequenceCompareTo(behind.Span) <= 0)
            {
                continue;
            }
            if (run.IsFull)
            {
                isWhole = false;
                break;
            }
            run.Add(entry, Encoding.UTF8.GetString(entry.Key.Span));
        }
        return run.Finish(isWhole);
    }
}
