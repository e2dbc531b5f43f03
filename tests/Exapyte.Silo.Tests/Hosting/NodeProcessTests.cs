using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Exapyte.Testing.Clusters;
using Xunit;
using FreePorts = Exapyte.Testing.Processes.FreePorts;

namespace Exapyte.Silo.Tests.Hosting;

/// <summary>What an operator meets: start, readiness, end and refusal of the real process.</summary>
public sealed class NodeProcessTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    private const string PutsThatWereTaken =
        "method=\"PUT\",outcome=\"ok\",route=\"/v1/keyspaces/{keyspace}/entries/{key}\"";

    private readonly TemporaryFolder folder = new();
    private readonly NodePorts ports = NodePorts.Free();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_node_becomes_ready_says_where_it_is_and_ends_with_0_on_sigterm()
    {
        await using NodeProcess node = NodeProcess.Launch(folder, "data", ports);
        await node.WaitUntilReadyAsync();

        node.Terminate();

        Assert.Equal(0, await node.WaitForExitAsync());
        Assert.Contains("n1", node.Output, StringComparison.Ordinal);
        Assert.Contains(folder.File("data"), node.Output, StringComparison.Ordinal);
        Assert.Contains($"curl -i {node.Http}v1/keyspaces/", node.Output, StringComparison.Ordinal);
        Assert.Empty(node.Warnings);
        Assert.Empty(node.Error);
    }

    [Fact]
    public async Task What_a_node_holds_and_does_can_be_scraped()
    {
        await using NodeProcess node = NodeProcess.Launch(folder, "data", ports);
        await node.WaitUntilReadyAsync();
        using HttpClient http = new() { BaseAddress = node.Http };
        await PutAsync(http, "v1/keyspaces/counted", """{"shards":2}""");
        for (int i = 0; i < 3; i++)
            await PutAsync(http, $"v1/keyspaces/counted/entries/{i}", "v");

        // A shard that nobody wrote to may elect its leader a little later.
        string[] metrics = [];
        await Eventually.Holds(
            async () =>
            {
                metrics = (await http.GetStringAsync("metrics")).Split('\n');
                return ValueOf(metrics, "exapyte_replicas", "role=\"leader\"") == 2
                    && ValueOf(metrics, "exapyte_gateway_request_duration_seconds_count", PutsThatWereTaken) == 3;
            },
            "both shards are led and each request is counted",
            Deadline
        );

        Assert.True(ValueOf(metrics, "exapyte_log_entries_total", "") >= 3);
        Assert.Equal(1, ValueOf(metrics, "exapyte_log_healthy", ""));
        Assert.True(ValueOf(metrics, "exapyte_store_rows", "") >= 3);
        Assert.Equal(2, ValueOf(metrics, "exapyte_replicas", "role=\"leader\""));
        Assert.Equal(3, ValueOf(metrics, "exapyte_client_operations_total", "outcome=\"Ok\""));
        Assert.True(ValueOf(metrics, "dotnet_process_memory_working_set_bytes", "") > 0);
    }

    [Fact]
    public async Task What_a_node_evicts_for_want_of_memory_is_told_by_its_metrics_and_its_shards()
    {
        await using NodeProcess node = NodeProcess.Launch(folder, "data", ports, "--memory-bytes", $"{16 << 20}");
        await node.WaitUntilReadyAsync();
        using HttpClient http = new() { BaseAddress = node.Http };
        await PutAsync(
            http,
            "v1/keyspaces/m",
            """{"replication":"async","storage":"memory","replicas":1,"shards":2}"""
        );
        string value = new('v', 1_000_000);
        for (int i = 0; i < 40; i++)
            await PutAsync(http, $"v1/keyspaces/m/entries/{i}", value);

        string[] metrics = (await http.GetStringAsync("metrics")).Split('\n');
        using JsonDocument told = JsonDocument.Parse(await http.GetStringAsync("v1/keyspaces/m/shards"));
        JsonElement[] replicas =
        [
            .. told
                .RootElement.GetProperty("shards")
                .EnumerateArray()
                .SelectMany(shard => shard.GetProperty("replicas").EnumerateArray()),
        ];
        long entries = replicas.Sum(replica => replica.GetProperty("evictedEntries").GetInt64());
        Assert.InRange(entries, 24, 39);
        Assert.Equal(40, entries + replicas.Sum(replica => replica.GetProperty("entries").GetInt64()));
        Assert.InRange(
            replicas.Sum(replica => replica.GetProperty("evictedBytes").GetInt64()),
            entries * 1_000_000,
            long.MaxValue
        );
        Assert.Equal(entries, ValueOf(metrics, "exapyte_memory_evicted_total", "keyspace=\"m\""));
        Assert.Equal(16 << 20, ValueOf(metrics, "exapyte_memory_limit_bytes", ""));
        Assert.InRange(ValueOf(metrics, "exapyte_memory_used_bytes", ""), 1_000_000, 16 << 20);
    }

    /// <summary>Asks again until it is taken: a node whose leaders are not elected in time says so.</summary>
    private static Task PutAsync(HttpClient http, string path, string body) =>
        Eventually.Holds(
            async () =>
            {
                using StringContent content = new(body);
                using HttpResponseMessage answer = await http.PutAsync(path, content);
                return answer.IsSuccessStatusCode;
            },
            $"PUT {path} is taken",
            Deadline
        );

    /// <summary>The value of the one line; 0 where there is none yet.</summary>
    private static double ValueOf(string[] metrics, string name, string tag)
    {
        string? line = metrics.SingleOrDefault(line =>
            line.StartsWith(name + "{", StringComparison.Ordinal) && line.Contains(tag, StringComparison.Ordinal)
        );
        return line is null ? 0 : double.Parse(line.Split("} ")[1].Split(' ')[0], CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Three_nodes_share_a_file_and_each_leaves_with_0()
    {
        string[] cluster = ["--provider", "sqlite", "--cluster", $"Data Source={folder.File("cluster.db")}"];
        NodeProcess[] nodes =
        [
            .. Enumerable
                .Range(1, 3)
                .Select(i => NodeProcess.Launch(folder, $"data{i}", NodePorts.Free(), [.. cluster, "--node", $"n{i}"])),
        ];
        try
        {
            await Task.WhenAll(nodes.Select(n => n.WaitUntilReadyAsync()));
            foreach (NodeProcess node in nodes)
                node.Terminate();
            int[] exitCodes = await Task.WhenAll(nodes.Select(n => n.WaitForExitAsync()));
            Assert.Equal([0, 0, 0], exitCodes);
            Assert.All(nodes, n => Assert.Empty(n.Error));
        }
        finally
        {
            await Task.WhenAll(nodes.Select(n => n.DisposeAsync().AsTask()));
        }
    }

    [Theory]
    [InlineData("http")]
    [InlineData("silo")]
    [InlineData("gateway")]
    public async Task A_taken_port_ends_the_start_with_4_and_one_line(string which)
    {
        using TcpListener taken = new(IPAddress.Loopback, 0);
        taken.Start();
        int port = ((IPEndPoint)taken.LocalEndpoint).Port;
        NodePorts colliding = which switch
        {
            "http" => ports with { Http = port },
            "silo" => ports with { Silo = port },
            _ => ports with { Gateway = port },
        };

        await using NodeProcess node = NodeProcess.Launch(folder, "data", colliding);

        Assert.Equal(4, await node.WaitForExitAsync());
        Assert.Contains($"{port}", Assert.Single(node.Error), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unreachable_database_ends_the_start_with_5_and_one_line()
    {
        string nowhere = $"Host=127.0.0.1;Port={FreePorts.Next()};Username=me;Password=hunter2;Database=exapyte";

        await using NodeProcess node = NodeProcess.Launch(
            folder,
            "data",
            ports,
            ["--provider", "postgres", "--cluster", nowhere]
        );

        Assert.Equal(5, await node.WaitForExitAsync());
        Assert.DoesNotContain("hunter2", Assert.Single(node.Error), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_database_ends_the_start_with_5_and_one_line()
    {
        await WriteAsync("cluster.db", new string('x', 4096));

        await using NodeProcess node = NodeProcess.Launch(
            folder,
            "data",
            ports,
            ["--provider", "sqlite", "--cluster", $"Data Source={folder.File("cluster.db")}"]
        );

        Assert.Equal(5, await node.WaitForExitAsync());
        Assert.Single(node.Error);
    }

    [Fact]
    public async Task Bad_options_end_the_start_with_2_and_leave_no_data_folder()
    {
        await using NodeProcess node = NodeProcess.Launch(
            folder,
            "data",
            ports,
            ["--node", "N1", "--zone", "Z", "--bogus"]
        );

        Assert.Equal(2, await node.WaitForExitAsync());
        Assert.Equal(3, node.Error.Count);
        Assert.False(Directory.Exists(folder.File("data")));
    }

    [Fact]
    public async Task The_command_line_wins_over_the_environment_and_that_over_the_file()
    {
        const string File = """{ "Exapyte": { "Node": "from-file", "Region": "from-file", "Zone": "from-file" } }""";
        await WriteAsync("appsettings.json", File);

        await using NodeProcess node = NodeProcess.Launch(folder, "data", ports, ["--node", "from-arguments"]);
        await node.WaitUntilReadyAsync();
        node.Terminate();
        await node.WaitForExitAsync();

        Assert.Contains(
            $"from-arguments, region {NodeProcess.EnvironmentRegion}, zone from-file",
            node.Output,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("{\n  \"Exapyte\": {\n    \"Node\": n1\n  }\n}", "Line 3, character 14")]
    [InlineData("{ \"Exapyte\": ", "Line 1")]
    [InlineData("{ \"Exapyte\": { \"Noed\": \"n1\" } }", "Exapyte:Noed")]
    [InlineData("{ \"Exapyte\": { \"Node\": { \"Id\": \"n1\" } } }", "Exapyte:Node:Id")]
    public async Task A_settings_file_that_cannot_be_meant_ends_the_start_with_2_and_one_line_that_says_where(
        string file,
        string where
    )
    {
        await WriteAsync("appsettings.json", file);

        await using NodeProcess node = NodeProcess.Launch(folder, "data", ports);

        Assert.Equal(2, await node.WaitForExitAsync());
        Assert.Contains(where, Assert.Single(node.Error), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_data_folder_that_cannot_be_made_ends_the_start_with_3_and_one_line()
    {
        await WriteAsync("file", "");

        await using NodeProcess node = NodeProcess.Launch(folder, "file/data", ports);

        Assert.Equal(3, await node.WaitForExitAsync());
        Assert.Single(node.Error);
    }

    [Fact]
    public async Task A_data_folder_in_use_ends_the_start_with_3_and_the_first_process_serves_on()
    {
        await using NodeProcess first = NodeProcess.Launch(folder, "data", ports);
        await first.WaitUntilReadyAsync();

        await using NodeProcess second = NodeProcess.Launch(folder, "data", NodePorts.Free());

        Assert.Equal(3, await second.WaitForExitAsync());
        Assert.Contains("data", Assert.Single(second.Error), StringComparison.Ordinal);
        await first.WaitUntilReadyAsync();
    }

    [Fact]
    public async Task The_data_folder_of_another_node_ends_the_start_with_3_and_names_it()
    {
        await using NodeProcess owner = NodeProcess.Launch(folder, "data", ports, ["--node", "owner"]);
        await owner.WaitUntilReadyAsync();
        owner.Terminate();
        await owner.WaitForExitAsync();

        await using NodeProcess other = NodeProcess.Launch(folder, "data", ports, ["--node", "other"]);

        Assert.Equal(3, await other.WaitForExitAsync());
        Assert.Contains("'owner'", Assert.Single(other.Error), StringComparison.Ordinal);
        Assert.Empty(other.Output);
    }

    [Fact]
    public async Task A_second_folder_under_the_name_of_a_node_that_is_alive_ends_the_start_with_7_and_one_line()
    {
        string[] cluster = ["--cluster", $"Data Source={folder.File("cluster.db")}", "--provider", "sqlite"];
        await using NodeProcess first = NodeProcess.Launch(folder, "data", ports, cluster);
        await first.WaitUntilReadyAsync();

        await using NodeProcess second = NodeProcess.Launch(folder, "other", NodePorts.Free(), cluster);

        Assert.Equal(7, await second.WaitForExitAsync());
        Assert.Single(second.Error);
        Assert.DoesNotContain("   at ", second.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", second.Output, StringComparison.Ordinal);
    }

    private Task WriteAsync(string name, string text) =>
        File.WriteAllTextAsync(folder.File(name), text, TestContext.Current.CancellationToken);
}
