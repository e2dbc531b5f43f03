using System.Text;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

/// <summary>Increments and patches as requests and answers.</summary>
public sealed class ChangeTests
{
    private const string K = "/v1/keyspaces/k";
    private const string Entries = K + "/entries";
    private const string Json = "Content-Type: application/json";
    private const string Patch = "Content-Type: application/merge-patch+json";

    [Fact]
    public async Task An_increment_answers_the_sum_with_its_version_and_end()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var first = await gateway.SendAsync("POST", Entries + "/n/increment", null, "Exapyte-TTL: 60");
        var second = await gateway.SendAsync("POST", Entries + "/n/increment", "{\"by\":-5}"u8.ToArray(), Json);
        var read = await gateway.GetAsync(Entries + "/n");

        Assert.Equal(
            (200, "{\"value\":1,\"version\":\"1\",\"expires\":\"2025-06-15T15:07:40.123Z\"}"),
            (first.Status, first.Text)
        );
        Assert.Equal(
            (200, "\"2\"", -4),
            (second.Status, second.Header("ETag"), second.Json.GetProperty("value").GetInt64())
        );
        Assert.Equal("2025-06-15T15:07:40.123Z", second.Header("Exapyte-Expires"));
        Assert.Equal(("-4", "application/json"), (read.Text, read.Header("Content-Type")));
    }

    [Fact]
    public async Task A_key_that_ends_like_the_call_is_a_key_by_every_other_method()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(Entries + "/a/increment", "text");

        Assert.Equal(200, (await gateway.SendAsync("POST", Entries + "/a/increment")).Status);
        Assert.Equal("text", (await gateway.GetAsync(Entries + "/a/increment")).Text);
        Assert.Equal("1", (await gateway.GetAsync(Entries + "/a")).Text);
        Assert.Equal(200, (await gateway.SendAsync("POST", K + "/entries64/YQ/increment")).Status);
        Assert.Equal("2", (await gateway.GetAsync(Entries + "/a")).Text);
        Assert.Equal(422, (await gateway.SendAsync("POST", Entries + "/a/increment/increment")).Status);
        Assert.Equal(405, (await gateway.SendAsync("POST", Entries + "/increment")).Status);
        Assert.Equal(405, (await gateway.SendAsync("POST", Entries + "/a%2Fincrement")).Status);
        Assert.Equal("invalid-key", (await gateway.SendAsync("POST", Entries + "//increment")).Code);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("1")]
    [InlineData("{\"by\":\"1\"}")]
    [InlineData("{\"by\":1.5}")]
    [InlineData("{\"by\":9223372036854775808}")]
    [InlineData("{\"by\":null}")]
    [InlineData("{\"initial\":1}")]
    [InlineData("{\"by\":1,\"by\":2}")]
    [InlineData("{")]
    public async Task A_bad_amount_is_400_and_changes_nothing(string body)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.SendAsync("POST", Entries + "/n/increment", Encoding.UTF8.GetBytes(body), Json);

        Assert.Equal((400, "invalid-body"), (answer.Status, answer.Code));
        Assert.Equal(404, (await gateway.GetAsync(Entries + "/n")).Status);
    }

    [Fact]
    public async Task Conditions_and_idempotency_keys_count_as_on_a_put()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        const string key = "Idempotency-Key: once";

        var first = await gateway.SendAsync("POST", Entries + "/n/increment", null, key);
        await gateway.SendAsync("POST", Entries + "/n/increment");
        var again = await gateway.SendAsync("POST", Entries + "/n/increment", null, key);
        var other = await gateway.SendAsync("POST", Entries + "/n/increment", "{\"by\":2}"u8.ToArray(), key, Json);
        var stale = await gateway.SendAsync("POST", Entries + "/n/increment", null, "If-Match: \"1\"");
        var patched = await gateway.SendAsync("PATCH", Entries + "/p", "{}"u8.ToArray(), "If-Match: *", Patch);

        Assert.Equal(first.Text, again.Text);
        Assert.Equal((422, "request-id-reused"), (other.Status, other.Code));
        Assert.Equal((412, 412), (stale.Status, patched.Status));
        Assert.Equal("2", (await gateway.GetAsync(Entries + "/n")).Text);
    }

    [Fact]
    public async Task A_patch_creates_then_changes_and_answers_like_a_put()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var created = await gateway.SendAsync("PATCH", Entries + "/p", "{\"a\":1,\"b\":2}"u8.ToArray(), Patch);
        var changed = await gateway.SendAsync(
            "PATCH",
            K + "/entries64/cA",
            "{\"a\":null,\"c\":3}"u8.ToArray(),
            Patch + "; charset=utf-8"
        );

        Assert.Equal((201, "\"1\""), (created.Status, created.Header("ETag")));
        Assert.Equal((204, "\"2\""), (changed.Status, changed.Header("ETag")));
        Assert.Equal("{\"b\":2,\"c\":3}", (await gateway.GetAsync(Entries + "/p")).Text);
    }

    [Theory]
    [InlineData("{}", "Content-Type: application/json", 415)]
    [InlineData("{}", "Content-Type: text/plain", 415)]
    [InlineData("{}", "X-None: 1", 415)]
    [InlineData("{", Patch, 400)]
    [InlineData("", Patch, 400)]
    [InlineData("{\"a\":1,\"a\":2}", Patch, 400)]
    [InlineData("{\"a\":\"\\ud800\"}", Patch, 400)]
    public async Task What_is_no_merge_patch_is_refused_and_changes_nothing(string body, string header, int status)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.SendAsync("PATCH", Entries + "/p", Encoding.UTF8.GetBytes(body), header);

        Assert.Equal(status, answer.Status);
        Assert.Equal(404, (await gateway.GetAsync(Entries + "/p")).Status);
    }

    [Fact]
    public async Task A_patch_larger_than_a_value_is_413_and_a_leaderless_keyspace_takes_neither()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.ValueBytesMax = 1_000);
        await gateway.PutAsync("/v1/keyspaces/q", "{\"replication\":\"quorum\"}");
        var large = Encoding.UTF8.GetBytes($"{{\"a\":\"{new string('x', 1_000)}\"}}");

        Assert.Equal(413, (await gateway.SendAsync("PATCH", Entries + "/p", large, Patch)).Status);
        Assert.Equal(422, (await gateway.SendAsync("POST", "/v1/keyspaces/q/entries/n/increment")).Status);
        Assert.Equal(
            422,
            (await gateway.SendAsync("PATCH", "/v1/keyspaces/q/entries/n", "{}"u8.ToArray(), Patch)).Status
        );
    }

    [Fact]
    public async Task Items_of_a_batch_count_and_patch_and_what_they_may_not_hold_is_named()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var batch = await gateway.PostJsonAsync(
            K + "/batch",
            """
            {"items":[{"op":"increment","key":"n"},{"op":"increment","key":"n","by":41},{"op":"get","key":"n"},
                      {"op":"patch","key":"p","json":{"a":1}},{"op":"patch","key":"p","json":{"b":2}}]}
            """
        );
        var refused = await gateway.PostJsonAsync(
            K + "/batch",
            """
            {"items":[{"op":"increment","key":"n","value":"1"},{"op":"increment","key":"n","by":"1"},{"op":"put","key":"n","value":"1","by":1},
                      {"op":"patch","key":"p","value":"{}"},{"op":"patch","key":"p","json":{},"contentType":"text/plain"}]}
            """
        );

        Assert.Equal(
            "{\"items\":[{\"status\":200,\"value\":1,\"version\":\"1\"},{\"status\":200,\"value\":42,\"version\":\"2\"},"
                + "{\"status\":200,\"version\":\"2\",\"contentType\":\"application/json\",\"modified\":\"2025-06-15T15:06:40.123Z\",\"bytes\":2,\"json\":42},"
                + "{\"status\":201,\"version\":\"3\"},{\"status\":204,\"version\":\"4\"}]}",
            batch.Text
        );
        Assert.Equal(400, refused.Status);
        var reasons = refused
            .Json.GetProperty("reasons")
            .EnumerateArray()
            .Select(reason => reason.GetString()!)
            .ToList();
        Assert.All(
            Enumerable.Range(0, 5),
            at => Assert.Contains(reasons, reason => reason.StartsWith($"items[{at}]", StringComparison.Ordinal))
        );
    }
}
