using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class ImportTests
{
    private const string Lines = "Content-Type: application/x-ndjson";
    private const string Target = "/v1/keyspaces/k/import";

    [Fact]
    public async Task What_a_listing_exports_is_imported_as_it_was()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Time.SetUtcNow(DateTimeOffset.UtcNow);
        await gateway.PutAsync("/v1/keyspaces/k/entries/text", "hej\n\u0001 å", "Content-Type: text/plain");
        await gateway.PutAsync(
            "/v1/keyspaces/k/entries/json",
            "{\"a\":[1,2.50],\"a\":\"\\ud800\"}",
            "Content-Type: application/json"
        );
        await gateway.PutAsync("/v1/keyspaces/k/entries/ends", "soon", "Exapyte-TTL: 3600");
        await gateway.PutAsync("/v1/keyspaces/k/entries/empty", "");
        await gateway.SendAsync("PUT", "/v1/keyspaces/k/entries64/_wA", [0, 255, 10]);
        await gateway.PutAsync("/v1/keyspaces/copy", "{\"shards\":1,\"defaultTtlSeconds\":60}");

        var export = await ExportAsync(gateway, "k");
        gateway.Time.Advance(TimeSpan.FromMilliseconds(1_234));
        var import = await gateway.SendAsync("POST", "/v1/keyspaces/copy/import", export, Lines);

        Assert.Equal("""{"imported":5,"expired":0,"failed":0,"errors":[]}""", import.Text);
        foreach (
            var path in (string[])["entries/text", "entries/json", "entries/ends", "entries/empty", "entries64/_wA"]
        )
        {
            var (was, comes) = (
                await gateway.GetAsync($"/v1/keyspaces/k/{path}"),
                await gateway.GetAsync($"/v1/keyspaces/copy/{path}")
            );
            Assert.Equal(200, comes.Status);
            Assert.Equal(was.Body, comes.Body);
            Assert.Equal(was.Header("Content-Type"), comes.Header("Content-Type"));
            Assert.Equal(was.Header("Exapyte-Expires"), comes.Header("Exapyte-Expires"));
        }
    }

    [Fact]
    public async Task The_later_of_two_lines_with_one_key_wins_though_the_earlier_is_sent_again()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Time.SetUtcNow(DateTimeOffset.UtcNow);
        gateway.Time.AutoAdvanceAmount = TimeSpan.FromSeconds(10);
        List<string> tried = [];
        gateway.Client.Intercept = (_, operation) =>
        {
            var value = Encoding.UTF8.GetString(operation.Value.Span);
            tried.Add(value);
            return tried.Count(one => one == value) == 1 && value == "first"
                ? OperationOutcome.Of(OutcomeKind.Overloaded, "busy")
                : null;
        };

        var answer = await ImportAsync(
            gateway,
            """
            {"key":"a","value":"first"}
            {"key":"a","value":"second"}

            """
        );

        Assert.Equal("""{"imported":2,"expired":0,"failed":0,"errors":[]}""", answer.Text);
        Assert.Equal(["first", "first", "second"], tried);
        Assert.Equal("second", (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Text);
    }

    [Fact]
    public async Task Lines_of_more_than_a_batch_are_all_put_and_the_later_of_two_with_one_key_wins()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.BatchItemsMax = 10);
        var body = new StringBuilder("\uFEFF");
        for (var i = 0; i < 205; i++)
        {
            body.Append($"{{\"key\":\"key{i % 41}\",\"value\":\"{i}\"}}").Append(i % 3 == 0 ? "\r\n" : "\n\n");
        }
        body.Append("{\"key\":\"last\",\"json\":{\"a\": 1},\"ttl\":\"never\"}");

        var answer = await ImportAsync(gateway, body.ToString());

        Assert.Equal("""{"imported":206,"expired":0,"failed":0,"errors":[]}""", answer.Text);
        for (var i = 0; i < 41; i++)
        {
            Assert.Equal($"{164 + i}", (await gateway.GetAsync($"/v1/keyspaces/k/entries/key{i}")).Text);
        }
        var last = await gateway.GetAsync("/v1/keyspaces/k/entries/last");
        Assert.Equal(("{\"a\": 1}", "application/json"), (last.Text, last.Header("Content-Type")));
    }

    [Theory]
    [InlineData("{\"key\":\"b\",\"value\":", "is not JSON")]
    [InlineData("[1]", "must be an object")]
    [InlineData("{\"key\":\"b\"}", "needs value")]
    [InlineData("{\"value\":\"b\"}", "needs key")]
    [InlineData("{\"key\":\"\",\"value\":\"b\"}", "key is 0 bytes")]
    [InlineData("{\"key\":\"b\",\"value\":\"b\",\"colour\":1}", "'colour'")]
    [InlineData("{\"key\":\"b\",\"key\":\"c\",\"value\":\"b\"}", "twice")]
    [InlineData("{\"key\":\"b\",\"value\":\"b\",\"value64\":\"YQ\"}", "one of value")]
    [InlineData("{\"key\":\"b\",\"value64\":\"?\"}", "value64 must be")]
    [InlineData("{\"key\":\"b\",\"value\":\"\\ud800\"}", "half a character")]
    [InlineData("{\"key\":\"b\",\"value\":\"b\",\"ttl\":0}", "ttl must be")]
    [InlineData("{\"key\":\"b\",\"value\":\"b\",\"expires\":\"soon\"}", "expires must be")]
    [InlineData("{\"key\":\"b\",\"value\":\"b\",\"expires\":\"2999-01-01T00:00:00Z\",\"ttl\":1}", "not both")]
    [InlineData("{\"key\":\"b\",\"value\":\"b\",\"contentType\":\"\\n\"}", "contentType must be")]
    [InlineData("{\"cursor\":\"x\",\"problem\":{\"code\":\"unavailable\"}}", "broke off")]
    public async Task The_first_line_that_cannot_be_read_ends_the_import_and_those_before_it_are_in(
        string line,
        string fault
    )
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var answer = await ImportAsync(
            gateway,
            $"{{\"key\":\"a\",\"value\":\"x\"}}\n\n{line}\n{{\"key\":\"c\",\"value\":\"x\"}}\n"
        );

        Assert.Equal((400, "invalid-body"), (answer.Status, answer.Code));
        Assert.Contains("Line 3 ", answer.Json.GetProperty("detail").GetString());
        Assert.Contains(fault, answer.Json.GetProperty("detail").GetString());
        Assert.Equal(3, answer.Json.GetProperty("line").GetInt32());
        Assert.Equal(1, answer.Json.GetProperty("import").GetProperty("imported").GetInt32());
        Assert.Equal(200, (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Status);
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/k/entries/c")).Status);
    }

    [Fact]
    public async Task A_line_longer_than_any_entry_is_refused_without_reading_it_whole()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.ValueBytesMax = 100);
        var answer = await ImportAsync(gateway, $"{{\"key\":\"a\",\"value\":\"x\"}}\n{new string('x', 100_000)}");

        Assert.Equal((413, "too-large"), (answer.Status, answer.Code));
        Assert.Equal(2, answer.Json.GetProperty("line").GetInt32());
        Assert.Equal("x", (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Text);
    }

    [Fact]
    public async Task The_largest_values_are_taken_however_they_are_written()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var escaped = string.Concat(Enumerable.Repeat("\\u0001", Limits.ValueBytesMax));
        var answer = await ImportAsync(
            gateway,
            string.Join('\n', Enumerable.Range(0, 6).Select(i => $"{{\"key\":\"{i}\",\"value\":\"{escaped}\"}}"))
        );

        Assert.Equal((200, 6), (answer.Status, answer.Json.GetProperty("imported").GetInt32()));
        Assert.Equal(Limits.ValueBytesMax, (await gateway.GetAsync("/v1/keyspaces/k/entries/5")).Body.Length);
    }

    [Fact]
    public async Task Entries_that_have_expired_are_counted_and_left_out()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var answer = await ImportAsync(
            gateway,
            "{\"key\":\"a\",\"value\":\"x\",\"expires\":\"2001-01-01T00:00:00.000Z\"}\n{\"key\":\"b\",\"value\":\"x\"}"
        );

        Assert.Equal("""{"imported":1,"expired":1,"failed":0,"errors":[]}""", answer.Text);
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Status);
    }

    [Fact]
    public async Task Lines_that_the_cluster_does_not_take_are_listed_and_the_others_go_in()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var overloads = 2;
        gateway.Client.Intercept = (_, operation) =>
            Encoding.UTF8.GetString(operation.Key.Span) switch
            {
                "doubt" => OperationOutcome.Of(OutcomeKind.Unknown, "Nobody knows."),
                "busy" when overloads-- > 0 => OperationOutcome.Of(OutcomeKind.Overloaded, "Wait."),
                _ => null,
            };
        var answer = await ImportAsync(
            gateway,
            "{\"key\":\"a\",\"value\":\"x\"}\n{\"key\":\"doubt\",\"value\":\"x\"}\n{\"key\":\"busy\",\"value\":\"x\"}"
        );

        Assert.Equal((200, 2), (answer.Status, answer.Json.GetProperty("imported").GetInt32()));
        var error = Assert.Single(answer.Json.GetProperty("errors").EnumerateArray());
        Assert.Equal(2, error.GetProperty("line").GetInt32());
        Assert.Equal("unknown-outcome", error.GetProperty("code").GetString());
        Assert.True(error.GetProperty("inDoubt").GetBoolean());
        Assert.Equal("x", (await gateway.GetAsync("/v1/keyspaces/k/entries/busy")).Text);
    }

    [Fact]
    public async Task Where_nothing_of_a_batch_is_taken_the_import_ends_with_its_problem()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.BatchItemsMax = 2);
        gateway.Client.Intercept = (_, operation) =>
            operation.Key.Span[0] >= 'c' ? OperationOutcome.Of(OutcomeKind.DiskFull, "Full.") : null;
        var answer = await ImportAsync(
            gateway,
            string.Join('\n', "abcdefgh".Select(key => $"{{\"key\":\"{key}\",\"value\":\"x\"}}"))
        );

        Assert.Equal((507, "disk-full"), (answer.Status, answer.Code));
        Assert.Equal(3, answer.Json.GetProperty("line").GetInt32());
        Assert.True(answer.Json.GetProperty("inDoubt").GetBoolean());
        var import = answer.Json.GetProperty("import");
        Assert.Equal(2, import.GetProperty("imported").GetInt32());
        Assert.Equal(2, import.GetProperty("failed").GetInt32());
    }

    [Theory]
    [InlineData(ReplicationKind.Raft, "")]
    [InlineData(ReplicationKind.Quorum, "?consistency=all")]
    [InlineData(ReplicationKind.Async, "?consistency=one")]
    public async Task Every_kind_of_keyspace_takes_an_import(ReplicationKind kind, string query)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.Client.PutKeyspaceAsync("other", new() { Replication = kind, Shards = 4 });
        var target = $"/v1/keyspaces/other/import{query}";
        var answer = await gateway.SendAsync("POST", target, "{\"key\":\"a\",\"value\":\"x\"}"u8.ToArray(), Lines);

        Assert.Equal("""{"imported":1,"expired":0,"failed":0,"errors":[]}""", answer.Text);
    }

    [Fact]
    public async Task What_is_no_import_is_refused()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var line = "{\"key\":\"a\",\"value\":\"x\"}"u8.ToArray();
        var json = await gateway.SendAsync("POST", Target, line, "Content-Type: application/json");
        var none = await gateway.SendAsync("POST", Target, line);
        var coded = await gateway.SendAsync("POST", Target, line, Lines, "Content-Encoding: gzip");
        var absent = await gateway.SendAsync("POST", "/v1/keyspaces/absent/import", line, Lines);
        var query = await gateway.SendAsync("POST", Target + "?x=1", line, Lines);
        var named = await gateway.SendAsync("POST", Target, line, Lines, "Idempotency-Key: a");
        var conditional = await gateway.SendAsync("POST", Target, line, Lines, "If-Match: *");
        var wrongLevel = await gateway.SendAsync("POST", Target + "?consistency=all", line, Lines);
        var got = await gateway.GetAsync(Target);
        var nothing = await gateway.SendAsync("POST", Target, [], Lines);

        Assert.Equal((415, 415, 415), (json.Status, none.Status, coded.Status));
        Assert.Equal((404, "no-such-keyspace"), (absent.Status, absent.Code));
        Assert.Equal((400, "invalid-query"), (query.Status, query.Code));
        Assert.Equal((400, 400), (named.Status, conditional.Status));
        Assert.Equal((422, "not-applicable"), (wrongLevel.Status, wrongLevel.Code));
        Assert.Equal(405, got.Status);
        Assert.Equal("""{"imported":0,"expired":0,"failed":0,"errors":[]}""", nothing.Text);
        Assert.Equal(0, gateway.Log.Errors);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_body_without_a_length_is_taken_as_it_comes(int version)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(
            HttpMethod.Post,
            $"http://127.0.0.1:{(version == 1 ? gateway.Port : gateway.Http2Port)}{Target}"
        )
        {
            Version = new(version, version == 1 ? 1 : 0),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new LinesContent(entries: 2_500, valueBytes: 4_000),
        };
        using var answer = await http.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(
            """{"imported":2500,"expired":0,"failed":0,"errors":[]}""",
            await answer.Content.ReadAsStringAsync()
        );
        Assert.Equal(4_000, (await gateway.GetAsync("/v1/keyspaces/k/entries/key2499")).Body.Length);
    }

    private static Task<RawAnswer> ImportAsync(GatewayFixture gateway, string lines) =>
        gateway.SendAsync("POST", Target, Encoding.UTF8.GetBytes(lines), Lines);

    private static async Task<byte[]> ExportAsync(GatewayFixture gateway, string keyspace) =>
        (await gateway.GetAsync($"/v1/keyspaces/{keyspace}/entries", "Accept: application/x-ndjson")).Body;

    /// <summary>Lines that are written while they are sent.</summary>
    private sealed class LinesContent : HttpContent
    {
        private readonly int entries;
        private readonly string value;

        public LinesContent(int entries, int valueBytes)
        {
            this.entries = entries;
            value = new('v', valueBytes);
            Headers.ContentType = new MediaTypeHeaderValue("application/x-ndjson");
        }

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            for (var i = 0; i < entries; i++)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes($"{{\"key\":\"key{i}\",\"value\":\"{value}\"}}\n"));
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
