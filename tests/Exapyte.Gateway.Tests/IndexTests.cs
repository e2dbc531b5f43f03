using System.Text.Json;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

/// <summary>Indexes in settings, in queries and in explain.</summary>
public sealed class IndexTests
{
    private const string K = "/v1/keyspaces/people";
    private const string Query = K + "/query";
    private const string Indexes =
        """[{"name":"by-city","paths":["doc.city","doc.age"]},{"name":"by-age","paths":["doc.age"]}]""";

    [Fact]
    public async Task Settings_and_their_progress_are_shown_and_changed()
    {
        await using var gateway = await PeopleAsync();
        var read = (await gateway.GetAsync(K)).Json;
        Assert.Equal(Indexes, read.GetProperty("settings").GetProperty("indexes").GetRawText());
        var first = read.GetProperty("indexes")[0];
        Assert.Equal("by-city", first.GetProperty("name").GetString());
        Assert.Equal("ready", first.GetProperty("state").GetString());
        Assert.Equal(first.GetProperty("shards").GetInt32(), first.GetProperty("readyShards").GetInt32());

        gateway.Client.KeepBuilding("people", "by-city");
        var building = (await gateway.GetAsync(K)).Json.GetProperty("indexes")[0];
        Assert.Equal("building", building.GetProperty("state").GetString());
        Assert.Equal(0, building.GetProperty("readyShards").GetInt32());

        Assert.Equal(200, (await gateway.PutAsync(K, """{"indexes":null}""")).Status);
        Assert.False((await gateway.GetAsync(K)).Json.TryGetProperty("indexes", out _));
    }

