using System.Text;
using System.Text.Json;
using CsCheck;
using Exapyte.Queries.Indexes;

namespace Exapyte.Queries.Tests;

/// <summary>Which rows of an index a condition's entries can have.</summary>
public sealed class IndexUseTests
{
    static readonly IndexShape s_cityAge = Shape("doc.city", "doc.age");

    [Theory]
    [InlineData("doc.city == 'Bonn'", "Bonn")]
    [InlineData("'Bonn' == doc['city'] && doc.size > 3", "Bonn")]
    [InlineData("doc.city in ['Ulm', 'Bonn', 'Ulm']", "Bonn | Ulm")]
    [InlineData("doc.city == @c && doc.age >= 18", "P 18..")]
    [InlineData("doc.city == 'Bonn' && 18 < doc.age && doc.age <= 30", "Bonn 18..30")]
    [InlineData("doc.city == 'Bonn' && doc.age > -5", "Bonn -5..")]
    [InlineData("doc.city in ['Bonn', 'Ulm'] && doc.age in [1, 1.0, 2]", "Bonn,1 | Bonn,2 | Ulm,1 | Ulm,2")]
    [InlineData("doc.city.startsWith('Bo')", "Bo*")]
    [InlineData("doc.city >= 'B' && doc.city < 'C'", "B..C")]
    [InlineData("doc.city == null", "null")]
    [InlineData("doc.city in []", "")]
    [InlineData("doc.city > 'C' && doc.city < 'B'", "")]
    [InlineData("doc.age == 3", null)]
    [InlineData("doc.city != 'Bonn'", null)]
    [InlineData("doc.city == ['Bonn']", null)]
    [InlineData("doc.city in ['Bonn', []]", null)]
    [InlineData("doc.city == 'Bonn' || doc.age == 3", null)]
    [InlineData("!(doc.city == 'Bonn')", null)]
    [InlineData("doc['city.x'] == 'Bonn'", null)]
    [InlineData("doc.city == doc.town", null)]
    [InlineData("'Bonn' in doc.city", null)]
    [InlineData("doc.city < null", null)]
    public void An_index_over_city_and_age_answers_by_the_ranges_that_follow(string where, string? expected)
    {
        var plan = QueryPlan.Compile(new() { Where = where, Parameters = Evaluated.Parameters("""{"c":"P"}""") });
        Assert.Equal(expected, plan.UseOf(s_cityAge) is { } use ? Shown(use) : null);
    }

    [Fact]
    public void The_index_that_decides_more_of_the_condition_comes_first_and_one_key_needs_none()
    {
        IndexShape[] shapes = [Shape("doc.age"), Shape("doc.city"), s_cityAge];
        var plan = QueryPlan.Compile(new() { Where = "doc.city == 'Bonn' && doc.age > 3" });
        Assert.Equal(["doc.city,doc.age", "doc.city", "doc.age"], plan.UsesOf(shapes).Select(use => use.Index.Name));
        Assert.Empty(QueryPlan.Compile(new() { Where = "key == 'k' && doc.age > 3" }).UsesOf(shapes));
        Assert.Empty(QueryPlan.Compile(new()).UsesOf(shapes));
    }

    [Fact]
    public void Too_many_values_narrow_by_fewer_paths()
    {
        var many = string.Join(", ", Enumerable.Range(0, 300));
        var plan = QueryPlan.Compile(new() { Where = $"doc.city == 'Bonn' && doc.age in [{many}]" });
        Assert.Equal("Bonn", Shown(plan.UseOf(s_cityAge)!));
        Assert.Null(QueryPlan.Compile(new() { Where = $"doc.city in [{many}]" }).UseOf(s_cityAge));
    }

