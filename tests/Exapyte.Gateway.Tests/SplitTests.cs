using System.Text;
using System.Text.Json;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Keyspaces;
using Exapyte.Wire;

namespace Exapyte.Gateway.Tests;

public sealed class SplitTests : IAsyncLifetime
{
    private GatewayFixture gateway = null!;

    public async ValueTask InitializeAsync() => gateway = await GatewayFixture.StartAsync();

    public ValueTask DisposeAsync() => gateway.DisposeAsync();

    [Theory]
    [InlineData("{\"key\":\"m\"}", "m")]
    [InlineData("{\"key\":\"ä/b\"}", "\u00c3\u00a4/b")]
    [InlineData("{\"key64\":\"_wA\"}", "\u00ff\0")]
    public async Task A_split_is_taken_and_the_answer_names_the_shard_that_is_made(string body, string key)
    {
        gateway.Shards.Reply = new() { Outcome = SplitOutcome.Accepted, Map = Map };

        var answer = await Post("k", body);

        Assert.Equal(202, answer.Status);
        Assert.Equal("/v1/keyspaces/k/shards", answer.Header("Location"));
        using var document = JsonDocument.Parse(answer.Body);
        Assert.Equal("k", document.RootElement.GetProperty("keyspace").GetString());
        Assert.Equal(3, document.RootElement.GetProperty("shard").GetInt64());
        Assert.Equal(("k", key), Assert.Single(gateway.Shards.Splits));
    }

    [Theory]
    [InlineData(SplitOutcome.NotFound, 404, "no-such-keyspace")]
    [InlineData(SplitOutcome.NotPossible, 422, "not-applicable")]
    [InlineData(SplitOutcome.Changing, 409, "keyspace-conflict")]
    [InlineData(SplitOutcome.Unavailable, 503, "unavailable")]
    public async Task What_is_not_split_says_why(SplitOutcome outcome, int status, string code)
    {
        gateway.Shards.Reply = new() { Outcome = outcome, Reason = "The reason." };

        var answer = await Post("k", "{\"key\":\"m\"}");

        Assert.Equal(status, answer.Status);
        using var problem = JsonDocument.Parse(answer.Body);
        Assert.Equal(code, problem.RootElement.GetProperty("code").GetString());
        Assert.True(
            outcome == SplitOutcome.NotFound || problem.RootElement.GetProperty("detail").GetString() == "The reason."
        );
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"key\":1}")]
    [InlineData("{\"key\":\"\"}")]
    [InlineData("{\"key\":\"a\",\"key64\":\"YQ\"}")]
    [InlineData("{\"at\":\"a\"}")]
    [InlineData("{\"key64\":\"?\"}")]
    public async Task A_body_without_one_key_is_refused_and_nothing_is_asked(string body)
    {
        Assert.Equal(400, (await Post("k", body)).Status);
        Assert.Equal(400, (await Post("k", $"{{\"key\":\"{new string('k', 1_025)}\"}}")).Status);
        Assert.Empty(gateway.Shards.Splits);
    }

    private static KeyspaceMap Map { get; } =
        new()
        {
            Name = "k",
            KeyspaceId = 1,
            Epoch = 2,
            Settings = new() { Distribution = DistributionKind.Range },
            Shards =
            [
                new()
                {
                    ShardId = 2,
                    FirstSlot = 0,
                    Replicas = [],
                },
                new()
                {
                    ShardId = 3,
                    FirstSlot = 0,
                    Start = "m"u8.ToArray(),
                    Replicas = [],
                },
            ],
        };

    private Task<RawAnswer> Post(string keyspace, string body) =>
        gateway.SendAsync(
            "POST",
            $"/v1/keyspaces/{keyspace}/splits",
            Encoding.UTF8.GetBytes(body),
            "Content-Type: application/json"
        );
}