    [Theory]
    [InlineData("""{"indexes":{}}""", "indexes must be a list")]
    [InlineData("""{"indexes":[7]}""", "indexes[0] must be an object with name")]
    [InlineData("""{"indexes":[{"name":"a"}]}""", "indexes[0] must be an object with name")]
    [InlineData("""{"indexes":[{"name":"a","paths":["doc.a"],"unique":true}]}""", "'indexes[0].unique' is not known")]
    [InlineData("""{"indexes":[{"name":"A","paths":["doc.a"]}]}""", "indexes[0].name must be 1 to 63")]
    [InlineData("""{"indexes":[{"name":"a","paths":[]}]}""", "indexes[0].paths must be 1 to 4 paths")]
    [InlineData("""{"indexes":[{"name":"a","paths":["a.b"]}]}""", "indexes[0].paths[0] must be members below doc")]
    [InlineData("""{"indexes":[{"name":"a","paths":["doc.a","doc.a"]}]}""", "indexes[0].paths[1] is there already")]
    [InlineData(
        """{"indexes":[{"name":"a","paths":["doc.a"]},{"name":"a","paths":["doc.b"]}]}""",
        "indexes[1].name is that of another"
    )]
    [InlineData("""{"replication":"quorum","indexes":[{"name":"a","paths":["doc.a"]}]}""", "replication raft only")]
    public async Task What_is_no_index_is_400_with_every_reason(string settings, string reason)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var answer = await gateway.PutAsync("/v1/keyspaces/new", settings);
        Assert.Equal((400, "invalid-keyspace"), (answer.Status, answer.Code));
        Assert.Contains(
            answer.Json.GetProperty("reasons").EnumerateArray(),
            item => item.GetString()!.Contains(reason, StringComparison.Ordinal)
        );
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/new")).Status);
    }

    [Fact]
    public async Task More_indexes_than_sixteen_are_400()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var indexes = Enumerable.Range(0, 17).Select(i => $$"""{"name":"i{{i}}","paths":["doc.a{{i}}"]}""");
        var answer = await gateway.PutAsync("/v1/keyspaces/new", $$"""{"indexes":[{{string.Join(',', indexes)}}]}""");
        Assert.Equal(400, answer.Status);
    }

    [Theory]
    [InlineData("doc.city == 'Bonn'", "by-city", 2)]
    [InlineData("doc.city == 'Bonn' && doc.age > 30", "by-city", 1)]
    [InlineData("doc.age in [25, 36]", "by-age", 2)]
    [InlineData("doc.city.startsWith('U')", "by-city", 1)]
    [InlineData("doc.name == 'Ada'", null, 4)]
    public async Task A_query_goes_by_the_index_that_narrows_it_most_and_examines_no_others(
        string where,
        string? index,
        int examined
    )
    {
        await using var gateway = await PeopleAsync();
        var answer = await gateway.PostJsonAsync(Query, $$"""{"where":"{{where}}"}""");
        Assert.Equal(200, answer.Status);
        Assert.Equal(
            (index, examined),
            (answer.Json.GetProperty("index").GetString(), answer.Json.GetProperty("examined").GetInt32())
        );
        var explained = await gateway.PostJsonAsync(Query + "/explain", $$"""{"where":"{{where}}"}""");
        Assert.Equal(index, explained.Json.GetProperty("index").GetString());
    }

    [Fact]
    public async Task Pages_by_an_index_go_on_in_any_order_and_in_groups()
    {
        await using var gateway = await PeopleAsync();
        foreach (
            var (query, expected) in new[]
            {
                (""" "select":{"k":"key"}""", """{"k":"ada"}{"k":"bob"}"""),
                (
                    """ "select":{"k":"key"},"orderBy":[{"by":"doc.age","descending":false}] """,
                    """{"k":"bob"}{"k":"ada"}"""
                ),
                (
                    """ "groupBy":["doc.age"],"aggregate":{"n":"count()"} """,
                    """{"group":[25],"n":1}{"group":[36],"n":1}"""
                ),
            }
        )
        {
            var rows = "";
            string? cursor = null;
            do
            {
                var page = await gateway.PostJsonAsync(
                    Query,
                    $$"""{"where":"doc.city == 'Bonn'","limit":1,{{query}}{{(cursor is null ? "" : $",\"cursor\":\"{cursor}\"")}}}"""
                );
                Assert.Equal((200, "by-city"), (page.Status, page.Json.GetProperty("index").GetString()));
                rows += string.Concat(
                    page.Json.GetProperty("items").EnumerateArray().Select(item => item.GetRawText())
                );
                cursor = page.Json.GetProperty("cursor").GetString();
            } while (cursor is not null);
            Assert.Equal(expected, rows);
        }
    }

    [Fact]
    public async Task An_index_that_is_named_is_used_or_the_query_is_422()
    {
        await using var gateway = await PeopleAsync();
        const string both = "doc.city == 'Bonn' && doc.age > 30";
        var named = await gateway.PostJsonAsync(Query, $$"""{"where":"{{both}}","index":"by-age"}""");
        Assert.Equal((200, "by-age"), (named.Status, named.Json.GetProperty("index").GetString()));
        Assert.Equal(200, (await gateway.PostJsonAsync(Query, """{"index":null}""")).Status);

        await Refused(gateway, $$"""{"where":"{{both}}","index":"by-name"}""", "no index 'by-name'");
        await Refused(gateway, """{"where":"doc.age == 36","index":"by-city"}""", "no term of where");
        await Refused(gateway, """{"index":"by-city"}""", "no term of where");
        gateway.Client.KeepBuilding("people", "by-age");
        await Refused(gateway, $$"""{"where":"{{both}}","index":"by-age"}""", "not ready on every shard");
    }

    [Fact]
    public async Task An_index_that_is_still_built_gives_way_to_one_that_is_ready_and_then_to_a_scan()
    {
        await using var gateway = await PeopleAsync();
        const string query = """{"where":"doc.city == 'Bonn' && doc.age > 30"}""";
        gateway.Client.KeepBuilding("people", "by-city");
        Assert.Equal("by-age", (await gateway.PostJsonAsync(Query, query)).Json.GetProperty("index").GetString());
        Assert.Equal(
            "by-age",
            (await gateway.PostJsonAsync(Query + "/explain", query)).Json.GetProperty("index").GetString()
        );

        gateway.Client.KeepBuilding("people", "by-age");
        var scanned = await gateway.PostJsonAsync(Query, query);
        Assert.Equal(JsonValueKind.Null, scanned.Json.GetProperty("index").ValueKind);
        Assert.Equal((1, 4), (Number(scanned, "returned"), Number(scanned, "examined")));
        var bounded = await gateway.PostJsonAsync(Query, """{"where":"doc.age > 30","maxExamined":2}""");
        Assert.Equal(422, bounded.Status);
        Assert.Contains("'by-age' will spare that once it is ready", bounded.Json.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task Explain_tells_the_ranges_of_an_index()
    {
        await using var gateway = await PeopleAsync();
        var answer = await gateway.PostJsonAsync(
            Query + "/explain",
            """{"where":"doc.city in ['Ulm', 'Bonn'] && doc.age >= 18 && doc.age < 30"}"""
        );
        Assert.Equal(
            """[{"equal":["Bonn"],"from":18,"to":30},{"equal":["Ulm"],"from":18,"to":30}]""",
            answer.Json.GetProperty("ranges").GetRawText()
        );
        Assert.True(Number(answer, "shards") > 0);
        Assert.Equal(JsonValueKind.Null, answer.Json.GetProperty("estimate").ValueKind);
        var nothing = await gateway.PostJsonAsync(Query + "/explain", """{"where":"doc.age in []"}""");
        Assert.Equal((0, 0), (Number(nothing, "shards"), Number(nothing, "estimate")));
    }

    private static int Number(RawAnswer answer, string member) => answer.Json.GetProperty(member).GetInt32();

    private static async Task Refused(GatewayFixture gateway, string query, string why)
    {
        foreach (var target in (string[])[Query, Query + "/explain"])
        {
            var answer = await gateway.PostJsonAsync(target, query);
            Assert.Equal((422, "not-applicable"), (answer.Status, answer.Code));
            Assert.Contains(why, answer.Json.GetProperty("detail").GetString());
        }
    }

    private static async Task<GatewayFixture> PeopleAsync()
    {
        var gateway = await GatewayFixture.StartAsync();
        Assert.Equal(201, (await gateway.PutAsync(K, $$"""{"indexes":{{Indexes}}}""")).Status);
        foreach (
            var (key, value) in new[]
            {
                ("ada", """{"name":"Ada","age":36,"city":"Bonn"}"""),
                ("bob", """{"name":"Bob","age":25,"city":"Bonn"}"""),
                ("cid", """{"name":"Cid","city":"Ulm"}"""),
                ("note", "no document"),
            }
        )
        {
            await gateway.PutAsync($"{K}/entries/{key}", value, "Content-Type: application/json");
        }
        return gateway;
    }
}
