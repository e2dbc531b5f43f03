using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class ConditionTests
{
    private const string A = "/v1/keyspaces/k/entries/a";

    // The entry is at version 2; an absent one at none.
    [Theory]
    [InlineData("If-Match: \"2\"", 204, 412)]
    [InlineData("If-Match: \"1\"", 412, 412)]
    [InlineData("If-Match: \"1\", \"2\"", 204, 412)]
    [InlineData("If-Match: \"1\",\"2\" ,, \"x\"", 204, 412)]
    [InlineData("If-Match: W/\"2\"", 412, 412)]
    [InlineData("If-Match: \"02\"", 412, 412)]
    [InlineData("If-Match: \"0\"", 412, 412)]
    [InlineData("If-Match: \"\"", 412, 412)]
    [InlineData("If-Match: *", 204, 412)]
    [InlineData("If-None-Match: *", 412, 201)]
    [InlineData("If-None-Match: \"2\"", 412, 201)]
    [InlineData("If-None-Match: W/\"2\"", 412, 201)]
    [InlineData("If-None-Match: \"1\"", 204, 201)]
    [InlineData("If-None-Match: \"1\", W/\"2\"", 412, 201)]
    [InlineData("If-None-Match: \"other, tag\"", 204, 201)]
    [InlineData("If-Match: \"1\"\r\nIf-Match: \"2\"", 204, 412)]
    public async Task A_conditional_put_applies_only_where_the_condition_is_met(string header, int present, int absent)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "1");
        await gateway.PutAsync(A, "2");

        var onPresent = await gateway.PutAsync(A, "3", header.Split("\r\n"));
        var onAbsent = await gateway.PutAsync(A + "bsent", "3", header.Split("\r\n"));

        Assert.Equal((present, absent), (onPresent.Status, onAbsent.Status));
        Assert.Equal(present == 412 ? "2" : "3", (await gateway.GetAsync(A)).Text);
        if (present == 412)
        {
            Assert.Equal("precondition-failed", onPresent.Code);
            Assert.Equal("2", onPresent.Json.GetProperty("version").GetString());
            Assert.Equal("\"2\"", onPresent.Header("ETag"));
        }
        if (absent == 412)
        {
            Assert.False(onAbsent.Json.TryGetProperty("version", out _));
            Assert.Null(onAbsent.Header("ETag"));
            Assert.Equal(404, (await gateway.GetAsync(A + "bsent")).Status);
        }
    }

    [Theory]
    [InlineData("If-Match: \"1\"", 204)]
    [InlineData("If-Match: \"7\"", 412)]
    [InlineData("If-None-Match: \"1\"", 412)]
    public async Task A_conditional_delete_applies_only_where_the_condition_is_met(string header, int status)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "1");

        Assert.Equal(status, (await gateway.SendAsync("DELETE", A, null, header)).Status);

        Assert.Equal(status == 204 ? 404 : 200, (await gateway.GetAsync(A)).Status);
    }

    [Theory]
    [InlineData("If-None-Match: \"1\"", 304)]
    [InlineData("If-None-Match: W/\"1\"", 304)]
    [InlineData("If-None-Match: *", 304)]
    [InlineData("If-None-Match: \"7\", \"1\"", 304)]
    [InlineData("If-None-Match: \"7\"", 200)]
    [InlineData("If-Match: \"1\"", 200)]
    [InlineData("If-Match: *", 200)]
    [InlineData("If-Match: \"7\"", 412)]
    [InlineData("If-Match: W/\"1\"", 412)]
    [InlineData("If-Match: \"1\"\r\nIf-None-Match: \"1\"", 304)]
    [InlineData("If-Match: \"7\"\r\nIf-None-Match: \"1\"", 412)]
    [InlineData("If-Modified-Since: Sun, 15 Jun 2031 15:06:40 GMT", 200)]
    [InlineData("Range: bytes=0-0", 200)]
    public async Task A_conditional_read_is_judged_by_the_tag(string header, int status)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "x", "Exapyte-TTL: 60");
        using var connection = await gateway.ConnectAsync();

        var read = await connection.SendAsync("GET", A, null, header.Split("\r\n"));
        var head = await connection.SendAsync("HEAD", A, null, header.Split("\r\n"));

        Assert.Equal((status, status), (read.Status, head.Status));
        Assert.Equal("\"1\"", read.Header("ETag"));
        Assert.Equal("\"1\"", head.Header("ETag"));
        if (status == 304)
        {
            Assert.Null(read.Header("Content-Length"));
            Assert.NotNull(read.Header("Last-Modified"));
            Assert.NotNull(read.Header("Exapyte-Expires"));
            Assert.NotNull(read.Header("Exapyte-Served"));
        }
        Assert.Equal(404, (await connection.SendAsync("GET", A + "bsent", null, header.Split("\r\n"))).Status);
    }

    [Theory]
    [InlineData("PUT", "If-Unmodified-Since: Sun, 15 Jun 2031 15:06:40 GMT", 400)]
    [InlineData("PUT", "If-Unmodified-Since: Sun, 15 Jun 2001 15:06:40 GMT", 400)]
    [InlineData("PUT", "If-Modified-Since: Sun, 15 Jun 2001 15:06:40 GMT", 400)]
    [InlineData("PUT", "If-Unmodified-Since: soon", 400)]
    [InlineData("DELETE", "If-Unmodified-Since: Sun, 15 Jun 2031 15:06:40 GMT", 400)]
    [InlineData("DELETE", "If-Modified-Since: Sun, 15 Jun 2001 15:06:40 GMT", 400)]
    [InlineData("GET", "If-Unmodified-Since: Sun, 15 Jun 2031 15:06:40 GMT", 400)]
    [InlineData("HEAD", "If-Unmodified-Since: Sun, 15 Jun 2031 15:06:40 GMT", 400)]
    [InlineData("PUT", "If-None-Match: *\r\nIf-Unmodified-Since: Sun, 15 Jun 2031 15:06:40 GMT", 400)]
    [InlineData("PUT", "If-Match: TAG\r\nIf-Modified-Since: Sun, 15 Jun 2001 15:06:40 GMT", 400)]
    [InlineData("PUT", "If-Match: TAG\r\nIf-Unmodified-Since: Sun, 15 Jun 2001 15:06:40 GMT", 204)]
    [InlineData("PUT", "If-Match: \"x\"\r\nIf-Unmodified-Since: Sun, 15 Jun 2031 15:06:40 GMT", 412)]
    [InlineData("PUT", "If-None-Match: *\r\nIf-Modified-Since: Sun, 15 Jun 2001 15:06:40 GMT", 412)]
    [InlineData("GET", "If-Match: TAG\r\nIf-Unmodified-Since: Sun, 15 Jun 2001 15:06:40 GMT", 200)]
    public async Task A_date_is_refused_unless_a_tag_decides(string method, string headers, int status)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var tag = (await gateway.PutAsync(A, "before")).Header("ETag");

        var body = method == "PUT" ? "after"u8.ToArray() : null;
        var answer = await gateway.SendAsync(method, A, body, headers.Replace("TAG", tag).Split("\r\n"));

        Assert.Equal(status, answer.Status);
        Assert.Equal(status == 204 ? "after" : "before", (await gateway.GetAsync(A)).Text);
    }

    [Theory]
    [InlineData("PUT", "/v1/keyspaces/k", "{}")]
    [InlineData("DELETE", "/v1/keyspaces/k", "")]
    [InlineData("POST", "/v1/keyspaces/k/batch", "{\"items\":[{\"op\":\"delete\",\"key\":\"a\"}]}")]
    [InlineData("POST", "/v1/keyspaces/k/import", "{\"key\":\"a\",\"value\":\"after\"}")]
    public async Task What_takes_no_condition_refuses_each_of_them(string method, string target, string body)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "before");
        foreach (
            var condition in (string[])
                ["If-Match: *", "If-None-Match: *", "If-Unmodified-Since: x", "If-Modified-Since: x"]
        )
        {
            var answer = await gateway.SendAsync(
                method,
                target,
                System.Text.Encoding.UTF8.GetBytes(body),
                condition,
                target.EndsWith("import", StringComparison.Ordinal)
                    ? "Content-Type: application/x-ndjson"
                    : "Content-Type: application/json"
            );
            Assert.Equal((400, "invalid-header"), (answer.Status, answer.Code));
        }
        Assert.Equal("before", (await gateway.GetAsync(A)).Text);
    }

    [Fact]
    public async Task A_read_with_a_malformed_tag_is_refused()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        Assert.Equal("invalid-header", (await gateway.GetAsync(A, "If-None-Match: 1")).Code);
        var tags = string.Join(',', Enumerable.Repeat("\"1\"", 101));
        Assert.Equal("invalid-header", (await gateway.GetAsync(A, "If-None-Match: " + tags)).Code);
    }
}
