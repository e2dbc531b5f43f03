using System.Diagnostics;
using System.Text.Json;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

public sealed class ClusterStartupTests(ClusterTestEnvironment environment, ITestOutputHelper output)
{
    [Theory]
    [Trait("Scenario", "cluster_startup")]
    [InlineData(MeetingPlace.Sqlite)]
    [InlineData(MeetingPlace.Postgres)]
    public async Task Three_processes_form_one_cluster(MeetingPlace place)
    {
        await environment.ServerOfAsync(place);
        var since = Stopwatch.GetTimestamp();
        await using var cluster = await environment.StartThreeAsync(place);
        output.WriteLine($"three nodes ready after {Stopwatch.GetElapsedTime(since).TotalSeconds:0.00} s");
        foreach (var silo in cluster.Running)
            await SeesAsync(silo.Rest, cluster.NodeIds, cluster);
        output.WriteLine($"each sees all after {Stopwatch.GetElapsedTime(since).TotalSeconds:0.00} s");

        await Keyspaces.CreateAllAsync(cluster["n1"].Rest, replicas: 3);
        foreach (var kind in Keyspaces.Kinds)
        {
            var rest = cluster["n3"].Rest;
            var answer = await Requests.GetAsync(rest, kind, () => rest.GetKeyspaceAsync(kind));
            Assert.Contains(kind, answer.Text, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Scenario", "node_registration")]
    public async Task Each_node_appears_once_with_its_region_also_after_a_restart()
    {
        await using var cluster = await SiloCluster.StartAsync(postgres: null, "oslo", "rome", "lima");
        await SeesAsync(cluster["n1"].Rest, cluster.NodeIds, cluster);
        await cluster.EndsInOrderAsync("n2");
        await cluster.RestartAsync("n2");
        await SeesAsync(cluster["n1"].Rest, cluster.NodeIds, cluster);

        var rest = cluster["n3"].Rest;
        var nodes = Nodes((await Requests.GetAsync(rest, "its nodes", rest.GetNodesAsync)).Json);
        Assert.Equal(["n1", "n2", "n3"], nodes.Select(node => node.Id).Order(StringComparer.Ordinal));
        Assert.Equal("oslo", nodes.Single(node => node.Id == "n1").Region);
        Assert.Equal("rome", nodes.Single(node => node.Id == "n2").Region);
        Assert.Equal("lima", nodes.Single(node => node.Id == "n3").Region);
    }

    [Fact]
    [Trait("Scenario", "cluster_topology_updates")]
    public async Task A_node_that_joins_later_is_seen_by_all()
    {
        await using var cluster = await SiloCluster.StartAsync(postgres: null, "default", "default");
        await SeesAsync(cluster["n2"].Rest, cluster.NodeIds, cluster);
        await cluster.AddAsync("n3", "default");
        foreach (var silo in cluster.Running)
            await SeesAsync(silo.Rest, ["n1", "n2", "n3"], cluster);
    }

    static async Task SeesAsync(RestClient client, IReadOnlyCollection<string> nodeIds, SiloCluster cluster)
    {
        RestAnswer? last = null;
        await Poll.UntilAsync(
            $"{client.Url} sees {string.Join(", ", nodeIds)}",
            ClusterTestEnvironment.Deadline,
            async () =>
            {
                last = await client.GetNodesAsync();
                return last.Status == 200
                    && Nodes(last.Json)
                        .Select(node => node.Id)
                        .Order(StringComparer.Ordinal)
                        .SequenceEqual(nodeIds.Order());
            },
            () => $"{last}\n{cluster.Outputs()}"
        );
    }

    /// <summary>The nodes of a listing, whether it is an array or an object that holds one.</summary>
    static List<(string Id, string? Region)> Nodes(JsonElement listing)
    {
        var array =
            listing.ValueKind == JsonValueKind.Array
                ? listing
                : listing
                    .EnumerateObject()
                    .Select(property => property.Value)
                    .First(value => value.ValueKind == JsonValueKind.Array);
        return
        [
            .. array
                .EnumerateArray()
                .Select(node => (Text(node, "id") ?? Text(node, "nodeId") ?? "", Text(node, "region"))),
        ];
    }

    static string? Text(JsonElement node, string name) =>
        node.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
