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

    [Fact]
    public async Task A_read_with_a_malformed_tag_is_refused()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        Assert.Equal("invalid-header", (await gateway.GetAsync(A, "If-None-Match: 1")).Code);
        var tags = string.Join(',', Enumerable.Repeat("\"1\"", 101));
        Assert.Equal("invalid-header", (await gateway.GetAsync(A, "If-None-Match: " + tags)).Code);
    }
}
