using Exapyte.Queries.Evaluation;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Tests;

/// <summary>What is no expression is refused, with the place of what is wrong.</summary>
public sealed class ErrorTests
{
    [Theory]
    [InlineData("", 0, 0)]
    [InlineData("doc.a ==", 8, 0)]
    [InlineData("doc.a = 1", 6, 1)]
    [InlineData("doc.a & true", 6, 1)]
    [InlineData("doc.a | true", 6, 1)]
    [InlineData("1 2", 2, 1)]
    [InlineData("(1", 2, 0)]
    [InlineData("name == 1", 0, 4)]
    [InlineData("doc.a == 'x", 9, 2)]
    [InlineData("'a\\q'", 2, 2)]
    [InlineData("'\\ud800'", 1, 6)]
    [InlineData("99999999999999999999", 0, 20)]
    [InlineData("1e999", 0, 5)]
    [InlineData("12abc", 0, 3)]
    [InlineData("@ x", 0, 1)]
    [InlineData("doc.a == @nope", 9, 5)]
    [InlineData("nope(1)", 0, 4)]
    [InlineData("size()", 0, 6)]
    [InlineData("size(1, 2)", 0, 10)]
    [InlineData("contains('a', 'b')", 0, 8)]
    [InlineData("'a'.contains()", 4, 10)]
    [InlineData("has(1)", 0, 6)]
    [InlineData("has(doc)", 0, 8)]
    [InlineData("meta", 0, 4)]
    [InlineData("meta.size", 5, 4)]
    [InlineData("doc.", 4, 0)]
    [InlineData("doc.a.matches('(')", 14, 3)]
    [InlineData("doc.a.matches('(a)\\\\1')", 14, 8)]
    [InlineData("😀", 0, 1)]
    [InlineData("'😀' + x", 7, 1)]
    [InlineData("true ? 1", 8, 0)]
    [InlineData("[1, 2", 5, 0)]
    public void The_place_is_told(string expression, int position, int length)
    {
        var refused = Refused(expression);
        Assert.Equal((position, length), (refused.Span.Position, refused.Span.Length));
    }

    [Fact]
    public void Bounds_of_bytes_levels_and_nodes()
    {
        Assert.Contains("bytes", Refused(new string(' ', QueryLimits.ExpressionBytesMax) + "1").Message);
        Assert.Contains("levels", Refused(new string('(', 65) + "1" + new string(')', 65)).Message);
        Assert.Contains("levels", Refused(new string('!', 65) + "true").Message);
        Assert.Contains("levels", Refused(string.Concat(Enumerable.Repeat("[", 65))).Message);
        Assert.Contains("parts", Refused(string.Join(" + ", Enumerable.Repeat("1", 501))).Message);
        Compile(new string('(', 63) + "1" + new string(')', 63));
        Compile(string.Join(" && ", Enumerable.Repeat("true", 400)));
        Compile(string.Join(" + ", Enumerable.Repeat("1", 500)));
    }

    [Theory]
    [InlineData("sum", "doc.a")]
    [InlineData("sum()", "")]
    [InlineData("sum(doc.a) + sum(doc.b)", "")]
    [InlineData("median(doc.a)", "")]
    public void What_is_no_aggregate_is_refused(string aggregate, string _)
    {
        var query = new Query { Aggregates = [new("n", aggregate)] };
        Assert.Equal("aggregate.n", Assert.Throws<QueryException>(() => QueryPlan.Compile(query)).Member);
    }

    [Fact]
    public void The_place_in_an_aggregates_operand_is_that_in_its_text()
    {
        var query = new Query { Aggregates = [new("n", " sum( doc.a + )")] };
        var refused = Assert.Throws<QueryException>(() => QueryPlan.Compile(query));
        Assert.Equal(14, refused.Span.Position);
    }

    [Fact]
    public void The_member_is_told()
    {
        static string MemberOf(Query query) => Assert.Throws<QueryException>(() => QueryPlan.Compile(query)).Member;
        Assert.Equal("where", MemberOf(new() { Where = "x" }));
        Assert.Equal("select.b", MemberOf(new() { Select = [new("a", "1"), new("b", "x")] }));
        Assert.Equal("orderBy[1].by", MemberOf(new() { OrderBy = [new("key", false), new("x", true)] }));
        Assert.Equal("groupBy[0]", MemberOf(new() { GroupBy = ["x"] }));
        Assert.Equal("limit", MemberOf(new() { RowsMax = 0 }));
        Assert.Equal("limit", MemberOf(new() { RowsMax = 1_001 }));
        Assert.Equal("select", MemberOf(new() { Select = [new("a", "1")], GroupBy = ["key"] }));
        Assert.Equal("orderBy", MemberOf(new() { OrderBy = [new("key", false)], Aggregates = [new("n", "count()")] }));
        Assert.Equal("aggregate.group", MemberOf(new() { GroupBy = ["key"], Aggregates = [new("group", "count()")] }));
    }

    static QueryException Refused(string expression) => Assert.Throws<QueryException>(() => Compile(expression));

    static void Compile(string expression) =>
        new ExpressionCompiler(new Dictionary<string, Value>()).Compile(expression);
}
