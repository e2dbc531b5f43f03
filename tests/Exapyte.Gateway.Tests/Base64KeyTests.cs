using System.Text;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

/// <summary>Keys as base64url, wherever a request may hold one.</summary>
public sealed class Base64KeyTests
{
    private const string K = "/v1/keyspaces/k";

    [Theory]
    [InlineData("YQ")]
    [InlineData("YQ==")]
    [InlineData("_z8-YQ")]
    [InlineData("_z8-YQ==")]
    [InlineData("_z8-YWI")]
    [InlineData("_z8-YWI=")]
    [InlineData("_z8-")]
    public async Task A_key_is_taken_with_and_without_padding_in_every_place(string key64)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var bare = key64.TrimEnd('=');

        var import = await Import(gateway, key64);
        Assert.Equal("""{"imported":1,"expired":0,"failed":0,"errors":[]}""", import.Text);
        foreach (var spelling in new[] { bare, key64, Uri.EscapeDataString(key64) })
        {
            Assert.Equal("x", (await gateway.GetAsync($"{K}/entries64/{spelling}")).Text);
            foreach (var parameter in new[] { "prefix64", "start64" })
            {
                var list = await gateway.GetAsync($"{K}/entries?{parameter}={spelling}");
                Assert.Equal(1, list.Json.GetProperty("entries").GetArrayLength());
            }
            Assert.Equal(200, (await gateway.GetAsync($"{K}/entries?end64={spelling}")).Status);
        }
        var batch = await Batch(gateway, $$"""{"op":"get","key64":"{{key64}}"}""");
        Assert.Equal(200, batch.Json.GetProperty("items")[0].GetProperty("status").GetInt32());
        var value = await Batch(gateway, $$"""{"op":"put","key":"v","value64":"{{key64}}"}""");
        Assert.Equal(201, value.Json.GetProperty("items")[0].GetProperty("status").GetInt32());
    }

    [Theory]
    [InlineData("YR")]
    [InlineData("YR==")]
    [InlineData("YWJ")]
    [InlineData("YWJ=")]
    [InlineData("YQ=")]
    [InlineData("YQ===")]
    [InlineData("YQ====")]
    [InlineData("YWI==")]
    [InlineData("YWJj=")]
    [InlineData("Y")]
    [InlineData("Y=Q=")]
    [InlineData("YQ ")]
    [InlineData("/z8+")]
    [InlineData("ÿQ")]
    public async Task Another_spelling_is_refused_in_every_place_and_changes_nothing(string key64)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var escaped = Uri.EscapeDataString(key64);

        Assert.Equal("invalid-key", (await gateway.PutAsync($"{K}/entries64/{escaped}", "x")).Code);
        foreach (var parameter in new[] { "prefix64", "start64", "end64" })
        {
            Assert.Equal("invalid-query", (await gateway.GetAsync($"{K}/entries?{parameter}={escaped}")).Code);
        }
        Assert.Equal("invalid-body", (await Batch(gateway, $$"""{"op":"put","key64":"{{key64}}","value":"x"}""")).Code);
        Assert.Equal("invalid-body", (await Batch(gateway, $$"""{"op":"put","key":"v","value64":"{{key64}}"}""")).Code);
        Assert.Equal("invalid-body", (await Import(gateway, key64)).Code);
        Assert.Equal("""{"entries":[],"cursor":null}""", (await gateway.GetAsync(K + "/entries")).Text);
    }

    [Fact]
    public async Task Names_and_values_of_a_query_are_percent_decoded_once()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        foreach (var key in new[] { "a", "b", "c" })
        {
            await gateway.PutAsync($"{K}/entries/{key}", "x");
        }

        var page = await gateway.GetAsync(
            $"{K}/entries?%6cimit=%31&keys%4Fnly=%74rue&reverse=%66alse&consistency=event%75al"
        );
        var cursor = page.Json.GetProperty("cursor").GetString()!;
        var escaped = string.Concat(cursor.Select(character => $"%{(int)character:X2}"));
        var next = await gateway.GetAsync($"{K}/entries?cursor={escaped}&limit=1");
        var twice = await gateway.GetAsync($"{K}/entries?limit=%2531");
        var doubled = await gateway.GetAsync($"{K}/entries?limit=1&%6cimit=1");
        var broken = await gateway.GetAsync($"{K}/entries?limit=%3");

        Assert.Equal("a", page.Json.GetProperty("entries")[0].GetProperty("key").GetString());
        Assert.Equal("b", next.Json.GetProperty("entries")[0].GetProperty("key").GetString());
        Assert.Equal(("invalid-query", "invalid-query", "invalid-query"), (twice.Code, doubled.Code, broken.Code));
    }

    private static Task<RawAnswer> Batch(GatewayFixture gateway, string item) =>
        gateway.PostJsonAsync(K + "/batch", $$"""{"items":[{{item}}]}""");

    private static Task<RawAnswer> Import(GatewayFixture gateway, string key64) =>
        gateway.SendAsync(
            "POST",
            K + "/import",
            Encoding.UTF8.GetBytes($$"""{"key64":"{{key64}}","value":"x"}"""),
            "Content-Type: application/x-ndjson"
        );
}
