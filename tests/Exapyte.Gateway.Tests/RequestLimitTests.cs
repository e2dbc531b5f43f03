using System.Text;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Routing;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Gateway.Tests;

/// <summary>More is asked than the gateway takes at once.</summary>
public sealed class RequestLimitTests
{
    private const int RequestsMax = 3;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);
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
        var hold = gateway.Client.Hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var slow = Enumerable.Range(0, RequestsMax).Select(i => gateway.PutAsync($"{Entries}/slow{i}", "x")).ToList();
        await AreHeldAsync(gateway, RequestsMax);
        gateway.Client.Hold = null;

        foreach (var (method, target) in Counted)
        {
            var refused = await gateway.SendAsync(
                method,
                target,
                method == "GET" ? null : Encoding.UTF8.GetBytes("{}")
            );
            Assert.Equal((429, "7"), (refused.Status, refused.Header("Retry-After")));
            Assert.Equal("overloaded", refused.Code);
            Assert.True(refused.Json.GetProperty("retryable").GetBoolean());
            Assert.False(refused.Json.GetProperty("inDoubt").GetBoolean());
        }
        foreach (var target in (string[])["/livez", "/readyz", "/v1/cluster", "/v1/nodes", "/openapi/v1.json", "/"])
        {
            Assert.NotEqual(429, (await gateway.GetAsync(target)).Status);
        }

        hold.SetResult();
        Assert.All(await Task.WhenAll(slow), answer => Assert.Equal(201, answer.Status));
        Assert.Equal(404, await StatusAsync(() => gateway.GetAsync($"{Entries}/refused")));
        Assert.Equal(201, await StatusAsync(() => gateway.PutAsync($"{Entries}/refused", "x")));
    }

    [Fact]
    public async Task A_request_that_fails_or_whose_caller_goes_away_leaves_its_place_to_another()
    {
        // One place more than is asked for at once: a place is free a moment after its caller has the answer. Places that
        // were never given back would run out in the second round.
        await using var gateway = await GatewayFixture.StartAsync(options => options.RequestsMax = 2);
        for (var round = 0; round < 5; round++)
        {
            var hold = gateway.Client.Hold = new TaskCompletionSource(
                TaskCreationOptions.RunContinuationsAsynchronously
            );
            using (var connection = await gateway.ConnectAsync())
            {
                await connection.WriteAsync($"GET {Entries}/gone HTTP/1.1\r\nHost: x\r\n\r\n");
                await AreHeldAsync(gateway, 1);
            }
            gateway.Client.Hold = null;
            hold.SetResult();
            gateway.Client.Intercept = (_, _) => throw new InvalidOperationException("broken on purpose");
            Assert.Equal(500, await StatusAsync(() => gateway.GetAsync($"{Entries}/a")));
            gateway.Client.Intercept = null;
            Assert.Equal(404, await StatusAsync(() => gateway.GetAsync($"{Entries}/a")));
            Assert.Equal(400, await StatusAsync(() => gateway.GetAsync($"{Entries}?limit=none")));
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
            // Counted apart: one that watches does nothing most of the time.
            GatewayRoute.Changes,
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

    /// <summary>So many requests are held. Nothing is asked meanwhile: that might take the place of one of them.</summary>
    private static Task<TimeSpan> AreHeldAsync(GatewayFixture gateway, int count) =>
        Poll.UntilAsync($"{count} requests are held", Deadline, () => Task.FromResult(gateway.Client.Held == count));

    /// <summary>A request's place is free a moment after its caller has the answer.</summary>
    private static async Task<int> StatusAsync(Func<Task<RawAnswer>> ask)
    {
        var status = 0;
        await Poll.UntilAsync("a request is taken", Deadline, async () => (status = (await ask()).Status) != 429);
        return status;
    }
}
