using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Exapyte.Testing.Clusters;
using Xunit;
using FreePorts = Exapyte.Testing.Processes.FreePorts;

namespace Exapyte.Silo.Tests.Hosting;

/// <summary>What an operator meets of a gateway that runs beside the nodes.</summary>
public sealed class GatewayProcessTests : IDisposable
{
    private const string Entry = "v1/keyspaces/k/entries/";
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly TemporaryFolder folder = new();

    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task It_serves_what_the_nodes_hold_and_outlives_the_loss_of_any_of_them()
    {
        NodePorts[] ports = [.. Enumerable.Range(0, 3).Select(_ => NodePorts.Free())];
        NodeProcess[] nodes = [.. ports.Select((_, at) => Launch(at, ports))];
        try
        {
            await Task.WhenAll(nodes.Select(node => node.WaitUntilReadyAsync()));
            string endpoints = string.Join(',', ports.Select(node => $"127.0.0.1:{node.Gateway}"));
            await using GatewayProcess gateway = GatewayProcess.Launch(null, "--endpoints", endpoints);
            await gateway.WaitUntilReadyAsync();
            await AnswersAsync(gateway, HttpMethod.Put, "v1/keyspaces/k", """{"shards":3}""");
            await AnswersAsync(gateway, HttpMethod.Get, "readyz");

            for (int at = 0; at < nodes.Length; at++)
            {
                await nodes[at].DisposeAsync();
                for (int i = 0; i < 10; i++)
                    await AnswersAsync(gateway, HttpMethod.Put, $"{Entry}{at}-{i}", $"{at}");
                nodes[at] = Launch(at, ports);
                await nodes[at].WaitUntilReadyAsync();
            }

            for (int at = 0; at < nodes.Length; at++)
            {
                for (int i = 0; i < 10; i++)
                    Assert.Equal($"{at}", await AnswersAsync(gateway, HttpMethod.Get, $"{Entry}{at}-{i}"));
            }
            // What one gateway hands out, that of every node takes.
            string page = await AnswersAsync(gateway, HttpMethod.Get, "v1/keyspaces/k/entries?limit=5");
            string cursor = JsonDocument.Parse(page).RootElement.GetProperty("cursor").GetString()!;
            using HttpClient http = new() { BaseAddress = nodes[0].Http };
            string next = await http.GetStringAsync($"v1/keyspaces/k/entries?limit=5&cursor={cursor}", OfTest);
            Assert.Contains("0-5", next, StringComparison.Ordinal);
            string metrics = await AnswersAsync(gateway, HttpMethod.Get, "metrics");
            Assert.Contains("exapyte_client_operations_total", metrics, StringComparison.Ordinal);
            Assert.Equal(0, await gateway.StopAsync());
            Assert.Empty(gateway.Error);
        }
        finally
        {
            await Task.WhenAll(nodes.Select(node => node.DisposeAsync().AsTask()));
        }
    }

    [Fact]
    public async Task Where_no_node_answers_it_ends_with_8_and_one_line_that_names_the_address()
    {
        string nowhere = $"127.0.0.1:{FreePorts.Next()}";
        await using GatewayProcess gateway = GatewayProcess.Launch(null, "--endpoints", nowhere);

        Assert.Equal(8, await gateway.WaitForExitAsync());
        Assert.StartsWith("exapyte-gateway: ", gateway.Error, StringComparison.Ordinal);
        Assert.Contains(nowhere, gateway.Error, StringComparison.Ordinal);
        Assert.Single(gateway.Error.TrimEnd().Split('\n'));
    }

    [Fact]
    public async Task A_taken_port_ends_the_start_with_4_and_one_line()
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using GatewayProcess gateway = GatewayProcess.LaunchAt(
            new($"http://127.0.0.1:{port}"),
            null,
            "--endpoints",
            "127.0.0.1:30000"
        );

        Assert.Equal(4, await gateway.WaitForExitAsync());
        Assert.Contains($"{port}", Assert.Single(gateway.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--endpoints: is missing")]
    [InlineData("--endpoints 'nowhere'", "--endpoints", "nowhere")]
    [InlineData("'--data'", "--endpoints", "127.0.0.1:30000", "--data", "x")]
    [InlineData("--requests-max 'many'", "--endpoints", "127.0.0.1:30000", "--requests-max", "many")]
    [InlineData("--tls-key", "--endpoints", "127.0.0.1:30000", "--tls-key", "nothing.key")]
    public async Task What_cannot_be_meant_ends_the_start_with_2_and_says_why(string reason, params string[] args)
    {
        await using GatewayProcess gateway = GatewayProcess.Launch(null, args);

        Assert.Equal(2, await gateway.WaitForExitAsync());
        Assert.Contains(reason, gateway.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", gateway.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_names_its_settings_and_none_of_a_node()
    {
        await using GatewayProcess gateway = GatewayProcess.Launch(null, "--help");

        Assert.Equal(0, await gateway.WaitForExitAsync());
        Assert.Contains("--endpoints", gateway.Output, StringComparison.Ordinal);
        Assert.Contains("--cluster-tls-cert", gateway.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("--silo-port", gateway.Output, StringComparison.Ordinal);
    }

    private NodeProcess Launch(int at, NodePorts[] ports) =>
        NodeProcess.Launch(
            folder,
            $"data{at}",
            ports[at],
            "--node",
            $"n{at}",
            "--provider",
            "sqlite",
            "--cluster",
            $"Data Source={folder.File("cluster.db")}"
        );

    /// <summary>Asks until it is answered with success: what a lost node led has to find another leader first.</summary>
    private static async Task<string> AnswersAsync(
        GatewayProcess gateway,
        HttpMethod method,
        string path,
        string? body = null
    )
    {
        (HttpStatusCode Status, string Body) answer = (default, "");
        await Eventually.Holds(
            async () =>
            {
                answer = await gateway.SendAsync(method, path, body);
                return (int)answer.Status is >= 200 and < 300;
            },
            $"{method} {path} is answered",
            Deadline
        );
        return answer.Body;
    }
}
