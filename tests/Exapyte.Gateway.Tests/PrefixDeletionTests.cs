using Exapyte.Client;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Operations;
using Exapyte.Security;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class PrefixDeletionTests
{
    private const string Entries = "/v1/keyspaces/k/entries";

    [Fact]
    public async Task What_begins_with_the_prefix_is_counted_and_deleted_over_many_pages_and_nothing_else()
    {
        await using var gateway = await StartAsync(7);
        await gateway.Client.PutAsync("k", "a", "x");
        await gateway.Client.PutAsync("k", "usert", "x");

        var counted = await gateway.SendAsync("DELETE", Entries + "?prefix=user/&dryRun=true");
        var none = await gateway.SendAsync("DELETE", Entries + "?prefix=user/x");
        var deleted = await gateway.SendAsync("DELETE", Entries + "?prefix64=dXNlci8");
        var again = await gateway.SendAsync("DELETE", Entries + "?prefix=user/&dryRun=false");

        Assert.Equal((200, """{"matched":7,"more":false}"""), (counted.Status, counted.Text));
        Assert.Equal("""{"deleted":0,"more":false}""", none.Text);
        Assert.Equal("""{"deleted":7,"more":false}""", deleted.Text);
        Assert.Equal("""{"deleted":0,"more":false}""", again.Text);
        var left = await gateway.Client.ScanAsync("k", new());
        Assert.Equal(2, left.Entries.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("?prefix=")]
    [InlineData("?dryRun=true")]
    [InlineData("?prefix=user/&prefix64=dXNlci8")]
    [InlineData("?prefix=user/&dryRun")]
    [InlineData("?prefix=user/&dryRun=1")]
    [InlineData("?prefix=user/&limit=1")]
    [InlineData("?prefix=user/&start=a")]
    [InlineData("?prefix=us+er")]
    public async Task What_is_not_said_clearly_deletes_nothing(string query)
    {
        await using var gateway = await StartAsync(3);

        var answer = await gateway.SendAsync("DELETE", Entries + query);

        Assert.Equal((400, "invalid-query"), (answer.Status, answer.Code));
        Assert.Equal(3, (await gateway.Client.ScanAsync("k", new())).Entries.Count);
    }

    [Fact]
    public async Task One_that_takes_long_ends_with_what_it_has_done_and_is_gone_on_with()
    {
        await using var gateway = await StartAsync(7, GatewayAuthentication.Keys);
        var root = gateway.Keys.AddRoot();
        gateway.Client.InterceptScan = (_, _) =>
        {
            gateway.Time.Advance(TimeSpan.FromSeconds(6));
            return null;
        };

        var first = await gateway.SendAsync("DELETE", Entries + "?prefix=user/", null, root);
        var second = await gateway.SendAsync("DELETE", Entries + "?prefix=user/", null, root);

        Assert.Equal("""{"deleted":4,"more":true}""", first.Text);
        Assert.Equal("""{"deleted":3,"more":false}""", second.Text);
    }

    [Fact]
    public async Task One_that_fails_on_its_way_says_how_far_it_came()
    {
        await using var gateway = await StartAsync(7);
        gateway.Client.Intercept = (_, operation) =>
            operation.Key.Span[^1] == (byte)'5' ? OperationOutcome.Of(OutcomeKind.NoQuorum, "Nobody.") : null;

        var answer = await gateway.SendAsync("DELETE", Entries + "?prefix=user/");

        Assert.Equal((503, "unavailable"), (answer.Status, answer.Code));
        Assert.Contains("Deleted before: 5", answer.Json.GetProperty("detail").GetString());
        Assert.Equal(404, (await gateway.SendAsync("DELETE", "/v1/keyspaces/none/entries?prefix=a")).Status);
    }

    [Fact]
    public async Task A_key_deletes_below_its_own_prefix_and_counts_where_it_may_read()
    {
        await using var gateway = await StartAsync(3, GatewayAuthentication.Keys);
        var writes = gateway.Keys.Add(InMemoryKeys.Grant("k", KeyRights.Write, "user/"));
        var reads = gateway.Keys.Add(InMemoryKeys.Grant("k", KeyRights.Read, "user/"));

        Assert.Equal(403, (await gateway.SendAsync("DELETE", Entries + "?prefix=user", null, writes)).Status);
        Assert.Equal(403, (await gateway.SendAsync("DELETE", Entries + "?prefix=user/", null, reads)).Status);
        Assert.Equal(
            403,
            (await gateway.SendAsync("DELETE", Entries + "?prefix=user/&dryRun=true", null, writes)).Status
        );
        Assert.Equal(
            """{"deleted":3,"more":false}""",
            (await gateway.SendAsync("DELETE", Entries + "?prefix=user/", null, writes)).Text
        );
    }

    private static async Task<GatewayFixture> StartAsync(
        int entries,
        GatewayAuthentication authentication = GatewayAuthentication.None
    )
    {
        var gateway = await GatewayFixture.StartAsync(options =>
        {
            options.Authentication = authentication;
            options.PageEntriesMax = options.PageEntriesDefault = 2;
        });
        for (var i = 0; i < entries; i++)
        {
            await gateway.Client.PutAsync("k", $"user/{i}", "x");
        }
        return gateway;
    }
}
