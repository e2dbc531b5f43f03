using System.Text;
using Exapyte.Client;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Gateway.Security;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Security;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Exapyte.Gateway.Tests.Security;

/// <summary>Every route and method against every kind of key: who gets through, and that nobody else changes anything.</summary>
public sealed class AccessTableTests
{
    private const string Whole = "shop";
    private const string Prefix = "shop/users/";
    private const string OtherPrefix = "shop/orders/";
    private const string OtherKeyspace = "other";
    private const string Every = "*";

    private static readonly string[] Scopes = [Whole, Prefix, OtherPrefix, OtherKeyspace, Every];
    private static readonly KeyRights[] Rights = [KeyRights.Read, KeyRights.Write, KeyRights.Admin];

    private static IEnumerable<(
        GatewayRoute Route,
        string Method,
        string Target,
        byte[]? Body,
        string[] Headers
    )> Calls =>
        Routes.All.SelectMany(route =>
            route.Methods.Select(method =>
                (route.Route, method, TargetOf(route, method), BodyOf(route.Route, method), HeadersOf(route.Route))
            )
        );

    [Fact]
    public async Task Who_shows_no_key_that_is_in_force_is_turned_away_everywhere_and_changes_nothing()
    {
        await using var gateway = await StartAsync();
        var good = gateway.Keys.AddRoot();
        var expired = gateway.Keys.AddBounded(gateway.Time.GetUtcNow().ToUnixTimeMilliseconds(), 0, Everything);
        var revoked = gateway.Keys.AddRoot();
        await gateway.Keys.RevokeAsync(InMemoryKeys.IdIn(revoked), TestContext.Current.CancellationToken);
        string[][] situations =
        [
            [],
            ["Authorization: Bearer"],
            ["Authorization: Bearer "],
            ["Authorization: Basic cm9vdDpyb290"],
            ["Authorization: Bearer kunknown." + good.Split('.')[1]],
            [good[..^4] + "AAAA"],
            [good[..^1]],
            [good + "="],
            [good + "." + good.Split('.')[1]],
            [good.Replace('.', ' ')],
            [expired],
            [revoked],
            [good, good],
            [good, "Authorization: Bearer x.y"],
        ];
        foreach (var headers in situations)
        {
            var before = await StateOfAsync(gateway);
            using var connection = await gateway.ConnectAsync();
            foreach (var call in Calls.Where(call => !IsOpen(call.Route)))
            {
                var answer = await connection.SendAsync(
                    call.Method,
                    call.Target,
                    call.Body,
                    [.. headers, .. call.Headers]
                );
                Assert.True(answer.Status == 401, $"{call.Method} {call.Target} {headers.Length}: {answer.Status}");
                Assert.StartsWith("Bearer", answer.Header("WWW-Authenticate"));
            }
            Assert.Equal(before, await StateOfAsync(gateway));
        }
    }

    [Fact]
    public async Task A_key_reaches_what_its_grant_covers_and_changes_nothing_else()
    {
        await using var gateway = await StartAsync();
        var wrong = new List<string>();
        foreach (var right in Rights)
        {
            foreach (var scope in Scopes)
            {
                var key = gateway.Keys.Add(GrantOf(right, scope));
                foreach (var call in Calls)
                {
                    await FillAsync(gateway);
                    var before = await StateOfAsync(gateway);
                    var answer = await gateway.SendAsync(call.Method, call.Target, call.Body, [key, .. call.Headers]);
                    var isAllowed = IsAllowed(call.Route, call.Method, right, scope);
                    if (answer.Status is 401 or >= 500 || answer.Status != 403 != isAllowed)
                    {
                        wrong.Add($"{right} on {scope}: {call.Method} {call.Target} {answer.Status}");
                    }
                    if (!isAllowed && before != await StateOfAsync(gateway))
                    {
                        wrong.Add($"{right} on {scope}: {call.Method} {call.Target} changed something");
                    }
                }
            }
        }
        Assert.Empty(wrong);
    }

