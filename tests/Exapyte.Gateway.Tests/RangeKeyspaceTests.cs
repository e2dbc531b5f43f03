using System.Text.Json;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class RangeKeyspaceTests
{
    private const string Orders = "/v1/keyspaces/orders";

    [Fact]
    public async Task A_range_keyspace_shows_its_split_keys_and_its_shards_their_bounds()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var created = await gateway.PutAsync(
            Orders,
            """{"distribution":"range","splitKeys":["g","pé"],"splitBytes":65536}"""
        );
        var settings = created.Json.GetProperty("settings").GetRawText();
        var shards = (await gateway.GetAsync(Orders + "/shards")).Json.GetProperty("shards");

        Assert.Equal(201, created.Status);
        Assert.Equal(
            """{"replication":"raft","replicas":3,"distribution":"range","splitKeys":["g","p\u00E9"],"splitBytes":65536,"storage":"disk","idempotencyWindowSeconds":600,"changeRetentionSeconds":600}""",
            settings.Replace("é", "\\u00E9", StringComparison.Ordinal)
        );
        Assert.Equal(
            [(null, "g"), ("g", "pé"), ("pé", null)],
            shards.EnumerateArray().Select(shard => (Text(shard, "start"), Text(shard, "end")))
        );
        foreach (var shard in shards.EnumerateArray())
        {
            Assert.False(shard.TryGetProperty("firstSlot", out _));
            Assert.False(shard.TryGetProperty("start64", out _));
            Assert.Equal("n1", Text(shard, "leader"));
            Assert.True(shard.GetProperty("bytes").GetInt64() >= 0);
        }
        Assert.Equal(200, (await gateway.PutAsync(Orders, settings)).Status);
    }

    [Fact]
    public async Task Split_keys_of_any_bytes_are_given_and_shown_in_base64url()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var created = await gateway.PutAsync(Orders, """{"distribution":"range","splitKeys64":["Zw","_w=="]}""");
        var settings = created.Json.GetProperty("settings");
        var shards = (await gateway.GetAsync(Orders + "/shards")).Json.GetProperty("shards");

        Assert.Equal(201, created.Status);
        Assert.Equal("""["Zw","_w"]""", settings.GetProperty("splitKeys64").GetRawText());
        Assert.False(settings.TryGetProperty("splitKeys", out _));
        Assert.Equal(536_870_912, settings.GetProperty("splitBytes").GetInt64());
        Assert.Equal(
            [(null, null, "g", null), ("g", null, null, "_w"), (null, "_w", null, null)],
            shards
                .EnumerateArray()
                .Select(one => (Text(one, "start"), Text(one, "start64"), Text(one, "end"), Text(one, "end64")))
        );
    }

    [Theory]
    [InlineData("{\"distribution\":\"range\"}")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":[]}")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":null,\"splitBytes\":null,\"partitionDelimiter\":null}")]
    public async Task Without_split_keys_it_begins_as_one_shard_without_bounds(string body)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        Assert.Equal(201, (await gateway.PutAsync(Orders, body)).Status);
        var shards = (await gateway.GetAsync(Orders + "/shards")).Json.GetProperty("shards");

        var only = Assert.Single(shards.EnumerateArray());
        Assert.Null(Text(only, "start"));
        Assert.Null(Text(only, "end"));
        Assert.False(only.TryGetProperty("firstSlot", out _));
    }

    [Fact]
    public async Task Every_reason_is_given_at_once_and_each_once()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.PutAsync(
            Orders,
            """{"distribution":"range","shards":4,"partitionDelimiter":"/","splitKeys":["b","a"],"splitBytes":1}"""
        );

        Assert.Equal(4, answer.Json.GetProperty("reasons").GetArrayLength());
    }

    [Fact]
    public async Task As_many_and_as_long_split_keys_as_there_may_be_are_taken_and_one_more_is_not()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var keys = Enumerable.Range(0, 1_024).Select(i => $"{i:0000}{new string('k', 1_020)}").ToArray();

        Assert.Equal(400, (await gateway.PutAsync(Orders, Settings(keys))).Status);
        Assert.Equal(201, (await gateway.PutAsync(Orders, Settings(keys[1..]))).Status);
        var shards = (await gateway.GetAsync(Orders + "/shards")).Json.GetProperty("shards");

        Assert.Equal(1_024, shards.GetArrayLength());
    }

    [Fact]
    public async Task Split_keys_cannot_be_changed_and_split_bytes_can()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(Orders, """{"distribution":"range","splitKeys":["g"]}""");

        var other = await gateway.PutAsync(Orders, """{"distribution":"range","splitKeys":["h"]}""");
        var hash = await gateway.PutAsync(Orders, "{}");
        var bytes = await gateway.PutAsync(
            Orders,
            """{"distribution":"range","splitKeys64":["Zw"],"splitBytes":65536}"""
        );

        Assert.Equal((409, "keyspace-conflict"), (other.Status, other.Code));
        Assert.Contains("splitKeys is fixed at creation", other.Json.GetProperty("detail").GetString()!);
        Assert.Equal(409, hash.Status);
        Assert.Equal(200, bytes.Status);
        Assert.Equal(65_536, bytes.Json.GetProperty("settings").GetProperty("splitBytes").GetInt64());
    }

    [Fact]
    public async Task An_atomic_batch_lies_in_one_range()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(Orders, """{"distribution":"range","splitKeys":["g","p"]}""");

        var across = await BatchAsync(gateway, "fz", "g");
        var inside = await BatchAsync(gateway, "g", "ozz");

        Assert.Equal(422, across.Status);
        Assert.Equal(200, inside.Status);
        Assert.Equal(404, (await gateway.GetAsync(Orders + "/entries/fz")).Status);
        Assert.Equal(200, (await gateway.GetAsync(Orders + "/entries/ozz")).Status);
    }

    [Fact]
    public async Task A_query_says_how_many_ranges_it_asks()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(Orders, """{"distribution":"range","splitKeys":["g","p","u"]}""");

        var narrow = await ExplainAsync("key.startsWith('h')");
        var wide = await ExplainAsync("key >= 'fz' && key < 'p1'");

        Assert.Equal(1, narrow);
        Assert.Equal(3, wide);

        async Task<int> ExplainAsync(string where)
        {
            var answer = await gateway.PostJsonAsync(Orders + "/query/explain", $$"""{"where":"{{where}}"}""");
            Assert.Equal(200, answer.Status);
            return answer.Json.GetProperty("shards").GetInt32();
        }
    }

    private static string Settings(string[] keys) =>
        $$"""{"distribution":"range","splitKeys":["{{string.Join("\",\"", keys)}}"]}""";

    private static Task<RawAnswer> BatchAsync(GatewayFixture gateway, string one, string other) =>
        gateway.PostJsonAsync(
            Orders + "/batch",
            $$"""
            {"atomic":true,"items":[{"op":"put","key":"{{one}}","value":"1"},{"op":"put","key":"{{other}}","value":"2"}]}
            """
        );

    private static string? Text(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) ? value.GetString() : null;
}
