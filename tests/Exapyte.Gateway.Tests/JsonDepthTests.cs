using System.Text;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class JsonDepthTests
{
    private const string K = "/v1/keyspaces/k";

    [Theory]
    [InlineData(61)]
    [InlineData(62)]
    [InlineData(64)]
    public async Task JSON_of_64_levels_is_taken_by_every_way_in_and_listed_as_JSON(int levels)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var json = Nested(levels);

        var batch = await BatchAsync(gateway, json);
        var import = await ImportAsync(gateway, json);
        await gateway.PutAsync(K + "/entries/put", json, "Content-Type: application/json");

        Assert.Equal(201, batch.Json.GetProperty("items")[0].GetProperty("status").GetInt32());
        Assert.Equal(1, import.Json.GetProperty("imported").GetInt32());
        foreach (var key in new[] { "batch", "import", "put" })
        {
            Assert.Equal(json, (await gateway.GetAsync($"{K}/entries/{key}")).Text);
            Assert.Contains($"\"json\":{json}", (await gateway.GetAsync($"{K}/entries?prefix={key}")).Text);
        }
    }

    [Fact]
    public async Task JSON_of_65_levels_is_refused_as_JSON_and_kept_as_a_value()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var json = Nested(65);

        var batch = await BatchAsync(gateway, json);
        var import = await ImportAsync(gateway, json);
        var settings = await gateway.PutAsync("/v1/keyspaces/new", json, "Content-Type: application/json");
        var put = await gateway.PutAsync(K + "/entries/put", json, "Content-Type: application/json");

        Assert.Equal(("invalid-body", "invalid-body", "invalid-body"), (batch.Code, import.Code, settings.Code));
        Assert.Equal(201, put.Status);
        var listed = Assert.Single(
            (await gateway.GetAsync(K + "/entries")).Json.GetProperty("entries").EnumerateArray()
        );
        Assert.Equal(json, listed.GetProperty("value").GetString());
    }

    [Theory]
    [InlineData("POST", "/v1/keyspaces/k/batch", "{\"items\":[{\"op\":\"get\",\"key\":\"a\",\"\\ud800\":1}]}")]
    [InlineData("POST", "/v1/keyspaces/k/batch", "{\"items\":[{\"op\":\"get\",\"key\":\"\\ud800\"}]}")]
    [InlineData("PUT", "/v1/keyspaces/new", "{\"\\ud800\":1}")]
    public async Task Text_of_half_a_character_is_a_bad_body_wherever_it_stands(
        string method,
        string target,
        string body
    )
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.SendAsync(
            method,
            target,
            Encoding.UTF8.GetBytes(body),
            "Content-Type: application/json"
        );

        Assert.Equal((400, "invalid-body"), (answer.Status, answer.Code));
        Assert.Equal(0, gateway.Log.Errors);
    }

    private static string Nested(int levels) => new string('[', levels) + new string(']', levels);

    private static Task<RawAnswer> BatchAsync(GatewayFixture gateway, string json) =>
        gateway.PostJsonAsync(K + "/batch", $$"""{"items":[{"op":"put","key":"batch","json":{{json}}}]}""");

    private static Task<RawAnswer> ImportAsync(GatewayFixture gateway, string json) =>
        gateway.SendAsync(
            "POST",
            K + "/import",
            Encoding.UTF8.GetBytes($$"""{"key":"import","json":{{json}}}"""),
            "Content-Type: application/x-ndjson"
        );
}
