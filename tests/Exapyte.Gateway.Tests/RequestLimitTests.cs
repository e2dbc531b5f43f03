using System.Text;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Routing;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Operations;
using Xunit;

namespace Exapyte.Gateway.Tests;

/// <summary>More is asked than the gateway takes at once.</summary>
public sealed class RequestLimitTests
{
    private const int RequestsMax = 3;
    private const string Entries = "/v1/keyspaces/k/entries";

    [Fact]
    [Trait("Scenario", "concurrent_client_connections")]
    public async Task Requests_beyond_the_bound_are_answered_429_and_change_nothing_and_the_others_go_on()
    {
        await using var gateway = await GatewayFixture.StartAsync(options =>
        {
            options.RequestsMax = RequestsMax;
            options.RetryAfterSeconds = 7;
        });
        // A request is under way from its head on: these wait for the last byte of their bodies.
        var slow = new List<RawHttp>();
        for (var i = 0; i < RequestsMax; i++)
        {
            slow.Add(await BeginPutAsync(gateway, $"slow{i}"));
        }
        await IsFullAsync(gateway);

        foreach (var (method, target) in Counted)
        {
            var refused = await gateway.SendAsync(method, target, method == "GET" ? null : Encoding.UTF8.GetBytes("{}"));
            Assert.Equal((429, "7"), (refused.Status, refused.Header("Retry-After")));
            Assert.Equal("overloaded", refused.Code);
            Assert.True(refused.Json.GetProperty("retryable").GetBoolean());
            Assert.False(refused.Json.GetProperty("inDoubt").GetBoolean());
        }
        foreach (var target in (string[])["/livez", "/readyz", "/v1/cluster", "/v1/nodes", "/openapi/v1.json", "/"])
        {
            Assert.NotEqual(429, (await gateway.GetAsync(target)).Status);
        }

        foreach (var connection in slow)
        {
            await connection.WriteAsync("x");
            Assert.Equal(201, (await connection.ReadAnswerAsync()).Status);
            connection.Dispose();
        }
        Assert.Equal(404, (await gateway.GetAsync($"{Entries}/refused")).Status);
        Assert.Equal(201, (await gateway.PutAsync($"{Entries}/refused", "x")).Status);
    }

    [Fact]
    public async Task A_request_that_fails_or_whose_caller_goes_away_leaves_its_place_to_another()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.RequestsMax = 1);
        for (var round = 0; round < 5; round++)
        {
            using (await BeginPutAsync(gateway, "gone"))
            {
                await IsFullAsync(gateway);
            }
            await IsFreeAsync(gateway);
            gateway.Client.Intercept = (_, _) => throw new InvalidOperationException("broken on purpose");
            Assert.Equal(500, (await gateway.GetAsync($"{Entries}/a")).Status);
            gateway.Client.Intercept = null;
            Assert.Equal(404, (await gateway.GetAsync($"{Entries}/a")).Status);
            Assert.Equal(400, (await gateway.GetAsync($"{Entries}?limit=none")).Status);
        }
    }

    [Fact]
    public void What_tells_of_the_process_and_the_cluster_is_never_refused_and_everything_else_may_be()
    {
        GatewayRoute[] exempt =
        [
            GatewayRoute.Root,
            GatewayRoute.Live,
            GatewayRoute.Ready,
            GatewayRoute.OpenApi,
            GatewayRoute.Docs,
            GatewayRoute.Cluster,
            GatewayRoute.Nodes,
        ];
        Assert.All(Routes.All, route => Assert.Equal(!exempt.Contains(route.Route), RequestLimit.Counts(route.Route)));
    }

    private static IEnumerable<(string Method, string Target)> Counted =>
        [
            ("GET", $"{Entries}/a"),
            ("PUT", $"{Entries}/refused"),
            ("DELETE", $"{Entries}/slow0"),
            ("GET", Entries),
            ("POST", "/v1/keyspaces/k/batch"),
            ("GET", "/v1/keyspaces/k"),
            ("POST", "/v1/restores"),
        ];

    /// <summary>Sends all of a write but its body's last byte.</summary>
    private static async Task<RawHttp> BeginPutAsync(GatewayFixture gateway, string key)
    {
        var connection = await gateway.ConnectAsync();
        await connection.WriteAsync($"PUT {Entries}/{key} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx");
        return connection;
    }

    private static Task<TimeSpan> IsFullAsync(GatewayFixture gateway) => UntilAsync(gateway, 429);

    private static Task<TimeSpan> IsFreeAsync(GatewayFixture gateway) => UntilAsync(gateway, 404);

    private static Task<TimeSpan> UntilAsync(GatewayFixture gateway, int status) =>
        Testing.Processes.Poll.UntilAsync(
            $"a read is answered {status}",
            TimeSpan.FromMinutes(1),
            async () => (await gateway.GetAsync($"{Entries}/none")).Status == status
        );
}
