using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class KeyspaceTests
{
    private const string Orders = "/v1/keyspaces/orders";

    [Fact]
    public async Task A_keyspace_is_created_read_changed_listed_and_deleted()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var created = await gateway.PutAsync(
            Orders,
            """
            {"replication":"quorum","replicas":5,"writeQuorum":4,"readQuorum":2,"distribution":"hash","shards":4,
             "storage":"memory","defaultTtlSeconds":60,"partitionDelimiter":"/","idempotencyWindowSeconds":30,"changeRetentionSeconds":0,
             "quota":{"entries":9,"bytes":null},"cache":{"entriesMax":7}}
            """,
            "Content-Type: application/json"
        );
        Assert.Equal((201, Orders), (created.Status, created.Header("Location")));
        var read = await gateway.GetAsync(Orders);
        Assert.Equal(created.Json.GetProperty("settings").GetRawText(), read.Json.GetProperty("settings").GetRawText());
        Assert.Equal("""{"entries":0,"bytes":0}""", read.Json.GetProperty("use").GetRawText());
        var settings = read.Json.GetProperty("settings");
        Assert.Equal("quorum", settings.GetProperty("replication").GetString());
        Assert.Equal("memory", settings.GetProperty("storage").GetString());
        Assert.Equal(4, settings.GetProperty("writeQuorum").GetInt32());
        Assert.Equal("/", settings.GetProperty("partitionDelimiter").GetString());
        Assert.Equal("""{"entries":9}""", settings.GetProperty("quota").GetRawText());
        Assert.Equal("""{"entriesMax":7,"ttlSeconds":60}""", settings.GetProperty("cache").GetRawText());
        Assert.Equal(0, settings.GetProperty("changeRetentionSeconds").GetInt32());
        Assert.True(read.Json.GetProperty("underReplicated").GetBoolean());
        Assert.Equal(5, read.Json.GetProperty("wanted").GetInt32());
        Assert.Equal(1, read.Json.GetProperty("placed").GetInt32());
        Assert.Contains("Start more nodes", read.Json.GetProperty("why").GetString());
        var shards = (await gateway.GetAsync(Orders + "/shards")).Json;
        foreach (var member in new[] { "underReplicated", "wanted", "placed", "why" })
        {
            Assert.Equal(read.Json.GetProperty(member).GetRawText(), shards.GetProperty(member).GetRawText());
        }

        var again = settings.GetRawText().Replace("\"defaultTtlSeconds\":60", "\"defaultTtlSeconds\":61");
        var changed = await gateway.PutAsync(Orders, again);
        Assert.Equal(200, changed.Status);
        Assert.Equal(61, changed.Json.GetProperty("settings").GetProperty("defaultTtlSeconds").GetInt32());
        Assert.True(changed.Json.GetProperty("epoch").GetInt64() > read.Json.GetProperty("epoch").GetInt64());

        Assert.Equal("""{"keyspaces":["k","orders"]}""", (await gateway.GetAsync("/v1/keyspaces")).Text);
        Assert.Equal(204, (await gateway.SendAsync("DELETE", Orders)).Status);
        Assert.Equal(404, (await gateway.SendAsync("DELETE", Orders)).Status);
        Assert.Equal(404, (await gateway.GetAsync(Orders)).Status);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"writeQuorum":null,"readQuorum":null,"defaultTtlSeconds":null,"partitionDelimiter":null}""")]
    public async Task What_is_left_out_has_its_default(string? body)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = body is null ? await gateway.SendAsync("PUT", Orders) : await gateway.PutAsync(Orders, body);

        Assert.Equal(201, answer.Status);
        Assert.Equal(
            """{"replication":"raft","replicas":3,"distribution":"hash","shards":8,"storage":"disk","idempotencyWindowSeconds":600,"changeRetentionSeconds":600}""",
            answer.Json.GetProperty("settings").GetRawText()
        );
    }

    [Theory]
    [InlineData("null", "must be a JSON object")]
    [InlineData("[]", "must be a JSON object")]
    [InlineData("7", "must be a JSON object")]
    [InlineData("\"raft\"", "must be a JSON object")]
    [InlineData("{", "not JSON")]
    [InlineData("{} {}", "not JSON")]
    [InlineData("{\"shards\":4,\"shards\":5}", "names a member twice")]
    [InlineData("{\"Shards\":4}", "'Shards' is no setting")]
    [InlineData("{\"replication\":\"Raft\"}", "replication must be one of \"raft\", \"quorum\", \"async\"")]
    [InlineData("{\"replication\":0}", "replication must be one of")]
    [InlineData("{\"replication\":null}", "replication must be one of")]
    [InlineData("{\"distribution\":\"tree\"}", "distribution must be one of \"hash\", \"range\"")]
    [InlineData("{\"storage\":\"tape\"}", "storage must be one of")]
    [InlineData("{\"replication\":\"raft\",\"storage\":\"memory\"}", "breaks its vote")]
    [InlineData("{\"replicas\":\"3\"}", "replicas must be a whole number")]
    [InlineData("{\"replicas\":null}", "replicas must be a whole number")]
    [InlineData("{\"replicas\":3.5}", "replicas must be a whole number")]
    [InlineData("{\"replicas\":0}", "replicas must be 1 to 9, not 0")]
    [InlineData("{\"shards\":4294967297}", "shards must be 1 to 1024")]
    [InlineData("{\"defaultTtlSeconds\":-1}", "defaultTtlSeconds must be 1 to")]
    [InlineData("{\"partitionDelimiter\":5}", "partitionDelimiter must be text")]
    [InlineData("{\"partitionDelimiter\":\"\\ud800\"}", "half a character")]
    [InlineData("{\"quota\":7}", "quota must be an object")]
    [InlineData("{\"quota\":{}}", "quota must say entries, bytes or both")]
    [InlineData("{\"quota\":{\"entries\":0}}", "quota.entries must be 1 to")]
    [InlineData("{\"quota\":{\"bytes\":\"1\"}}", "quota.bytes must be a whole number")]
    [InlineData("{\"quota\":{\"rows\":1}}", "'quota.rows' is not known")]
    [InlineData("{\"cache\":true}", "cache must be an object")]
    [InlineData("{\"cache\":{\"entriesMax\":0}}", "cache.entriesMax must be 1 to 1000000, not 0")]
    [InlineData("{\"cache\":{\"ttlSeconds\":86401}}", "cache.ttlSeconds must be 1 to 86400")]
    [InlineData("{\"cache\":{\"ttlSeconds\":1.5}}", "cache.ttlSeconds must be a whole number")]
    [InlineData("{\"cache\":{\"ttl\":1}}", "'cache.ttl' is not known")]
    [InlineData("{\"replication\":\"quorum\",\"writeQuorum\":1,\"readQuorum\":1}", "must be greater than replicas")]
    [InlineData("{\"distribution\":\"range\",\"shards\":8}", "shards does not go with distribution range")]
    [InlineData("{\"distribution\":\"range\",\"shards\":2}", "shards does not go with distribution range")]
    [InlineData("{\"distribution\":\"range\",\"partitionDelimiter\":\"/\"}", "partitionDelimiter does not go with")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":[\"a\"],\"splitKeys64\":[\"Yg\"]}", "leave one out")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":[],\"splitKeys64\":[]}", "leave one out")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":\"g\"}", "splitKeys must be a list of keys")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":{\"g\":1}}", "splitKeys must be a list of keys")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":[\"g\",7]}", "splitKeys[1] must be text, not 7")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":[null]}", "splitKeys[0] must be text")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys64\":[\"Z\"]}", "splitKeys64[0] must be base64url")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys64\":[\"Zw\",\"a+b\"]}", "splitKeys64[1] must be base64url")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":[\"\"]}", "splitKeys[0] must be 1 to 1024 bytes")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":[\"p\",\"g\"]}", "splitKeys must ascend")]
    [InlineData("{\"distribution\":\"range\",\"splitKeys\":[\"a\",\"g\",\"g\"]}", "splitKeys must be distinct: [2]")]
    [InlineData("{\"distribution\":\"range\",\"splitBytes\":65535}", "splitBytes must be 65536 to")]
    [InlineData("{\"distribution\":\"range\",\"splitBytes\":\"1\"}", "splitBytes must be a whole number")]
    [InlineData("{\"distribution\":\"range\",\"splitBytes\":99999999999999999999}", "splitBytes must be a whole")]
    [InlineData("{\"splitKeys\":[\"g\"]}", "splitKeys goes with distribution range only")]
    [InlineData("{\"splitKeys64\":[\"Zw\"]}", "splitKeys goes with distribution range only")]
    [InlineData("{\"splitBytes\":1000000}", "splitBytes goes with distribution range only")]
    public async Task Bad_settings_are_400_and_create_nothing(string body, string reason)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.PutAsync(Orders, body);

        Assert.Equal(400, answer.Status);
        Assert.Contains(reason, answer.Json.GetProperty("detail").GetString()!);
        Assert.Equal(404, (await gateway.GetAsync(Orders)).Status);
    }

    [Fact]
    public async Task Every_reason_is_given_at_once()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.PutAsync(Orders, """{"replicas":"x","shards":0,"colour":"red","storage":1}""");

        Assert.Equal(4, answer.Json.GetProperty("reasons").GetArrayLength());
    }

    [Fact]
    public async Task What_is_fixed_at_creation_is_409()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(Orders, "{\"shards\":4}");

        var answer = await gateway.PutAsync(Orders, "{\"shards\":5,\"replication\":\"async\"}");

        Assert.Equal((409, "keyspace-conflict"), (answer.Status, answer.Code));
        Assert.Equal(2, answer.Json.GetProperty("reasons").GetArrayLength());
    }

    [Fact]
    public async Task Settings_of_another_coding_or_size_are_refused_and_the_media_type_of_curl_is_not()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        Assert.Equal(201, (await gateway.PutAsync(Orders, "{}", "Content-Type: text/plain")).Status);
        Assert.Equal(415, (await gateway.PutAsync(Orders, "{}", "Content-Encoding: gzip")).Status);
        Assert.Equal(413, (await gateway.PutAsync(Orders, new string(' ', 2_100_000))).Status);
        Assert.Equal("invalid-body", (await gateway.SendAsync("PUT", Orders, [0xff, 0xfe])).Code);
        Assert.Equal("invalid-header", (await gateway.PutAsync(Orders, "{}", "If-None-Match: *")).Code);
        Assert.Equal(200, (await gateway.PutAsync(Orders, "{}", "Content-Type: application/merge-patch+json")).Status);
    }

    [Fact]
    public async Task Shards_cluster_and_nodes_are_shown()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(Orders, "{\"shards\":4}");

        var shards = (await gateway.GetAsync(Orders + "/shards")).Json.GetProperty("shards");
        Assert.Equal(
            [(0, 16383), (16384, 32767), (32768, 49151), (49152, 65535)],
            shards
                .EnumerateArray()
                .Select(shard => (shard.GetProperty("firstSlot").GetInt32(), shard.GetProperty("lastSlot").GetInt32()))
        );
        var replica = shards[0].GetProperty("replicas")[0];
        Assert.Equal("leader", replica.GetProperty("role").GetString());
        Assert.Equal("18446744073709551615", replica.GetProperty("revision").GetString());

        var cluster = (await gateway.GetAsync("/v1/cluster")).Json;
        Assert.Equal((2, 1), (cluster.GetProperty("nodes").GetInt32(), cluster.GetProperty("nodesAlive").GetInt32()));
        Assert.Equal(2, cluster.GetProperty("keyspaces").GetInt32());
        var nodes = (await gateway.GetAsync("/v1/nodes")).Json.GetProperty("nodes");
        Assert.Equal("ffffffffffffffff", nodes[0].GetProperty("storeId").GetString());
        Assert.False(nodes[1].GetProperty("alive").GetBoolean());
    }

    [Fact]
    public async Task Readiness_is_what_the_client_says_and_liveness_is_not()
    {
        await using var gateway = await GatewayFixture.StartAsync(options =>
            options.ReadinessTimeout = TimeSpan.FromMilliseconds(50)
        );
        Assert.Equal((200, """{"status":"ready"}"""), await Ask("/readyz"));

        gateway.Client.ReasonsNotReady.Add("No node in reach.");
        Assert.Equal((503, """{"status":"not ready","reasons":["No node in reach."]}"""), await Ask("/readyz"));

        gateway.Client.Throws = new InvalidOperationException("x");
        Assert.Equal(503, (await Ask("/readyz")).Status);

        gateway.Client.Throws = null;
        gateway.Client.Hold = new();
        Assert.Equal(
            (503, """{"status":"not ready","reasons":["The cluster did not answer within 0.05 s."]}"""),
            await Ask("/readyz")
        );
        Assert.Equal((200, """{"status":"live"}"""), await Ask("/livez"));

        async Task<(int Status, string Text)> Ask(string target)
        {
            var answer = await gateway.GetAsync(target);
            return (answer.Status, answer.Text);
        }
    }

    [Fact]
    public async Task Documents_have_heads_that_equal_their_gets_but_for_the_body()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var connection = await gateway.ConnectAsync();
        string[] targets =
        [
            "/",
            "/livez",
            "/readyz",
            "/docs",
            "/openapi/v1.json",
            "/v1/cluster",
            "/v1/nodes",
            "/v1/keyspaces",
            "/v1/keyspaces/k",
            "/v1/keyspaces/k/shards",
        ];
        foreach (var target in targets)
        {
            var head = await connection.SendAsync("HEAD", target);
            var read = await connection.SendAsync("GET", target);
            Assert.Equal((200, 200), (read.Status, head.Status));
            Assert.Equal(read.Header("Content-Length"), head.Header("Content-Length"));
            Assert.Equal(read.Header("Content-Type"), head.Header("Content-Type"));
            Assert.Equal(read.Header("Content-Length"), $"{read.Body.Length}");
        }
    }
}
