using System.Net;
using Exapyte.Client;
using Exapyte.Gateway.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class HostingTests
{
    [Fact]
    public async Task A_mapped_gateway_stands_beside_the_applications_own_endpoints()
    {
        await using var gateway = await GatewayFixture.StartAsync(
            null,
            app =>
            {
                app.MapGet("/mine", () => "mine");
                app.MapExapyte();
            }
        );
        Assert.Equal("mine", (await gateway.GetAsync("/mine")).Text);
        Assert.Equal(201, (await gateway.PutAsync("/v1/keyspaces/k/entries/a%2Fb", "x")).Status);
        Assert.Equal("x", (await gateway.GetAsync("/v1/keyspaces/k/entries/a/b")).Text);
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/k/entries/a%252Fb")).Status);
        Assert.Equal("no-such-route", (await gateway.GetAsync("/v1/nothing")).Code);
        Assert.Equal("invalid-target", (await gateway.GetAsync("/mine/../v1/keyspaces/k/entries/a")).Code);
        Assert.Equal("", (await gateway.GetAsync("/nothing")).Code);
        foreach (var target in new[] { "/", "/livez", "/readyz", "/docs", "/openapi/v1.json" })
        {
            Assert.Equal(200, (await gateway.GetAsync(target)).Status);
        }
    }

    [Fact]
    public async Task A_path_base_is_no_part_of_a_key()
    {
        await using var gateway = await GatewayFixture.StartAsync(
            null,
            app =>
            {
                app.UsePathBase("/data");
                app.UseRouting();
                app.MapExapyte();
            }
        );
        Assert.Equal(201, (await gateway.PutAsync("/data/v1/keyspaces/k/entries/a", "x")).Status);
        Assert.Equal("x", (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Text);
        Assert.Equal("x", (await gateway.GetAsync("/d%61ta/v1/keyspaces/k/entries/a")).Text);
        Assert.Equal(
            "/data/v1/keyspaces/new",
            (await gateway.PutAsync("/data/v1/keyspaces/new", "{}")).Header("Location")
        );
        Assert.Equal("/data/docs", (await gateway.GetAsync("/data")).Json.GetProperty("docs").GetString());
    }

    [Fact]
    public async Task A_groups_prefix_is_no_part_of_a_key()
    {
        await using var gateway = await GatewayFixture.StartAsync(null, app => app.MapGroup("/api/store").MapExapyte());

        Assert.Equal(201, (await gateway.PutAsync("/api/store/v1/keyspaces/k/entries/a", "x")).Status);
        Assert.Equal("x", (await gateway.GetAsync("/api/store/v1/keyspaces/k/entries64/YQ")).Text);
        Assert.Equal(200, (await gateway.GetAsync("/api/store")).Status);
        Assert.Equal(200, (await gateway.GetAsync("/api/store/livez")).Status);
        Assert.Equal("invalid-target", (await gateway.GetAsync("/x/../api/store/v1/keyspaces")).Code);
    }

    [Fact]
    public async Task A_group_with_parameters_serves_nothing_and_the_log_says_why()
    {
        await using var gateway = await GatewayFixture.StartAsync(null, app => app.MapGroup("/{tenant}").MapExapyte());

        Assert.Equal(500, (await gateway.GetAsync("/t/livez")).Status);

        Assert.Contains(
            gateway.Log.Exceptions,
            exception => exception.ToString().Contains("use literals", StringComparison.Ordinal)
        );
    }

    [Fact]
    public async Task A_conventions_filter_sees_every_endpoint()
    {
        await using var gateway = await GatewayFixture.StartAsync(
            null,
            app =>
            {
                app.Use(
                    (context, next) =>
                    {
                        context.Response.Headers["Mark"] = context.GetEndpoint()?.Metadata.GetMetadata<string>();
                        return next(context);
                    }
                );
                app.MapExapyte().WithMetadata("mark");
            }
        );
        Assert.Equal("mark", (await gateway.GetAsync("/livez")).Header("Mark"));
        Assert.Equal("mark", (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Header("Mark"));
    }

    [Fact]
    public void A_gateway_without_a_client_says_what_it_needs()
    {
        var app = WebApplication.CreateSlimBuilder().Build();

        var failure = Assert.Throws<InvalidOperationException>(() => app.MapExapyte());

        Assert.Contains("AddExapyteClient", failure.Message);
        Assert.Throws<InvalidOperationException>(() => app.RunExapyte());
    }

    [Fact]
    public void Options_that_cannot_be_kept_are_refused_with_every_reason()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddSingleton<IExapyteClient>(new InMemoryExapyteClient(TimeProvider.System));
        builder.Services.Configure<ExapyteGatewayOptions>(options =>
        {
            options.KeyBytesMax = 1_025;
            options.ValueBytesMax = 0;
            options.BatchItemsMax = 1_001;
            options.BatchBytesMax = -1;
            options.PageEntriesMax = 10;
            options.PageEntriesDefault = 11;
            options.CursorKey = new byte[15];
            options.RetryAfterSeconds = 0;
            options.ReadinessTimeout = TimeSpan.Zero;
        });

        var failure = Assert.Throws<OptionsValidationException>(() => builder.Build().MapExapyte());

        Assert.Equal(8, failure.Failures.Count());
    }

    [Theory]
    [InlineData("http://0.0.0.0:0", false)]
    [InlineData("http://[::]:0", false)]
    [InlineData("http://*:0", false)]
    [InlineData("http://example.invalid:0", false)]
    [InlineData("http://127.0.0.1:0", true)]
    public async Task A_gateway_that_authenticates_nobody_listens_on_loopback_only(string url, bool starts)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddSingleton<IExapyteClient>(new InMemoryExapyteClient(TimeProvider.System));
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenOnLoopbackOnly()).UseUrls(url);
        await using var app = builder.Build();
        app.RunExapyte();

        if (starts)
        {
            await app.StartAsync(TestContext.Current.CancellationToken);
        }
        else
        {
            var failure = await Assert.ThrowsAsync<InvalidOperationException>(() =>
                app.StartAsync(TestContext.Current.CancellationToken)
            );
            Assert.Contains("--insecure", failure.Message);
        }
    }

    [Fact]
    public void Endpoints_named_in_code_are_held_to_loopback_too()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ListenOnLoopbackOnly();
            kestrel.Listen(IPAddress.Any, 0);
        });

        Assert.Throws<InvalidOperationException>(() => builder.Build());
    }

    [Fact]
    public async Task The_applications_own_pages_come_before_the_gateways()
    {
        await using var gateway = await GatewayFixture.StartAsync(
            null,
            app =>
            {
                app.MapExapyte();
                app.MapGet("/", () => "my root");
                app.MapGet("/docs", () => "my docs");
            }
        );

        Assert.Equal("my root", (await gateway.GetAsync("/")).Text);
        Assert.Equal("my docs", (await gateway.GetAsync("/docs")).Text);
        Assert.Equal(200, (await gateway.GetAsync("/livez")).Status);
    }
}
