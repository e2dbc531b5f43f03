using System.Text.Json;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Topology;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class NodeTests
{
    [Theory]
    [InlineData("POST", "/v1/nodes/n4/drain", 202, "drain n4")]
    [InlineData("POST", "/v1/nodes/n4/resume", 200, "resume n4")]
    [InlineData("DELETE", "/v1/nodes/n4", 204, "remove n4")]
    [InlineData("DELETE", "/v1/nodes/n4?force", 204, "give up n4")]
    [InlineData("DELETE", "/v1/nodes/n4?force=true", 204, "give up n4")]
    [InlineData("DELETE", "/v1/nodes/n4?force=false", 204, "remove n4")]
    public async Task A_command_on_a_node_is_passed_on_and_answered(
        string method,
        string target,
        int status,
        string command
    )
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal(status, (await gateway.SendAsync(method, target)).Status);
        Assert.Equal([command], gateway.Nodes.Commands);
    }

    [Theory]
    [InlineData("DELETE", "/v1/nodes/n4?force=yes", 400)]
    [InlineData("DELETE", "/v1/nodes/n4?forced", 400)]
    [InlineData("POST", "/v1/nodes/n4/drain?force", 400)]
    [InlineData("POST", "/v1/nodes/n4/resume?x=1", 400)]
    [InlineData("POST", "/v1/nodes/N4/drain", 404)]
    [InlineData("POST", "/v1/nodes/n4/", 404)]
    [InlineData("POST", "/v1/nodes//drain", 404)]
    [InlineData("POST", "/v1/nodes/n4/drain/x", 404)]
    [InlineData("GET", "/v1/nodes/n4/drain", 405)]
    [InlineData("POST", "/v1/nodes/n4", 405)]
    public async Task What_is_no_command_is_refused_and_commands_nothing(string method, string target, int status)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal(status, (await gateway.SendAsync(method, target)).Status);
        Assert.Empty(gateway.Nodes.Commands);
    }

    [Theory]
    [InlineData(NodeOutcome.NotFound, 404, "no-such-node")]
    [InlineData(NodeOutcome.Conflict, 409, "node-conflict")]
    [InlineData(NodeOutcome.Unavailable, 503, "unavailable")]
    public async Task A_command_that_is_refused_says_why(NodeOutcome outcome, int status, string code)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Nodes.Reply = new() { Outcome = outcome, Reasons = ["Because."] };
        var answer = await gateway.SendAsync("DELETE", "/v1/nodes/n4");
        Assert.Equal(status, answer.Status);
        using var problem = JsonDocument.Parse(answer.Body);
        Assert.Equal(code, problem.RootElement.GetProperty("code").GetString());
        Assert.Contains(
            outcome == NodeOutcome.NotFound ? "n4" : "Because.",
            problem.RootElement.GetProperty("detail").GetString()
        );
    }

    [Fact]
    public async Task The_list_says_how_every_node_stands_and_leaves_out_what_nobody_knows()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Nodes.Report = new()
        {
            NodeEpoch = 9,
            Nodes =
            [
                .. Enum.GetValues<NodeState>()
                    .Select(state => new NodeReport
                    {
                        Info = Info($"n{(int)state}"),
                        State = state,
                        Replicas = state == NodeState.Draining ? 2 : null,
                        Load = state == NodeState.Draining ? new() { Leaders = 1, Bytes = 5 } : null,
                        Reasons = state == NodeState.Draining ? ["No place."] : [],
                    }),
            ],
        };
        using var document = JsonDocument.Parse((await gateway.GetAsync("/v1/nodes")).Body);
        var nodes = document.RootElement.GetProperty("nodes").EnumerateArray().ToArray();
        Assert.Equal(
            ["joining", "up", "suspect", "draining", "drained", "down", "removed"],
            nodes.Select(node => node.GetProperty("state").GetString()!)
        );
        var draining = nodes[3];
        Assert.Equal("No place.", draining.GetProperty("reason").GetString());
        Assert.Equal(
            (2, 1, 5, 1),
            (
                draining.GetProperty("replicas").GetInt32(),
                draining.GetProperty("leaders").GetInt32(),
                draining.GetProperty("bytes").GetInt32(),
                draining.GetProperty("weight").GetInt32()
            )
        );
        Assert.False(nodes[1].TryGetProperty("reason", out _));
        Assert.False(nodes[1].TryGetProperty("replicas", out _));
    }

    private static NodeInfo Info(string id) =>
        new()
        {
            Registration = new()
            {
                Node = id,
                StoreId = 1,
                Region = "r",
                Zone = "z",
            },
            FirstSeenMs = 1,
            RegisteredMs = 1,
        };
}
