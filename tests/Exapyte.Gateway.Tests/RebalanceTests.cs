using System.Text.Json;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Topology;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Gateway.Tests;

[Trait("Scenario", "control_plane_rebalancing_coordination")]
public sealed class RebalanceTests
{
    [Theory]
    [InlineData("POST", "/v1/rebalances", 202, "start")]
    [InlineData("POST", "/v1/rebalances?dryRun=false", 202, "start")]
    [InlineData("POST", "/v1/rebalances?dryRun", 200, "plan")]
    [InlineData("POST", "/v1/rebalances?dryRun=true", 200, "plan")]
    [InlineData("GET", "/v1/rebalances", 200, "list")]
    [InlineData("GET", "/v1/rebalances/17", 200, "get 17")]
    [InlineData("HEAD", "/v1/rebalances/17", 200, "get 17")]
    [InlineData("DELETE", "/v1/rebalances/17", 204, "cancel 17")]
    public async Task A_call_is_passed_on_and_answered(string method, string target, int status, string call)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal(status, (await gateway.SendAsync(method, target)).Status);
        Assert.Equal([call], gateway.Rebalances.Calls);
    }

    [Theory]
    [InlineData("POST", "/v1/rebalances?dryRun=yes", 400)]
    [InlineData("POST", "/v1/rebalances?dry", 400)]
    [InlineData("POST", "/v1/rebalances?dryRun&dryRun=false", 400)]
    [InlineData("GET", "/v1/rebalances?x", 400)]
    [InlineData("GET", "/v1/rebalances/17?x", 400)]
    [InlineData("GET", "/v1/rebalances/abc", 404)]
    [InlineData("DELETE", "/v1/rebalances/99999999999999999999", 404)]
    [InlineData("GET", "/v1/rebalances/", 404)]
    [InlineData("DELETE", "/v1/rebalances", 405)]
    [InlineData("POST", "/v1/rebalances/17", 405)]
    public async Task What_is_no_call_is_refused_and_asks_nobody(string method, string target, int status)
    {
        await using var gateway = await GatewayFixture.StartAsync();
        Assert.Equal(status, (await gateway.SendAsync(method, target)).Status);
        Assert.Empty(gateway.Rebalances.Calls);
    }

    [Theory]
    [InlineData(RebalanceOutcome.NotFound, 404, "no-such-rebalance")]
    [InlineData(RebalanceOutcome.Conflict, 409, "rebalance-conflict")]
    [InlineData(RebalanceOutcome.Unavailable, 503, "unavailable")]
    public async Task A_call_that_is_refused_says_why_and_what_is_in_the_way(
        RebalanceOutcome outcome,
        int status,
        string code
    )
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Rebalances.Reply = new()
        {
            Outcome = outcome,
            Reasons = ["Because."],
            Rebalances = outcome == RebalanceOutcome.Conflict ? [InMemoryRebalances.Running] : [],
        };
        var answer = await gateway.SendAsync("POST", "/v1/rebalances");
        Assert.Equal(status, answer.Status);
        using var problem = JsonDocument.Parse(answer.Body);
        Assert.Equal(code, problem.RootElement.GetProperty("code").GetString());
        Assert.Contains("Because.", problem.RootElement.GetProperty("detail").GetString());
        Assert.Equal(outcome == RebalanceOutcome.Conflict ? "/v1/rebalances/17" : null, answer.Header("Location"));
    }

    [Fact]
    public async Task A_plan_a_beginning_and_a_rebalance_are_shown_as_what_they_are()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var plan = (await gateway.SendAsync("POST", "/v1/rebalances?dryRun")).Text;
        Assert.Equal(
            """{"moves":[{"keyspace":"k","shard":7,"from":"n1","to":"n2","bytes":5}],"leaders":[{"keyspace":"k","shard":7,"from":"n1","to":"n2"}]}""",
            plan
        );
        var begun = await gateway.SendAsync("POST", "/v1/rebalances");
        Assert.Equal("""{"id":"17"}""", begun.Text);
        Assert.Equal("/v1/rebalances/17", begun.Header("Location"));
        var one = (await gateway.GetAsync("/v1/rebalances/17")).Text;
        Assert.Equal(
            """{"id":"17","state":"running","automatic":false,"created":"1970-01-01T00:00:00.001Z","moves":[{"keyspace":"k","shard":7,"from":"n1","to":"n2","bytes":5,"state":"moving"}],"leaders":[{"keyspace":"k","shard":7,"from":"n1","to":"n2","state":"pending"}]}""",
            one
        );
        Assert.Equal($$"""{"rebalances":[{{one}}]}""", (await gateway.GetAsync("/v1/rebalances")).Text);
    }

    [Fact]
    public async Task Every_state_has_its_name()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Rebalances.Reply = new()
        {
            Outcome = RebalanceOutcome.Ok,
            Rebalances =
            [
                .. Enum.GetValues<RebalanceState>()
                    .Select(state =>
                        InMemoryRebalances.Running with
                        {
                            State = state,
                            Plan = new()
                            {
                                Moves =
                                [
                                    .. Enum.GetValues<MoveState>()
                                        .Select(move => InMemoryRebalances.Running.Plan.Moves[0] with { State = move }),
                                ],
                            },
                        }
                    ),
            ],
        };
        var all = (await gateway.GetAsync("/v1/rebalances")).Json.GetProperty("rebalances").EnumerateArray().ToArray();
        Assert.Equal(
            ["planned", "running", "done", "cancelled"],
            all.Select(one => one.GetProperty("state").GetString()!)
        );
        Assert.Equal(
            ["pending", "moving", "done", "skipped", "cancelled"],
            all[0].GetProperty("moves").EnumerateArray().Select(move => move.GetProperty("state").GetString()!)
        );
    }
}
