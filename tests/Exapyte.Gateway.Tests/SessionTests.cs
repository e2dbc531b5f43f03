using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Operations;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class SessionTests
{
    private const string K = "/v1/keyspaces/k";
    private const string A = K + "/entries/a";
    private const string Level = "Exapyte-Consistency: session";

    [Fact]
    public async Task Every_write_and_every_read_of_a_session_answers_with_what_came_and_what_it_has_seen()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/other", "{}");

        var put = Token(await gateway.PutAsync(A, "1"));
        var get = Token(await gateway.GetAsync(A, Level, Sent(put)));
        var elsewhere = Token(await gateway.PutAsync("/v1/keyspaces/other/entries/a", "1", Sent(get)));
        var batch = Token(
            await gateway.PostJsonAsync(
                K + "/batch",
                """{"consistency":"session","items":[{"op":"put","key":"b","value":"1"},{"op":"get","key":"a"}]}""",
                Sent(elsewhere)
            )
        );
        var list = Token(await gateway.GetAsync(K + "/entries?consistency=session", Sent(batch)));
        var query = Token(await gateway.PostJsonAsync(K + "/query", """{"consistency":"session"}""", Sent(list)));
        var head = Token(await gateway.SendAsync("HEAD", A, null, Level, Sent(query)));
        var import = Token(
            await gateway.SendAsync(
                "POST",
                K + "/import",
                "{\"key\":\"c\",\"value\":\"1\"}"u8.ToArray(),
                "Content-Type: application/x-ndjson",
                Sent(head)
            )
        );
        var prefix = Token(await gateway.SendAsync("DELETE", K + "/entries?prefix=c", null, Sent(import)));
        Assert.NotNull(Token(await gateway.SendAsync("DELETE", A, null, Sent(prefix))));

        // Each came with all that was seen before it, the other keyspace's own beside.
        Assert.Equal(
            [null, 1, null, 2, 3, 4, 5, 6, 7, 8],
            gateway.Client.Sessions.Select(seen => (int?)seen?.Single().Revision)
        );
    }

    [Fact]
    public async Task A_read_of_a_session_without_a_token_begins_one_and_other_reads_give_none()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "1");

        Assert.NotNull(Token(await gateway.GetAsync(A, Level)));
        Assert.Null(Token(await gateway.GetAsync(A)));
        Assert.Null(Token(await gateway.GetAsync(K + "/entries")));
        Assert.Null(Token(await gateway.PostJsonAsync(K + "/query", "{}")));
        Assert.Null(Token(await gateway.PostJsonAsync(K + "/batch", """{"items":[{"op":"get","key":"a"}]}""")));
    }

    [Fact]
    public async Task A_stream_says_at_its_end_what_it_has_seen()
    {
        await using var gateway = await GatewayFixture.StartAsync(options =>
            options.PageEntriesMax = options.PageEntriesDefault = 1
        );
        await gateway.PutAsync(A, "1");
        await gateway.PutAsync(K + "/entries/b", "1");

        var lines = await gateway.GetAsync(K + "/entries?consistency=session", "Accept: application/x-ndjson");

        var last = System.Text.Json.JsonDocument.Parse(lines.Text.TrimEnd().Split('\n')[^1]).RootElement;
        await gateway.GetAsync(A, Level, Sent(last.GetProperty("session").GetString()));
        Assert.Equal(2ul, gateway.Client.Sessions[^1]!.Single().Revision);
    }

    [Theory]
    [InlineData("AAAA")]
    [InlineData("")]
    [InlineData("not base64!")]
    public async Task A_token_that_this_cluster_did_not_make_is_refused_and_changes_nothing(string token)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var own = Token(await gateway.PutAsync(A, "1"))!;

        foreach (var forged in (string[])[token, own[..^1] + (own[^1] == 'A' ? 'B' : 'A'), "A" + own])
        {
            var put = await gateway.PutAsync(K + "/entries/b", "2", Sent(forged));
            Assert.Equal((400, "invalid-header"), (put.Status, put.Code));
            Assert.Equal(400, (await gateway.GetAsync(A, Level, Sent(forged))).Status);
        }
        Assert.Equal(404, (await gateway.GetAsync(K + "/entries/b")).Status);
        Assert.Equal(400, (await gateway.GetAsync(A, Level, Sent(own), Sent(own))).Status);
    }

    [Fact]
    public async Task A_cursor_is_no_token_and_gateways_of_one_key_take_each_others()
    {
        await using var one = await GatewayFixture.StartAsync(options => options.CursorKey = new byte[32]);
        await using var same = await GatewayFixture.StartAsync(options => options.CursorKey = new byte[32]);
        await using var other = await GatewayFixture.StartAsync();
        await one.PutAsync(K + "/entries/b", "1");
        var token = Token(await one.PutAsync(A, "1"));
        var cursor = (await one.GetAsync(K + "/entries?limit=1")).Json.GetProperty("cursor").GetString();

        Assert.Equal(204, (await same.SendAsync("DELETE", A, null, Sent(token))).Status);
        Assert.Equal(400, (await other.SendAsync("DELETE", A, null, Sent(token))).Status);
        Assert.Equal(400, (await one.GetAsync(A, Level, Sent(cursor))).Status);
    }

    [Fact]
    public async Task Listings_and_queries_are_asked_with_the_staleness_of_the_headers()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        List<(ConsistencyLevel, long)> asked = [];
        gateway.Client.InterceptScan = (_, query) =>
        {
            asked.Add((query.Level, query.MaxStalenessMs));
            return null;
        };
        string[] bounded = ["Exapyte-Consistency: bounded", "Exapyte-Max-Staleness: 1.5"];

        Assert.Equal(200, (await gateway.GetAsync(K + "/entries", bounded)).Status);
        Assert.Equal(200, (await gateway.PostJsonAsync(K + "/query", "{}", bounded)).Status);
        Assert.Equal(400, (await gateway.PostJsonAsync(K + "/query", """{"consistency":"bounded"}""")).Status);
        Assert.Equal([(ConsistencyLevel.Bounded, 1_500), (ConsistencyLevel.Bounded, 1_500)], asked);
    }

    private static string? Token(RawAnswer answer)
    {
        Assert.InRange(answer.Status, 200, 299);
        return answer.Header("Exapyte-Session");
    }

    private static string Sent(string? token) => $"Exapyte-Session: {token}";
}
