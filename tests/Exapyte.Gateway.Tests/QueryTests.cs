using System.Text.Json;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class QueryTests
{
    private const string K = "/v1/keyspaces/k";
    private const string Query = K + "/query";

    [Fact]
    public async Task Whole_entries_are_as_a_listing_gives_them()
    {
        await using var gateway = await PeopleAsync();
        var answer = await gateway.PostJsonAsync(Query, """{"where":"doc.age >= @min","params":{"min":30}}""");
        Assert.Equal(200, answer.Status);
        var listed = (await gateway.GetAsync(K + "/entries?prefix=ada")).Json.GetProperty("entries")[0].GetRawText();
        Assert.Equal(listed, Assert.Single(answer.Json.GetProperty("items").EnumerateArray()).GetRawText());
        Assert.Equal((3, 1), (Number(answer, "examined"), Number(answer, "returned")));
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("cursor").ValueKind);
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("index").ValueKind);
        Assert.StartsWith("level=linearizable;", answer.Header("Exapyte-Served"));
    }

    [Fact]
    public async Task An_empty_query_asks_for_every_entry_and_pages_go_on_by_cursor()
    {
        await using var gateway = await PeopleAsync();
        foreach (
            var query in new[]
            {
                """ "limit":1 """,
                """ "limit":1,"orderBy":[{"by":"doc.age","descending":true}],"select":{"k":"key"}""",
                """ "limit":1,"groupBy":["doc.age"],"aggregate":{"n":"count()"} """,
            }
        )
        {
            var whole = await gateway.PostJsonAsync(Query, "{" + query.Replace("\"limit\":1", "\"limit\":9") + "}");
            List<string> paged = [];
            string? cursor = null;
            do
            {
                var page = await gateway.PostJsonAsync(
                    Query,
                    "{" + query + (cursor is null ? "" : $",\"cursor\":\"{cursor}\"") + "}"
                );
                Assert.Equal(200, page.Status);
                paged.AddRange(page.Json.GetProperty("items").EnumerateArray().Select(item => item.GetRawText()));
                cursor = page.Json.GetProperty("cursor").GetString();
            } while (cursor is not null);
            Assert.Equal(whole.Json.GetProperty("items").EnumerateArray().Select(item => item.GetRawText()), paged);
            Assert.Equal(3, paged.Count);
        }
    }

    [Theory]
    [InlineData("""{"where":"doc.a ==","limit":1}""", "where", 8, 0)]
    [InlineData("""{"where":"doc.a == @x"}""", "where", 9, 2)]
    [InlineData("""{"select":{"a":"key","b":"1 +"}}""", "select.b", 3, 0)]
    [InlineData("""{"orderBy":[{"by":"nope"}]}""", "orderBy[0].by", 0, 4)]
    [InlineData("""{"aggregate":{"n":"sum(x)"}}""", "aggregate.n", 4, 1)]
    public async Task A_wrong_expression_is_400_with_its_place(string body, string member, int position, int length)
    {
        await using var gateway = await PeopleAsync();
        foreach (var target in new[] { Query, Query + "/explain" })
        {
            var answer = await gateway.PostJsonAsync(target, body);
            Assert.Equal((400, "invalid-body"), (answer.Status, answer.Code));
            Assert.Equal(member, answer.Json.GetProperty("expression").GetString());
            Assert.Equal((position, length), (Number(answer, "position"), Number(answer, "length")));
        }
    }

    [Theory]
    [InlineData("""{"were":"true"}""")]
    [InlineData("""{"where":1}""")]
    [InlineData("""{"where":null}""")]
    [InlineData("""{"limit":0}""")]
    [InlineData("""{"limit":1001}""")]
    [InlineData("""{"limit":1.5}""")]
    [InlineData("""{"maxExamined":0}""")]
    [InlineData("""{"allowScan":"yes"}""")]
    [InlineData("""{"params":[1]}""")]
    [InlineData("""{"params":{"a":1e999}}""")]
    [InlineData("""{"select":["key"]}""")]
    [InlineData("""{"orderBy":["key"]}""")]
    [InlineData("""{"orderBy":[{"by":"key","desc":true}]}""")]
    [InlineData("""{"groupBy":"key"}""")]
    [InlineData("""{"index":7}""")]
    [InlineData("""{"consistency":"strong"}""")]
    [InlineData("""{"cursor":"AAAA"}""")]
    [InlineData("""[]""")]
    [InlineData("""null""")]
    [InlineData("""{"where":"true","where":"false"}""")]
    [InlineData("{")]
    public async Task What_is_no_query_is_400(string body)
    {
        await using var gateway = await PeopleAsync();
        var answer = await gateway.PostJsonAsync(Query, body);
        Assert.Equal(400, answer.Status);
        Assert.NotEmpty(answer.Json.GetProperty("detail").GetString()!);
    }

    [Fact]
    public async Task A_cursor_goes_with_its_own_query_only()
    {
        await using var gateway = await PeopleAsync();
        await gateway.PutAsync("/v1/keyspaces/other/entries/a", "1", "Content-Type: text/plain");
        var first = await gateway.PostJsonAsync(Query, """{"where":"doc.age > 0","limit":1}""");
        var cursor = first.Json.GetProperty("cursor").GetString();
        var other = await gateway.PostJsonAsync(Query, $$"""{"where":"doc.age > 1","limit":1,"cursor":"{{cursor}}"}""");
        Assert.Equal((400, "invalid-cursor"), (other.Status, other.Code));
        // A page of another size is a page of the same query.
        var larger = await gateway.PostJsonAsync(
            Query,
            $$"""{"where":"doc.age > 0","limit":2,"cursor":"{{cursor}}"}"""
        );
        Assert.Equal(200, larger.Status);
        var listing = await gateway.GetAsync(K + "/entries?cursor=" + cursor);
        Assert.Equal((400, "invalid-cursor"), (listing.Status, listing.Code));
    }

    [Fact]
    public async Task Beyond_what_may_be_examined_it_is_422_and_says_which_index_would_help()
    {
        await using var gateway = await PeopleAsync();
        var answer = await gateway.PostJsonAsync(Query, """{"where":"doc.age == 99","maxExamined":2}""");
        Assert.Equal((422, "not-applicable"), (answer.Status, answer.Code));
        Assert.Contains("index over doc.age", answer.Json.GetProperty("detail").GetString());
        Assert.Equal(
            422,
            (await gateway.PostJsonAsync(Query, """{"aggregate":{"n":"count()"},"maxExamined":2}""")).Status
        );

        var part = await gateway.PostJsonAsync(Query, """{"where":"doc.age == 99","maxExamined":2,"allowScan":true}""");
        Assert.Equal((200, 2), (part.Status, Number(part, "examined")));
        var rest = await gateway.PostJsonAsync(
            Query,
            $$"""{"where":"doc.age == 99","allowScan":true,"cursor":"{{part.Json.GetProperty("cursor").GetString()}}"}"""
        );
        Assert.Equal((200, 1), (rest.Status, Number(rest, "examined")));
        Assert.Equal(JsonValueKind.Null, rest.Json.GetProperty("cursor").ValueKind);
        var all = await gateway.PostJsonAsync(
            Query,
            """{"aggregate":{"n":"count()"},"maxExamined":2,"allowScan":true}"""
        );
        Assert.Equal("""[{"n":3}]""", all.Json.GetProperty("items").GetRawText());
    }

    [Fact]
    public async Task Only_keys_that_can_match_are_examined()
    {
        await using var gateway = await PeopleAsync();
        var answer = await gateway.PostJsonAsync(Query, """{"where":"key.startsWith('b') && doc.age > 1"}""");
        Assert.Equal((1, 1), (Number(answer, "examined"), Number(answer, "returned")));
    }

    [Fact]
    public async Task Explain_tells_the_plan_and_runs_nothing()
    {
        await using var gateway = await PeopleAsync();
        var answer = await gateway.PostJsonAsync(Query + "/explain", """{"where":"key >= 'b' && doc.age > 1"}""");
        Assert.Equal(200, answer.Status);
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("index").ValueKind);
        Assert.Equal("""[{"start":"b","end":null}]""", answer.Json.GetProperty("ranges").GetRawText());
        Assert.True(Number(answer, "shards") > 0);
        Assert.Equal(JsonValueKind.Number, answer.Json.GetProperty("estimate").ValueKind);
        Assert.Equal(404, (await gateway.PostJsonAsync("/v1/keyspaces/none/query/explain", "{}")).Status);
    }

    [Fact]
    public async Task A_query_in_a_keyspace_that_is_not_there_is_404_and_one_without_json_415()
    {
        await using var gateway = await PeopleAsync();
        var none = await gateway.PostJsonAsync("/v1/keyspaces/none/query", "{}");
        Assert.Equal((404, "no-such-keyspace"), (none.Status, none.Code));
        using var connection = await gateway.ConnectAsync();
        var text = await connection.SendAsync("POST", Query, "{}"u8.ToArray(), ["Content-Type: text/plain"]);
        Assert.Equal(415, text.Status);
    }

    private static int Number(RawAnswer answer, string member) => answer.Json.GetProperty(member).GetInt32();

    private static async Task<GatewayFixture> PeopleAsync()
    {
        var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(K + "/entries/ada", """{"name":"Ada","age":36}""", "Content-Type: application/json");
        await gateway.PutAsync(K + "/entries/bob", """{"name":"Bob","age":25}""", "Content-Type: application/json");
        await gateway.PutAsync(K + "/entries/note", "no document", "Content-Type: text/plain");
        return gateway;
    }
}
