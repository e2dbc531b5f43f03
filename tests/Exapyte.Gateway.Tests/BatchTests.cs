using System.Text;
using System.Text.Json;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Operations;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class BatchTests
{
    private const string K = "/v1/keyspaces/k";
    private const string Batch = K + "/batch";

    [Fact]
    public async Task Every_item_has_a_status_of_its_own()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(K + "/entries/old", "1", "Content-Type: text/plain");

        var answer = await gateway.PostJsonAsync(
            Batch,
            """
            {"items":[
              {"op":"put","key":"new","value":"æ","contentType":"text/plain","ttl":60},
              {"op":"put","key":"old","value":"2","ifVersion":"1"},
              {"op":"put","key":"old","value":"3","ifVersion":"1"},
              {"op":"put","key":"old","value":"3","ifAbsent":true},
              {"op":"put","key":"doc","json":{"a": [1,2]}},
              {"op":"put","key64":"_w","value64":"AP8","ttl":"never","ifAbsent":false},
              {"op":"get","key":"new"},
              {"op":"get","key":"doc"},
              {"op":"head","key64":"_w=="},
              {"op":"get","key":"absent"},
              {"op":"delete","key":"old","ifVersion":"*"},
              {"op":"delete","key":"old"},
              {"op":"get","key":"new","consistency":"eventual"},
              {"op":"get","key":"new","consistency":"quorum"}
            ]}
            """
        );

        Assert.Equal(200, answer.Status);
        var items = answer.Json.GetProperty("items");
        Assert.Equal(
            [201, 204, 412, 412, 201, 201, 200, 200, 200, 404, 204, 204, 200, 422],
            items.EnumerateArray().Select(item => item.GetProperty("status").GetInt32())
        );
        Assert.Equal("""{"status":201,"version":"2","expires":"2025-06-15T15:07:40.123Z"}""", items[0].GetRawText());
        Assert.Equal("precondition-failed", items[2].GetProperty("code").GetString());
        Assert.Equal("3", items[2].GetProperty("version").GetString());
        Assert.Equal("æ", items[6].GetProperty("value").GetString());
        Assert.Equal("""{"a": [1,2]}""", items[7].GetProperty("json").GetRawText());
        Assert.Equal("application/json", items[7].GetProperty("contentType").GetString());
        Assert.Equal(2, items[8].GetProperty("bytes").GetInt32());
        Assert.False(items[8].TryGetProperty("value64", out _));
        Assert.Equal("not-found", items[9].GetProperty("code").GetString());
        Assert.Equal("""{"status":204}""", items[10].GetRawText());
        Assert.Equal(new byte[] { 0, 255 }, (await gateway.GetAsync(K + "/entries/%FF")).Body);
        Assert.Equal("""{"a": [1,2]}""", (await gateway.GetAsync(K + "/entries/doc")).Text);
    }

    [Theory]
    [InlineData("", "must be a JSON object")]
    [InlineData("null", "must be a JSON object")]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("{}", "items must be an array")]
    [InlineData("""{"items":null}""", "items must be an array")]
    [InlineData("""{"items":[],"atomic":1}""", "atomic must be true or false")]
    [InlineData("""{"items":[],"atomic":null}""", "atomic must be true or false")]
    [InlineData("""{"items":[],"consistency":"x"}""", "consistency must be")]
    [InlineData("""{"items":[],"consistency":"bounded"}""", "Exapyte-Max-Staleness")]
    [InlineData("""{"items":[],"more":1}""", "'more' is not known")]
    [InlineData("""{"items":[null]}""", "items[0]: must be an object")]
    [InlineData("""{"items":[{}]}""", "items[0]: op must be get, head, put, delete, increment or patch.")]
    [InlineData("""{"items":[{"op":"PUT","key":"a","value":""}]}""", "op must be")]
    [InlineData("""{"items":[{"op":"get"}]}""", "needs key or key64")]
    [InlineData("""{"items":[{"op":"get","key":""}]}""", "a key is 1 to 1024")]
    [InlineData("""{"items":[{"op":"get","key":5}]}""", "key must be text")]
    [InlineData("""{"items":[{"op":"get","key":"a","key64":"YQ"}]}""", "takes one of key or key64")]
    [InlineData("""{"items":[{"op":"get","key64":"a"}]}""", "key64 must be base64url")]
    [InlineData("""{"items":[{"op":"get","key64":"YS+i"}]}""", "key64 must be base64url")]
    [InlineData("""{"items":[{"op":"put","key":"a"}]}""", "needs value, value64 or json")]
    [InlineData("""{"items":[{"op":"put","key":"a","value":null}]}""", "value must be text")]
    [InlineData("""{"items":[{"op":"put","key":"a","value":"","json":1}]}""", "takes one of value, value64 or json")]
    [InlineData("""{"items":[{"op":"put","key":"a","value":"","ttl":0}]}""", "ttl must be")]
    [InlineData("""{"items":[{"op":"put","key":"a","value":"","ttl":1e3}]}""", "ttl must be")]
    [InlineData("""{"items":[{"op":"put","key":"a","value":"","ttl":null}]}""", "ttl must be")]
    [InlineData("""{"items":[{"op":"put","key":"a","value":"","contentType":"a\r\nb"}]}""", "contentType must be")]
    [InlineData("""{"items":[{"op":"put","key":"a","value":"","ifVersion":1}]}""", "ifVersion must be")]
    [InlineData("""{"items":[{"op":"put","key":"a","value":"","ifVersion":"01"}]}""", "ifVersion must be")]
    [InlineData("""{"items":[{"op":"put","key":"a","value":"","ifVersion":"1","ifAbsent":true}]}""", "not both")]
    [InlineData("""{"items":[{"op":"get","key":"a","ifVersion":"1"}]}""", "only a write takes ifVersion")]
    [InlineData("""{"items":[{"op":"delete","key":"a","value":"x"}]}""", "only a put takes a value")]
    [InlineData("""{"items":[{"op":"get","key":"a","consistency":7}]}""", "items[0].consistency must be")]
    [InlineData("""{"items":[{"op":"get","key":"a","colour":"red"}]}""", "has 'colour'")]
    [InlineData("""{"items":[{"op":"get","key":"\udc00"}]}""", "half a character")]
    [InlineData("""{"items":[{"op":"get","key":"a","key":"b"}]}""", "names a member twice")]
    public async Task A_batch_that_cannot_be_read_is_400_and_changes_nothing(string json, string reason)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.PostJsonAsync(Batch, json);

        Assert.Equal((400, "invalid-body"), (answer.Status, answer.Code));
        Assert.Contains(reason, answer.Json.GetProperty("detail").GetString()!);
        Assert.Equal(0, gateway.Client.Operations);
    }

    [Fact]
    public async Task Every_reason_is_given_up_to_a_hundred()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var two = await gateway.PostJsonAsync(
            Batch,
            """{"items":[{"op":"get"},{"op":"put","key":"a","value":"x"},{"op":"x","key":"a"}]}"""
        );
        Assert.Equal(
            ["items[0]: needs key or key64.", "items[2]: op must be get, head, put, delete, increment or patch."],
            two.Json.GetProperty("reasons").EnumerateArray().Select(reason => reason.GetString())
        );

        var many = await gateway.PostJsonAsync(
            Batch,
            $"{{\"items\":[{string.Join(',', Enumerable.Repeat("{}", 900))}]}}"
        );
        Assert.Equal(101, many.Json.GetProperty("reasons").GetArrayLength());
    }

    [Fact]
    public async Task An_empty_batch_does_nothing()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        Assert.Equal("""{"items":[]}""", (await gateway.PostJsonAsync(Batch, """{"items":[]}""")).Text);
    }

    [Fact]
    public async Task Items_keys_values_and_bytes_have_limits()
    {
        await using var gateway = await GatewayFixture.StartAsync(options =>
        {
            options.BatchItemsMax = 3;
            options.ValueBytesMax = 10;
            options.KeyBytesMax = 4;
            options.BatchBytesMax = 25;
        });

        Assert.Equal(200, (await PutAsync(("a", 10), ("b", 10))).Status);
        Assert.Equal("too-large", (await PutAsync(("a", 10), ("b", 10), ("c", 3))).Code);
        Assert.Equal("invalid-body", (await PutAsync(("a", 1), ("b", 1), ("c", 1), ("d", 1))).Code);
        Assert.Equal("invalid-body", (await PutAsync(("a", 11))).Code);
        Assert.Equal("invalid-body", (await PutAsync(("aaaaa", 1))).Code);
        Assert.Equal(413, (await gateway.PostJsonAsync(Batch, new string(' ', 2_000_000))).Status);
        Assert.Equal(404, (await gateway.GetAsync(K + "/entries/c")).Status);

        Task<RawAnswer> PutAsync(params (string Key, int Bytes)[] items) =>
            gateway.PostJsonAsync(
                Batch,
                $"{{\"items\":[{string.Join(',', items.Select(item => $"{{\"op\":\"put\",\"key\":\"{item.Key}\",\"value\":\"{new string('x', item.Bytes)}\"}}"))}]}}"
            );
    }

    [Fact]
    public async Task A_full_batch_of_a_thousand_items_is_answered_in_order()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var items = Enumerable
            .Range(0, 1_000)
            .Select(at => $"{{\"op\":\"put\",\"key\":\"{at}\",\"value\":\"{new string('x', 4_000)}\"}}");

        var answer = await gateway.PostJsonAsync(Batch, $"{{\"items\":[{string.Join(',', items)}]}}");

        Assert.Equal(200, answer.Status);
        Assert.Equal(
            Enumerable.Range(1, 1_000).Select(version => version.ToString()),
            answer.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("version").GetString())
        );
    }

    [Fact]
    public async Task An_atomic_batch_applies_whole_or_not_at_all_and_has_one_outcome()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(K + "/entries/a", "1");

        var failed = await gateway.PostJsonAsync(
            Batch,
            """
            {"atomic":true,"items":[{"op":"get","key":"absent"},{"op":"put","key":"b","value":"x"},
             {"op":"put","key":"a","value":"2","ifVersion":"9"}]}
            """
        );
        Assert.Equal((412, "precondition-failed"), (failed.Status, failed.Code));
        Assert.Equal(2, failed.Json.GetProperty("item").GetInt32());
        Assert.Equal(404, (await gateway.GetAsync(K + "/entries/b")).Status);

        var applied = await gateway.PostJsonAsync(
            Batch,
            """
            {"atomic":true,"items":[{"op":"get","key":"absent"},{"op":"put","key":"b","value":"x"},
             {"op":"put","key":"a","value":"2","ifVersion":"1"}]}
            """
        );
        Assert.Equal(
            [404, 201, 204],
            applied.Json.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("status").GetInt32())
        );
    }

    [Fact]
    public async Task An_atomic_batch_over_two_shards_is_422()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/wide", "{\"shards\":1024}");

        var answer = await gateway.PostJsonAsync(
            "/v1/keyspaces/wide/batch",
            """{"atomic":true,"items":[{"op":"put","key":"a","value":""},{"op":"put","key":"b","value":""}]}"""
        );

        Assert.Equal((422, "not-applicable"), (answer.Status, answer.Code));
        // No single item decided that.
        Assert.False(answer.Json.TryGetProperty("item", out _));
    }

    [Fact]
    public async Task An_atomic_batch_in_doubt_says_so_and_names_the_item()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Client.Intercept = (_, operation) =>
            operation.Key.Span[0] == 'b' ? new() { Kind = OutcomeKind.Unknown } : null;

        var answer = await gateway.PostJsonAsync(
            Batch,
            """{"atomic":true,"items":[{"op":"put","key":"a","value":""},{"op":"put","key":"b","value":""}]}"""
        );

        Assert.Equal((503, "unknown-outcome"), (answer.Status, answer.Code));
        Assert.True(answer.Json.GetProperty("inDoubt").GetBoolean());
        Assert.Equal(1, answer.Json.GetProperty("item").GetInt32());
    }

    [Fact]
    public async Task A_batch_sent_again_with_its_idempotency_key_applies_once()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        const string json =
            """{"items":[{"op":"put","key":"a","value":"x"},{"op":"put","key":"a","value":"y"},{"op":"get","key":"a"}]}""";

        var first = await gateway.PostJsonAsync(Batch, json, "Idempotency-Key: 1");
        var again = await gateway.PostJsonAsync(Batch, json, "Idempotency-Key: 1");

        Assert.Equal(first.Text, again.Text);
        Assert.Equal("y", (await gateway.GetAsync(K + "/entries/a")).Text);
        var other = await gateway.PostJsonAsync(
            Batch,
            """{"items":[{"op":"put","key":"a","value":"x"}]}""",
            "Idempotency-Key: 1"
        );
        Assert.Equal(
            (422, "request-id-reused"),
            (
                other.Json.GetProperty("items")[0].GetProperty("status").GetInt32(),
                other.Json.GetProperty("items")[0].GetProperty("code").GetString()
            )
        );
        var atomic = await gateway.PostJsonAsync(
            Batch,
            """{"atomic":true,"items":[{"op":"get","key":"a"},{"op":"put","key":"a","value":"z"}]}""",
            "Idempotency-Key: 1"
        );
        Assert.Equal((422, 1), (atomic.Status, atomic.Json.GetProperty("item").GetInt32()));
        Assert.Equal("y", (await gateway.GetAsync(K + "/entries/a")).Text);
        var tooLong = await gateway.PostJsonAsync(Batch, json, "Idempotency-Key: " + new string('a', 125));
        Assert.Equal("invalid-header", tooLong.Code);
    }

    [Fact]
    public async Task A_batch_of_another_media_type_or_with_a_condition_is_refused()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        const string json = """{"items":[{"op":"put","key":"a","value":"x"}]}""";
        var body = Encoding.UTF8.GetBytes(json);

        Assert.Equal(415, (await gateway.SendAsync("POST", Batch, body, "Content-Type: text/plain")).Status);
        Assert.Equal(400, (await gateway.PostJsonAsync(Batch, json, "If-Match: *")).Status);
        Assert.Equal("invalid-query", (await gateway.PostJsonAsync(Batch + "?atomic=true", json)).Code);
        Assert.Equal(404, (await gateway.GetAsync(K + "/entries/a")).Status);
    }

    [Fact]
    public async Task The_staleness_of_bounded_reads_comes_from_the_headers()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        List<(ConsistencyLevel, long)> asked = [];
        gateway.Client.Intercept = (_, operation) =>
        {
            asked.Add((operation.Level, operation.MaxStalenessMs));
            return null;
        };

        await gateway.PostJsonAsync(
            Batch,
            """{"items":[{"op":"get","key":"a"},{"op":"get","key":"a","consistency":"linearizable"}]}""",
            "Exapyte-Consistency: bounded",
            "Exapyte-Max-Staleness: 1.5"
        );

        Assert.Equal((ConsistencyLevel.Bounded, 1_500), asked[0]);
        Assert.Equal((ConsistencyLevel.Linearizable, 0), asked[1]);
    }
}
