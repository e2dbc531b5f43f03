using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Exapyte.Client;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Exapyte.Hosting.Tests;

/// <summary>Whoever connects to the wrong place is told so, once and soon.</summary>
public sealed class ConnectTests
{
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    static CancellationToken OfTest => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Where_nothing_listens_it_is_said_that_no_node_runs_there()
    {
        var failure = await FailureAsync($"127.0.0.1:{FreePorts.Next()}");

        Assert.Contains("no node runs there", failure.Message);
    }

    [Fact]
    public async Task A_port_of_http_is_told_from_that_of_a_node()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore();
        var port = FreePorts.Next();
        await using var app = builder.Build();
        app.Urls.Add($"http://127.0.0.1:{port}");
        await app.StartAsync(OfTest);

        var failure = await FailureAsync($"127.0.0.1:{port}");

        Assert.Contains("not that of HTTP", failure.Message);
    }

    [Fact]
    public async Task A_silo_of_another_cluster_is_not_taken_for_a_node()
    {
        var port = FreePorts.Next();
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Logging.SetMinimumLevel(LogLevel.Critical);
        builder.UseOrleans(silo =>
            silo.UseLocalhostClustering(FreePorts.Next(), port)
                .Configure<ClusterOptions>(cluster => cluster.ClusterId = cluster.ServiceId = "another")
        );
        using var host = builder.Build();
        await host.StartAsync(OfTest);

        var failure = await FailureAsync($"localhost:{port}");

        Assert.Contains("does not answer as a node of a cluster named 'exapyte' does", failure.Message);
        await host.StopAsync(OfTest);
    }

    [Fact]
    public async Task What_accepts_and_stays_silent_does_not_hold_up_a_caller()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();

        var failure = await FailureAsync($"127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}");

        Assert.Contains("does not answer", failure.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" , ")]
    [InlineData("127.0.0.1")]
    [InlineData("127.0.0.1:0")]
    [InlineData("127.0.0.1:30000;127.0.0.1:30001")]
    [InlineData("http://127.0.0.1:8080")]
    public async Task What_is_no_list_of_addresses_is_refused_at_once(string addresses)
    {
        await Assert.ThrowsAsync<FormatException>(() => ExapyteClient.ConnectAsync(addresses, null, OfTest));
        Assert.Throws<FormatException>(() => new ServiceCollection().AddExapyteClient(addresses));
    }

    [Fact]
    public async Task An_application_connects_by_its_configuration_and_its_start_fails_where_no_node_answers()
    {
        using var folder = new TemporaryFolder("connect");
        string addresses;
        await using (var node = await EmbeddedHost.StartAsync(folder.File("data")))
        {
            addresses = node.Addresses;
            await node.Client.EnsureKeyspaceAsync("users");
            using var application = Application(addresses);
            await application.StartAsync(OfTest);
            var users = application.Services.GetRequiredService<IExapyteClient>().Keyspace("users");
            await users.PutAsync("ada", 1, OfTest);
            Assert.Equal(1, (await node.Client.Keyspace("users").GetAsync<int>("ada", OfTest))!.Value);
            await application.StopAsync(OfTest);
        }

        using var late = Application(addresses);
        await Assert.ThrowsAsync<ExapyteConnectException>(() => late.StartAsync(OfTest));
    }

    static IHost Application(string addresses)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Configuration.AddInMemoryCollection(
            new Dictionary<string, string?>
            {
                ["Exapyte:Addresses"] = addresses,
                ["Exapyte:ConnectTimeout"] = $"{s_patience}",
            }
        );
        builder.Services.AddExapyteClient(builder.Configuration.GetSection("Exapyte"));
        return builder.Build();
    }

    static async Task<ExapyteConnectException> FailureAsync(string addresses)
    {
        var began = Stopwatch.GetTimestamp();
        var failure = await Assert.ThrowsAsync<ExapyteConnectException>(() =>
            ExapyteClient.ConnectAsync(addresses, options => options.ConnectTimeout = s_patience, OfTest)
        );
        // The time that was granted, and what a busy machine takes besides.
        Assert.InRange(Stopwatch.GetElapsedTime(began), TimeSpan.Zero, s_patience * 5);
        return failure;
    }
}