    [Fact]
    public async Task An_increment_takes_the_rights_to_read_and_to_write_its_key()
    {
        await using var gateway = await StartAsync();
        await FillAsync(gateway);
        foreach (var scope in Scopes)
        {
            var key = gateway.Keys.Add(GrantOf(KeyRights.Read | KeyRights.Write, scope));
            foreach (var call in Calls.Where(call => call.Route is GatewayRoute.Increment or GatewayRoute.Increment64))
            {
                var answer = await gateway.SendAsync(call.Method, call.Target, null, key);
                Assert.Equal(scope is Whole or Every or Prefix, answer.Status != 403);
            }
        }
    }

    [Fact]
    public void A_route_that_no_rule_names_is_refused_whoever_calls()
    {
        foreach (var route in Routes.All)
        {
            Assert.Null(AccessRules.Judge(Caller.Anyone, CallTo(route.Route), HttpMethods.Get));
        }
        var unnamed = AccessRules.Judge(Caller.Anyone, CallTo((GatewayRoute)255), HttpMethods.Get);
        Assert.Equal(ProblemKinds.Forbidden, unnamed?.Kind);
    }

    [Fact]
    public void Who_has_no_grant_reaches_what_says_nothing_and_nothing_else()
    {
        GatewayRoute[] harmless =
        [
            GatewayRoute.Root,
            GatewayRoute.Live,
            GatewayRoute.Ready,
            GatewayRoute.OpenApi,
            GatewayRoute.Docs,
            GatewayRoute.Cluster,
            GatewayRoute.Keyspaces,
        ];
        foreach (var route in Routes.All)
        {
            foreach (var method in route.Methods)
            {
                var refusal = AccessRules.Judge(new("k", []), CallTo(route.Route), method);
                Assert.Equal(harmless.Contains(route.Route), refusal is null);
            }
        }
    }

