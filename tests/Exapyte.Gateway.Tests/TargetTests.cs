using System.Text;
using Exapyte.Gateway.Routing;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class TargetTests
{
    private const string Entries = "/v1/keyspaces/k/entries/";

    [Fact]
    public async Task A_slash_and_its_escape_are_one_key_and_an_escaped_escape_is_another()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(Entries + "a/b", "slash");
        await gateway.PutAsync(Entries + "a%252Fb", "escape");

        Assert.Equal("slash", (await gateway.GetAsync(Entries + "a/b")).Text);
        Assert.Equal("slash", (await gateway.GetAsync(Entries + "a%2Fb")).Text);
        Assert.Equal("slash", (await gateway.GetAsync(Entries + "%61%2fb")).Text);
        Assert.Equal("escape", (await gateway.GetAsync(Entries + "a%252Fb")).Text);
    }

    [Theory]
    [InlineData("a+b", "YSti")]
    [InlineData("a%20b", "YSBi")]
    [InlineData("a%FFb", "Yf9i")]
    [InlineData("a//b", "YS8vYg")]
    [InlineData("/", "Lw")]
    [InlineData("a/", "YS8")]
    [InlineData("...", "Li4u")]
    [InlineData("a..b/.c", "YS4uYi8uYw")]
    [InlineData("a:b@c;d=e,f!'()*$&~", "YTpiQGM7ZD1lLGYhJygpKiQmfg")]
    [InlineData("%E2%82%AC", "4oKs")]
    [InlineData("%3F%23", "PyM")]
    public async Task A_key_by_its_text_is_the_key_by_its_bytes(string text, string key64)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        Assert.Equal(201, (await gateway.PutAsync(Entries + text, "x")).Status);

        Assert.Equal("x", (await gateway.GetAsync("/v1/keyspaces/k/entries64/" + key64)).Text);
    }

    [Theory]
    [InlineData("/v1/keyspaces/k/entries/../../other/entries/a", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/a/../b", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/a/./b", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/..", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/.", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/a/..", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/a/%2e%2E/b", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/a/.%2e/b", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/a%2F..%2fb", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/%2e%2e%2Fb", "invalid-target")]
    [InlineData("/v1/../v1/keyspaces/k/entries/a", "invalid-target")]
    [InlineData("/../livez", "invalid-target")]
    [InlineData("http://localhost/v1/keyspaces/k/entries/../a", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/%", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/%4", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/a%zz", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/a%%41", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/a#b", "invalid-target")]
    [InlineData("/v1/keyspaces/k/entries/", "invalid-key")]
    [InlineData("/v1/keyspaces/k/entries64/", "invalid-key")]
    [InlineData("/v1/keyspaces/k/entries64/a", "invalid-key")]
    [InlineData("/v1/keyspaces/k/entries64/YR", "invalid-key")]
    [InlineData("/v1/keyspaces/k/entries64/YS+i", "invalid-key")]
    [InlineData("/v1/keyspaces/k/entries64/YS%69", "invalid-key")]
    [InlineData("/v1/keyspaces/k/entries64/YQ===", "invalid-key")]
    [InlineData("/v1/keyspaces/k/entries64/Y=Q=", "invalid-key")]
    [InlineData("/v1/keyspaces/K/entries/a", "invalid-keyspace")]
    [InlineData("/v1/keyspaces/-k/entries/a", "invalid-keyspace")]
    [InlineData("/v1/keyspaces/%6B/entries/a", "invalid-keyspace")]
    [InlineData("/v1/keyspaces//entries/a", "invalid-keyspace")]
    [InlineData("/v1/keyspaces/k/entries/a?x=1", "invalid-query")]
    [InlineData("/v1/keyspaces/k/entries/a?consistency=", "invalid-query")]
    [InlineData("/v1/keyspaces/k/entries/a?consistency=one&consistency=one", "invalid-query")]
    [InlineData("/v1/keyspaces/k/entries/a?Consistency=one", "invalid-query")]
    [InlineData("/v1/keyspaces/k/entries/a?consistency=%6Fnes", "invalid-query")]
    [InlineData("/v1/keyspaces/k/entries/a?consistency=one%", "invalid-query")]
    [InlineData("/v1/keyspaces/k/entries/a?consistency=eventual&%63onsistency=eventual", "invalid-query")]
    [InlineData("/v1/keyspaces/k/entries64/YR%3D%3D", "invalid-key")]
    [InlineData("/v1/keyspaces/k/entries64/Y%51%3D", "invalid-key")]
    [InlineData("/v1/keyspaces/k?x", "invalid-query")]
    [InlineData("/v1/keyspaces?x", "invalid-query")]
    [InlineData("/v1/keyspaces/k/shards?x", "invalid-query")]
    [InlineData("/v1/cluster?x", "invalid-query")]
    [InlineData("/v1/nodes?x", "invalid-query")]
    public async Task A_target_that_cannot_be_meant_is_400(string target, string code)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.GetAsync(target);

        Assert.Equal(400, answer.Status);
        Assert.Equal(code, answer.Code);
        Assert.Equal(0, gateway.Client.Operations);
    }

    [Theory]
    [InlineData("/nothing")]
    [InlineData("/v1")]
    [InlineData("/v1/")]
    [InlineData("/V1/keyspaces")]
    [InlineData("/v1/keyspaces/")]
    [InlineData("/v1/keyspacesx")]
    [InlineData("/v1/keyspaces/k/")]
    [InlineData("/v1/keyspaces/k/nothing")]
    [InlineData("/v1/keyspaces/k/batch/")]
    [InlineData("/v1/keyspaces/k/entries64")]
    [InlineData("//v1/keyspaces")]
    [InlineData("/livez/")]
    [InlineData("/v1%2Fkeyspaces")]
    public async Task A_target_that_nothing_serves_is_404(string target)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.GetAsync(target);

        Assert.Equal(404, answer.Status);
        Assert.Equal("no-such-route", answer.Code);
    }

    [Fact]
    public async Task Unknown_parameters_are_all_named()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.GetAsync(Entries + "a?ttl=1&&consistency=one&if=2");

        Assert.Equal(
            [
                "Parameter 'ttl' is not known; this call takes consistency.",
                "Parameter 'if' is not known; this call takes consistency.",
            ],
            answer.Json.GetProperty("reasons").EnumerateArray().Select(reason => reason.GetString())
        );
    }

    [Fact]
    public async Task A_whole_url_is_a_target_too()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.SendAsync("PUT", "http://localhost/v1/keyspaces/k/entries/a%2Fb", "x"u8.ToArray());

        Assert.Equal(
            "x",
            (await gateway.GetAsync("http://localhost/v1/keyspaces/k/entries/a/b?consistency=eventual")).Text
        );
        Assert.Equal("x", (await gateway.GetAsync(Entries + "a/b")).Text);
        Assert.Equal(200, (await gateway.GetAsync("http://localhost")).Status);
    }

    [Fact]
    public async Task A_key_of_1024_bytes_is_taken_and_one_of_1025_is_not()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var longest = string.Concat(Enumerable.Repeat("%C3", 1_024));

        Assert.Equal(201, (await gateway.PutAsync(Entries + longest, "x")).Status);
        Assert.Equal("invalid-key", (await gateway.PutAsync(Entries + longest + "a", "x")).Code);
        var longest64 = Base64Text.Encode(Enumerable.Repeat((byte)0xC3, 1_024).ToArray());
        Assert.Equal("x", (await gateway.GetAsync("/v1/keyspaces/k/entries64/" + longest64)).Text);
        var longer64 = Base64Text.Encode(new byte[1_025]);
        Assert.Equal("invalid-key", (await gateway.GetAsync("/v1/keyspaces/k/entries64/" + longer64)).Code);
    }

    [Fact]
    public async Task Every_byte_is_a_key_by_its_bytes()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var connection = await gateway.ConnectAsync();
        for (var value = 0; value < 256; value++)
        {
            var key64 = Base64Text.Encode([(byte)value]);
            var put = await connection.SendAsync("PUT", "/v1/keyspaces/k/entries64/" + key64, [(byte)value]);
            Assert.Equal(201, put.Status);
        }
        for (var value = 0; value < 256; value++)
        {
            var padded = Base64Text.Encode([(byte)value]) + "==";
            Assert.Equal(
                [(byte)value],
                (await connection.SendAsync("GET", "/v1/keyspaces/k/entries64/" + padded)).Body
            );
        }
    }

    [Theory]
    [InlineData("a%00b")]
    [InlineData("a\u00e9")]
    public async Task What_the_server_itself_refuses_is_400_and_changes_nothing(string key)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        Assert.Equal(400, (await gateway.PutAsync(Entries + key, "x")).Status);

        Assert.Equal(0, gateway.Client.Operations);
    }

    [Fact]
    public async Task A_method_that_is_not_served_is_405_and_names_those_that_are()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        // By another method than POST what ends like an increment is a key like all others.
        foreach (var route in Routes.All.Where(route => route.Route < GatewayRoute.Increment))
        {
            var target = route
                .Template.Replace("{keyspace}", "k")
                .Replace("{key}", "a")
                .Replace("{key64}", "YQ")
                .Replace("{id}", "kx");
            string[] methods = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"];
            foreach (var method in methods.Except(route.Methods))
            {
                var answer = await gateway.SendAsync(method, target);
                Assert.Equal((405, route.Allow), (answer.Status, answer.Header("Allow")));
                Assert.True(method == "HEAD" || answer.Code == "method-not-allowed");
            }
        }
        Assert.Equal(0, gateway.Client.Operations);
    }

    [Fact]
    public async Task A_key_of_http_2_is_the_raw_target_too()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{gateway.Http2Port}") };
        var put = Http2(HttpMethod.Put, "a%2Fb");
        put.Content = new ByteArrayContent("x"u8.ToArray());
        using var created = await http.SendAsync(put, TestContext.Current.CancellationToken);
        Assert.Equal(new Version(2, 0), created.Version);
        Assert.Equal(201, (int)created.StatusCode);
        Assert.Equal("\"1\"", created.Headers.ETag!.Tag);

        using var read = await http.SendAsync(Http2(HttpMethod.Get, "a/b"), TestContext.Current.CancellationToken);
        Assert.Equal("x", await read.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        using var other = await http.SendAsync(Http2(HttpMethod.Get, "a%252Fb"), TestContext.Current.CancellationToken);
        Assert.Equal(404, (int)other.StatusCode);
        using var head = await http.SendAsync(Http2(HttpMethod.Head, "a/b"), TestContext.Current.CancellationToken);
        Assert.Equal((200, 1L), ((int)head.StatusCode, head.Content.Headers.ContentLength));

        HttpRequestMessage Http2(HttpMethod method, string key) =>
            new(
                method,
                new Uri(
                    http.BaseAddress + Entries[1..] + key,
                    new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }
                )
            )
            {
                Version = new(2, 0),
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
    }
}