    [Fact]
    public void Whatever_the_condition_a_document_for_which_it_is_true_has_a_row_in_one_range()
    {
        long used = 0;
        long matched = 0;
        Gen.Int.Sample(
            seed =>
            {
                var random = new Random(seed);
                var where = string.Join(" && ", Enumerable.Range(0, random.Next(1, 4)).Select(_ => Term(random)));
                var shape = Shape([.. Paths(random)]);
                var plan = QueryPlan.Compile(new() { Where = where });
                if (plan.UseOf(shape) is not { } use)
                {
                    return;
                }
                Interlocked.Increment(ref used);
                var reader = new IndexReader(shape.Paths);
                for (var i = 0; i < 60; i++)
                {
                    var document = Document(random);
                    if (!Evaluated.With(Evaluated.Entry(document), where).IsTrue)
                    {
                        continue;
                    }
                    Interlocked.Increment(ref matched);
                    Assert.True(
                        reader.TryRead(Encoding.UTF8.GetBytes(document), out var values),
                        $"{where}\n{document}"
                    );
                    Assert.True(IsIn(use, values), $"{where}\n{document}\n{Shown(use)}");
                }
            },
            iter: 5_000
        );
        Assert.True(used > 1_000 && matched > 1_500, $"The generator says too little: {used} used, {matched} matched.");
    }

    static bool IsIn(IndexUse use, ReadOnlySpan<byte> values)
    {
        foreach (var range in use.Ranges)
        {
            if (values.SequenceCompareTo(range.Start.Span) >= 0 && values.SequenceCompareTo(range.End.Span) < 0)
            {
                return true;
            }
        }
        return false;
    }

    static IEnumerable<string> Paths(Random random) =>
        ((string[])["doc.a", "doc.b", "doc.c.d"]).OrderBy(_ => random.Next()).Take(random.Next(1, 4));

    static string Term(Random random)
    {
        var path = ((string[])["doc.a", "doc.b", "doc.c.d"])[random.Next(3)];
        return random.Next(8) switch
        {
            0 or 1 => $"{path} == {Literal(random)}",
            2 => $"{path} in [{Literal(random)}, {Literal(random)}, {Literal(random)}]",
            3 => $"{path}.startsWith({Text(random)})",
            4 => $"{Literal(random)} {Ordering(random)} {path}",
            5 => $"({path} == {Literal(random)} || {path} {Ordering(random)} {Literal(random)})",
            _ => $"{path} {Ordering(random)} {Literal(random)}",
        };
    }

    static string Ordering(Random random) => ((string[])["<", "<=", ">", ">="])[random.Next(4)];

    static string Literal(Random random) =>
        random.Next(9) switch
        {
            0 => "null",
            1 => random.Next(2) == 0 ? "true" : "false",
            2 or 3 => Text(random),
            4 => "9007199254740993",
            5 => "9007199254740992.0",
            6 => $"{random.Next(-3, 4)}.5",
            _ => $"{random.Next(-3, 4)}",
        };

    static string Text(Random random) =>
        JsonSerializer.Serialize(
            random.Next(6) switch
            {
                0 => new string('x', random.Next(126, 131)),
                1 => new string('x', 128) + "y",
                _ => ((string[])["", "a", "ab", "b", "\0", "a\0"])[random.Next(6)],
            }
        );

    static string Document(Random random) =>
        $$"""{"a":{{Json(random)}},"b":{{Json(random)}},"c":{{(random.Next(6) == 0 ? "7" : $$"""{"d":{{Json(random)}}}""")}}}""";

    static string Json(Random random) =>
        random.Next(10) switch
        {
            0 => "[1]",
            1 => "{}",
            _ => Literal(random),
        };

    static IndexShape Shape(params string[] paths) => new(string.Join(',', paths), [.. paths.Select(IndexPath.Parse)]);

    static string Shown(IndexUse use) => string.Join(" | ", use.Ranges.Select(Shown));

    static string Shown(IndexRange range)
    {
        List<string> parts = [string.Join(',', range.Equal.Select(value => value.ToString().Trim('"')))];
        if (!range.StartsWith.IsUnknown)
        {
            parts.Add($"{range.StartsWith.Text}*");
        }
        else if (!range.From.IsUnknown || !range.To.IsUnknown)
        {
            parts.Add($"{Bound(range.From)}..{Bound(range.To)}");
        }
        return string.Join(' ', parts.Where(part => part.Length > 0));
    }

    static string Bound(in Values.Value value) => value.IsUnknown ? "" : value.ToString().Trim('"');
}