    [Fact]
    public async Task Without_authentication_everybody_may_do_everything()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await FillAsync(gateway);
        foreach (var call in Calls.Where(call => call.Method != "DELETE"))
        {
            var answer = await gateway.SendAsync(call.Method, call.Target, call.Body, call.Headers);
            Assert.True(answer.Status is not (401 or 403), $"{call.Method} {call.Target} {answer.Status}");
        }
    }

    private static KeyGrant Everything { get; } =
        InMemoryKeys.Grant("*", KeyRights.Read | KeyRights.Write | KeyRights.Admin);

    /// <summary>What must be, said here once more and in other words than the rules under test.</summary>
    private static bool IsAllowed(GatewayRoute route, string method, KeyRights right, string scope)
    {
        var isWhole = scope is Whole or Every;
        var isInside = isWhole || scope == Prefix;
        var isRead = method is "GET" or "HEAD";
        return route switch
        {
            _ when IsOpen(route) => true,
            GatewayRoute.Cluster or GatewayRoute.Keyspaces => true,
            GatewayRoute.Nodes or GatewayRoute.Keys or GatewayRoute.Key => right == KeyRights.Admin && scope == Every,
            GatewayRoute.Node or GatewayRoute.NodeDrain or GatewayRoute.NodeResume => right == KeyRights.Admin
                && scope == Every,
            GatewayRoute.Rebalances or GatewayRoute.Rebalance => right == KeyRights.Admin && scope == Every,
            GatewayRoute.Restores or GatewayRoute.Backups or GatewayRoute.Splits => right == KeyRights.Admin && isWhole,
            GatewayRoute.Keyspace when isRead => scope != OtherKeyspace,
            GatewayRoute.Keyspace => right == KeyRights.Admin && isWhole,
            GatewayRoute.Shards => right is KeyRights.Admin or KeyRights.Read && isWhole,
            GatewayRoute.Batch or GatewayRoute.Import => right == KeyRights.Write && isInside,
            GatewayRoute.Listing when !isRead => right == KeyRights.Write && isInside,
            GatewayRoute.Listing or GatewayRoute.Changes => right == KeyRights.Read && isWhole,
            GatewayRoute.Query or GatewayRoute.Explain => right == KeyRights.Read && isInside,
            GatewayRoute.Entry or GatewayRoute.Entry64 => right == (isRead ? KeyRights.Read : KeyRights.Write)
                && isInside,
            // They write and tell what is there: no key of one right will do.
            GatewayRoute.Increment or GatewayRoute.Increment64 => false,
            _ => throw new ArgumentOutOfRangeException(nameof(route), route, "Say here who may call this route."),
        };
    }

    private static bool IsOpen(GatewayRoute route) =>
        route
            is GatewayRoute.Root
                or GatewayRoute.Live
                or GatewayRoute.Ready
                or GatewayRoute.OpenApi
                or GatewayRoute.Docs;

    private static KeyGrant GrantOf(KeyRights right, string scope)
    {
        var slash = scope.IndexOf('/');
        return slash < 0
            ? InMemoryKeys.Grant(scope, right)
            : InMemoryKeys.Grant(scope[..slash], right, scope[(slash + 1)..]);
    }

    private static Call CallTo(GatewayRoute route) => Call.To(route, "shop", "users/ada"u8.ToArray(), "/", -1);

    private static string TargetOf(RouteDescription route, string method) =>
        route
            .Template.Replace("{keyspace}", "shop")
            .Replace("{key}", "users/ada")
            .Replace("{key64}", Base64Text.Encode("users/ada"u8))
            .Replace("{id}", "kx")
        + (route.Route, method) switch
        {
            (GatewayRoute.Restores, _) => "?keyspace=shop",
            (GatewayRoute.Listing, "DELETE") => "?prefix=users/",
            _ => "",
        };

    private static byte[]? BodyOf(GatewayRoute route, string method) =>
        (route, method) switch
        {
            (GatewayRoute.Keyspace, "PUT") => "{\"shards\":1,\"idempotencyWindowSeconds\":7}"u8.ToArray(),
            (GatewayRoute.Batch, _) => """{"items":[{"op":"put","key":"users/ada","value":"x"}]}"""u8.ToArray(),
            (GatewayRoute.Query or GatewayRoute.Explain, _) => """{"where":"key.startsWith('users/')"}"""u8.ToArray(),
            (GatewayRoute.Import, _) => """{"key":"users/ada","value":"x"}"""u8.ToArray(),
            (GatewayRoute.Keys, "POST") => """{"name":"n","grants":[{"keyspace":"*","allow":["read"]}]}"""u8.ToArray(),
            (_, "PUT" or "POST") => "x"u8.ToArray(),
            _ => null,
        };

    private static string[] HeadersOf(GatewayRoute route) =>
        route switch
        {
            GatewayRoute.Import => ["Content-Type: application/x-ndjson"],
            GatewayRoute.Restores => ["Content-Type: application/vnd.exapyte.backup"],
            _ => [],
        };

    private static Task<GatewayFixture> StartAsync() =>
        GatewayFixture.StartAsync(options =>
        {
            options.Authentication = GatewayAuthentication.Keys;
            options.AuthenticationFailuresPerSecond = 1_000_000;
        });

    private static async Task FillAsync(GatewayFixture gateway)
    {
        await gateway.Client.PutKeyspaceAsync("shop", new() { Shards = 1 });
        await gateway.Client.PutAsync("shop", "users/ada", "Ada");
    }

    private static async Task<string> StateOfAsync(GatewayFixture gateway)
    {
        var state = new StringBuilder().Append(gateway.Keys.Ring.Epoch).Append(gateway.Nodes.Commands.Count);
        state.Append(gateway.Rebalances.Commands);
        foreach (var keyspace in await gateway.Client.ListKeyspacesAsync())
        {
            state.Append(' ').Append(keyspace);
            state.Append((await gateway.Client.GetKeyspaceAsync(keyspace)).Map!.Settings);
            var page = await gateway.Client.ScanAsync(keyspace, new());
            foreach (var entry in page.Entries)
            {
                state.Append(Convert.ToHexString(entry.Key.Span)).Append('@').Append(entry.Entry.Version);
            }
        }
        return state.ToString();
    }
}
