using System.Net;
using System.Net.Sockets;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>What an operator may rely on: start, readiness, end, and the refusals with their reason.</summary>
public sealed class ProcessContractTests(ITestOutputHelper output) : IDisposable
{
    readonly TemporaryFolder _folder = new("contract");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_single_node_becomes_ready_and_ends_with_0_on_sigterm()
    {
        await using var silo = SiloProcess.Launch(Settings("n1"));
        var ready = await silo.WaitUntilReadyAsync();
        output.WriteLine($"ready after {ready.TotalSeconds:0.00} s (goal: 3 s)");
        await Keyspaces.CreateAsync(silo.Rest, "raft", replicas: 1);
        await silo.EndsInOrderAsync();
    }

    [Fact]
    public async Task What_was_written_before_sigterm_is_there_after_the_next_start()
    {
        AckedWrites writes;
        await using (var silo = await SiloProcess.StartAsync(Settings("n1")))
        {
            await Keyspaces.CreateAsync(silo.Rest, "raft", replicas: 1);
            await using var load = new WriteLoad(new AckedWrites("raft"), "drain", [silo.Rest], writers: 8, seed: 3);
            await load.WaitForAcknowledgementsAsync(100, ClusterTestEnvironment.Deadline);
            await silo.EndsInOrderAsync();
            await load.StopAsync();
            writes = load.Writes;
        }
        await using var again = await SiloProcess.StartAsync(Settings("n1"));
        await Keyspaces.NothingIsLostOrTornAsync(again.Rest, writes);
    }

    [Fact]
    public async Task A_second_process_on_the_same_data_folder_is_refused()
    {
        var settings = Settings("n1");
        await using var first = await SiloProcess.StartAsync(settings);
        await IsRefusedAsync(
            settings with
            {
                HttpPort = FreePorts.Next(),
                SiloPort = FreePorts.Next(),
                GatewayPort = FreePorts.Next(),
            }
        );
        await first.WaitUntilReadyAsync();
    }

    [Fact]
    public async Task The_data_folder_of_another_node_is_refused()
    {
        await using (var first = await SiloProcess.StartAsync(Settings("n1")))
            await first.EndsInOrderAsync();
        await IsRefusedAsync(Settings("n2"), mentions: "n1");
    }

    [Theory]
    [InlineData("http")]
    [InlineData("silo")]
    [InlineData("gateway")]
    public async Task A_taken_port_is_refused(string which)
    {
        using var taken = new TcpListener(IPAddress.Loopback, FreePorts.Next());
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        var settings = Settings("n1");
        var colliding = which switch
        {
            "http" => settings with { HttpPort = port },
            "silo" => settings with { SiloPort = port },
            _ => settings with { GatewayPort = port },
        };
        await IsRefusedAsync(WithCluster(colliding), mentions: $"{port}");
    }

    [Fact]
    public async Task An_unreachable_database_is_refused()
    {
        var nowhere = $"Host=127.0.0.1;Port={FreePorts.Next()};Username=exapyte;Database=cluster;Timeout=3";
        await IsRefusedAsync(Settings("n1") with { Cluster = ClusterDatabase.Postgres(nowhere) });
    }

    [Fact]
    public async Task A_cluster_file_in_a_folder_that_is_not_there_is_refused()
    {
        var nowhere = ClusterDatabase.Sqlite(Path.Combine(_folder.Path, "missing", "cluster.db"));
        await IsRefusedAsync(Settings("n1") with { Cluster = nowhere });
    }

    [Fact]
    public async Task A_gateway_on_a_public_address_without_authentication_is_refused() =>
        await IsRefusedAsync(Settings("n1") with { HttpHost = "0.0.0.0" });

    SiloSettings Settings(string nodeId) => new() { NodeId = nodeId, DataFolder = _folder.File("data") };

    // An embedded node may listen to nothing but HTTP; a member of a cluster opens all three ports.
    SiloSettings WithCluster(SiloSettings settings) =>
        settings with
        {
            Cluster = ClusterDatabase.Sqlite(_folder.File("cluster.db")),
        };

    /// <summary>It ends by itself, not with 0, and says in one line why.</summary>
    async Task IsRefusedAsync(SiloSettings settings, string? mentions = null)
    {
        await using var refused = SiloProcess.Launch(settings);
        var exitCode = await refused.WaitForExitAsync(ClusterTestEnvironment.Deadline);
        Assert.NotEqual(0, exitCode);
        var reason = refused.StandardError.Trim();
        output.WriteLine(reason);
        Assert.NotEmpty(reason);
        Assert.True(!reason.Contains('\n', StringComparison.Ordinal), $"More than one line:\n{reason}");
        if (mentions is not null)
            Assert.Contains(mentions, reason, StringComparison.Ordinal);
    }
}
