using System.Globalization;
using System.Text;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class EntryTests
{
    private const string A = "/v1/keyspaces/k/entries/a";

    [Fact]
    public async Task A_put_creates_then_replaces_and_a_get_answers_the_value_under_its_own_type()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var created = await gateway.PutAsync(A, "hej", "Content-Type: text/x-mine; a=\"b\"");
        Assert.Equal(201, created.Status);
        Assert.Equal("\"1\"", created.Header("ETag"));
        Assert.Equal("0", created.Header("Content-Length"));

        var replaced = await gateway.PutAsync(A, "hallo", "Content-Type: text/x-mine; a=\"b\"");
        Assert.Equal(204, replaced.Status);
        Assert.Equal("\"2\"", replaced.Header("ETag"));

        var read = await gateway.GetAsync(A);
        Assert.Equal(200, read.Status);
        Assert.Equal("hallo", read.Text);
        Assert.Equal("5", read.Header("Content-Length"));
        Assert.Equal("text/x-mine; a=\"b\"", read.Header("Content-Type"));
        Assert.Equal("\"2\"", read.Header("ETag"));
        Assert.Equal("Sun, 15 Jun 2025 15:06:40 GMT", read.Header("Last-Modified"));
        Assert.Equal("level=linearizable;node=n1;region=eu;staleness-ms=0;cache=miss", read.Header("Exapyte-Served"));
        Assert.Equal("nosniff", read.Header("X-Content-Type-Options"));
        Assert.Null(read.Header("Exapyte-Expires"));
        Assert.Null(read.Header("Server"));
    }

    [Fact]
    public async Task A_head_has_the_length_and_headers_of_the_get_and_no_body()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "hallo", "Content-Type: text/plain");
        using var connection = await gateway.ConnectAsync();

        var head = await connection.SendAsync("HEAD", A);
        var read = await connection.SendAsync("GET", A);

        Assert.Equal(200, head.Status);
        Assert.Equal("5", head.Header("Content-Length"));
        foreach (var name in new[] { "ETag", "Last-Modified", "Content-Type", "Exapyte-Served" })
        {
            Assert.Equal(read.Header(name), head.Header(name));
        }
        Assert.Equal("hallo", read.Text);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3_600)]
    public async Task An_entry_is_never_newer_than_the_answer_that_holds_it(int secondsAhead)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Time.SetUtcNow(DateTimeOffset.UtcNow.AddSeconds(secondsAhead));
        await gateway.PutAsync(A, "x");

        foreach (var conditional in new[] { "Accept: */*", "If-None-Match: *" })
        {
            var read = await gateway.GetAsync(A, conditional);
            var (date, modified) = (
                DateTimeOffset.Parse(read.Header("Date")!, CultureInfo.InvariantCulture),
                DateTimeOffset.Parse(read.Header("Last-Modified")!, CultureInfo.InvariantCulture)
            );
            Assert.True(modified <= date, $"{modified:R} is later than {date:R}");
        }
    }

    [Fact]
    public async Task A_delete_answers_204_whether_or_not_the_entry_was_there()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "x");

        Assert.Equal(204, (await gateway.SendAsync("DELETE", A)).Status);
        Assert.Equal(204, (await gateway.SendAsync("DELETE", A)).Status);
        var gone = await gateway.GetAsync(A);
        Assert.Equal(404, gone.Status);
        Assert.Equal("not-found", gone.Code);
    }

    [Fact]
    public async Task An_empty_value_is_a_value_and_has_no_type_unless_it_was_given_one()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal(201, (await gateway.SendAsync("PUT", A)).Status);

        var read = await gateway.GetAsync(A);

        Assert.Equal(200, read.Status);
        Assert.Equal("0", read.Header("Content-Length"));
        Assert.Null(read.Header("Content-Type"));
    }

    [Fact]
    public async Task Bytes_of_any_kind_come_back_as_they_went()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var value = new byte[256 * 1024];
        new Random(7).NextBytes(value);
        await gateway.SendAsync("PUT", A, value, "Content-Type: application/octet-stream");

        Assert.Equal(value, (await gateway.GetAsync(A)).Body);
    }

    [Fact]
    public async Task A_lifetime_is_answered_and_ends_on_the_clock()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var put = await gateway.PutAsync(A, "x", "Exapyte-TTL: 60");
        Assert.Equal("2025-06-15T15:07:40.123Z", put.Header("Exapyte-Expires"));
        Assert.Equal("2025-06-15T15:07:40.123Z", (await gateway.GetAsync(A)).Header("Exapyte-Expires"));

        gateway.Time.Advance(TimeSpan.FromSeconds(60));

        Assert.Equal(404, (await gateway.GetAsync(A)).Status);
        Assert.Equal(201, (await gateway.PutAsync(A, "x")).Status);
    }

    [Fact]
    public async Task Never_outlives_the_default_lifetime_of_the_keyspace()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/short", "{\"defaultTtlSeconds\":5}", "Content-Type: application/json");
        await gateway.PutAsync("/v1/keyspaces/short/entries/default", "x");
        await gateway.PutAsync("/v1/keyspaces/short/entries/never", "x", "Exapyte-TTL: never");

        gateway.Time.Advance(TimeSpan.FromDays(1));

        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/short/entries/default")).Status);
        Assert.Equal(200, (await gateway.GetAsync("/v1/keyspaces/short/entries/never")).Status);
    }

    [Theory]
    [InlineData("Exapyte-TTL: 0", "invalid-header")]
    [InlineData("Exapyte-TTL: -5", "invalid-header")]
    [InlineData("Exapyte-TTL: 1.5", "invalid-header")]
    [InlineData("Exapyte-TTL: soon", "invalid-header")]
    [InlineData("Exapyte-TTL: 99999999999999999999", "invalid-header")]
    [InlineData("Exapyte-TTL: 5\r\nExapyte-TTL: 5", "invalid-header")]
    [InlineData("Idempotency-Key: a\r\nIdempotency-Key: b", "invalid-header")]
    [InlineData("Idempotency-Key:", "invalid-header")]
    [InlineData("Exapyte-Consistency: strong", "invalid-header")]
    [InlineData("Exapyte-Consistency: LINEARIZABLE", "invalid-header")]
    [InlineData("Exapyte-Consistency: bounded", "invalid-header")]
    [InlineData("Exapyte-Max-Staleness: 5", "invalid-header")]
    [InlineData("Exapyte-Consistency: bounded\r\nExapyte-Max-Staleness: -1", "invalid-header")]
    [InlineData("Content-Range: bytes 0-1/4", "invalid-header")]
    [InlineData("If-Unmodified-Since: Sun, 15 Jun 2025 15:06:40 GMT", "invalid-header")]
    [InlineData("If-Match: 5", "invalid-header")]
    [InlineData("If-Match: \"5\" \"6\"", "invalid-header")]
    [InlineData("If-Match: \"5", "invalid-header")]
    [InlineData("If-Match: *, \"5\"", "invalid-header")]
    [InlineData("If-Match:", "invalid-header")]
    [InlineData("If-None-Match: x", "invalid-header")]
    [InlineData("If-Match: \"1\"\r\nIf-None-Match: \"2\"", "invalid-header")]
    public async Task A_bad_header_is_refused_and_changes_nothing(string header, string code)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.PutAsync(A, "x", header.Split("\r\n"));

        Assert.Equal(400, answer.Status);
        Assert.Equal(code, answer.Code);
        Assert.Equal(404, (await gateway.GetAsync(A)).Status);
    }

    [Fact]
    public async Task A_type_that_no_header_could_hold_is_refused()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        Assert.Equal("invalid-header", (await gateway.PutAsync(A, "x", "Content-Type: text/\u00c3\u00a6")).Code);
        Assert.Equal("invalid-header", (await gateway.PutAsync(A, "x", "Content-Type: " + new string('a', 256))).Code);
        Assert.Equal(201, (await gateway.PutAsync(A, "x", "Content-Type: " + new string('a', 255))).Status);
    }

    [Fact]
    public async Task A_coding_is_refused_because_it_would_be_lost()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.PutAsync(A, "x", "Content-Encoding: gzip");
        Assert.Equal(415, answer.Status);
        Assert.Equal("unsupported-media-type", answer.Code);
        Assert.Equal(201, (await gateway.PutAsync(A, "x", "Content-Encoding: identity")).Status);
    }

    [Fact]
    public async Task A_page_kept_as_a_value_is_not_run_by_a_browser()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "<script>1</script>", "Content-Type: Text/HTML");

        var answer = await gateway.GetAsync(A);

        Assert.Equal("sandbox", answer.Header("Content-Security-Policy"));
        Assert.Equal("nosniff", answer.Header("X-Content-Type-Options"));
    }

    [Fact]
    public async Task The_level_is_asked_for_in_a_header_or_in_the_query()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "x");

        foreach (
            var answer in new[]
            {
                await gateway.GetAsync(A, "Exapyte-Consistency: eventual"),
                await gateway.GetAsync(A + "?consistency=eventual"),
                await gateway.GetAsync(A + "?consistency=eventual", "Exapyte-Consistency: eventual"),
            }
        )
        {
            Assert.Equal(200, answer.Status);
            Assert.StartsWith("level=eventual;", answer.Header("Exapyte-Served"));
        }
        var bounded = await gateway.GetAsync(A, "Exapyte-Consistency: bounded", "Exapyte-Max-Staleness: 0.25");
        Assert.StartsWith("level=bounded;", bounded.Header("Exapyte-Served"));
        var torn = await gateway.GetAsync(A + "?consistency=linearizable", "Exapyte-Consistency: eventual");
        Assert.Equal("invalid-query", torn.Code);
    }

    [Fact]
    public async Task A_level_of_another_kind_of_keyspace_is_422()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.GetAsync(A, "Exapyte-Consistency: quorum");

        Assert.Equal(422, answer.Status);
        Assert.Equal("not-applicable", answer.Code);
    }

    [Fact]
    public async Task A_write_sent_again_with_its_idempotency_key_applies_once()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var first = await gateway.PutAsync(A, "x", "Idempotency-Key: 7f3a");
        var again = await gateway.PutAsync(A, "x", "Idempotency-Key: 7f3a");
        var other = await gateway.PutAsync(A, "y", "Idempotency-Key: 7f3a");

        Assert.Equal((201, "\"1\""), (first.Status, first.Header("ETag")));
        Assert.Equal((201, "\"1\""), (again.Status, again.Header("ETag")));
        Assert.Equal((422, "request-id-reused"), (other.Status, other.Code));
        Assert.Equal("x", (await gateway.GetAsync(A)).Text);
    }

    [Theory]
    [InlineData("quorum")]
    [InlineData("async")]
    public async Task A_leaderless_keyspace_has_stamps_as_tags_and_takes_no_condition(string replication)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/q", $"{{\"replication\":\"{replication}\"}}");
        const string key = "/v1/keyspaces/q/entries/a";
        var put = await gateway.PutAsync(key, "x");
        Assert.Matches("^\"[0-9a-f]+-abc\"$", put.Header("ETag"));

        Assert.Equal(304, (await gateway.GetAsync(key, "If-None-Match: " + put.Header("ETag"))).Status);
        Assert.Equal(422, (await gateway.PutAsync(key, "x", "If-Match: *")).Status);
        Assert.Equal(422, (await gateway.PutAsync(key, "x", "Idempotency-Key: a")).Status);
        Assert.Equal(422, (await gateway.PostJsonAsync("/v1/keyspaces/q/batch", Atomic)).Status);
    }

    private const string Atomic = """{"atomic":true,"items":[{"op":"put","key":"a","value":"x"}]}""";

    [Fact]
    public async Task A_value_sent_in_chunks_arrives_whole()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var connection = await gateway.ConnectAsync();
        await connection.WriteAsync($"PUT {A} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        await connection.WriteAsync("3\r\nabc\r\n");
        await connection.WriteAsync("2\r\nde\r\n0\r\n\r\n");

        Assert.Equal(201, (await connection.ReadAnswerAsync()).Status);
        Assert.Equal("abcde", (await connection.SendAsync("GET", A)).Text);
    }

    [Fact]
    public async Task A_value_at_the_limit_is_taken_and_one_byte_more_changes_nothing()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.ValueBytesMax = 1_000);

        Assert.Equal(201, (await gateway.SendAsync("PUT", A, new byte[1_000])).Status);
        var refused = await gateway.SendAsync("PUT", A, new byte[1_001]);

        Assert.Equal((413, "too-large"), (refused.Status, refused.Code));
        Assert.Equal("\"1\"", (await gateway.GetAsync(A)).Header("ETag"));
    }

    [Fact]
    public async Task A_body_far_beyond_the_limit_still_gets_its_answer()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.ValueBytesMax = 1_000);

        var refused = await gateway.SendAsync("PUT", A, new byte[8 << 20]);

        Assert.Equal((413, "too-large"), (refused.Status, refused.Code));
    }

    [Fact]
    public async Task Chunks_beyond_the_limit_are_refused_before_the_rest_is_sent()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.ValueBytesMax = 1_000);
        using var connection = await gateway.ConnectAsync();
        await connection.WriteAsync($"PUT {A} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        await connection.WriteAsync("3e9\r\n" + new string('x', 1_001) + "\r\n");

        var refused = await connection.ReadAnswerAsync();

        Assert.Equal((413, "too-large"), (refused.Status, refused.Code));
        Assert.Equal(404, (await gateway.GetAsync(A)).Status);
    }

    [Fact]
    public async Task A_body_is_asked_for_only_where_it_is_wanted()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.ValueBytesMax = 10);
        using var wanted = await gateway.ConnectAsync();
        await wanted.WriteAsync($"PUT {A} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
        Assert.Equal(100, (await wanted.ReadAnswerAsync()).Status);
        await wanted.WriteAsync("abc");
        Assert.Equal(201, (await wanted.ReadAnswerAsync()).Status);

        using var unwanted = await gateway.ConnectAsync();
        await unwanted.WriteAsync($"PUT {A} HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n");
        Assert.Equal(413, (await unwanted.ReadAnswerAsync()).Status);
    }

    [Fact]
    public async Task Requests_sent_at_once_on_one_connection_are_answered_in_order()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var connection = await gateway.ConnectAsync();
        var requests = new StringBuilder();
        for (var i = 0; i < 50; i++)
        {
            requests.Append($"PUT {A}{i} HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{i:00}");
            requests.Append($"GET {A}{i} HTTP/1.1\r\nHost: h\r\n\r\n");
        }
        await connection.WriteAsync(requests.ToString());

        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(201, (await connection.ReadAnswerAsync()).Status);
            Assert.Equal($"{i:00}", (await connection.ReadAnswerAsync()).Text);
        }
    }
}
