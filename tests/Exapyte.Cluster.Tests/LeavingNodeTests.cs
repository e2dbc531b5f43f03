using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>A node that an operator takes out of its cluster.</summary>
public sealed class LeavingNodeTests
{
    /// <summary>As docs/operations.md lists it: the cluster refuses the node.</summary>
    const int RefusedExitCode = 7;

    [Fact]
    [Trait("Scenario", "leaving_nodes")]
    public async Task A_node_is_drained_and_removed_its_process_ends_with_0_and_its_folder_is_not_taken_back()
    {
        await using var cluster = await SiloCluster.StartAsync(postgres: null, "a", "b", "c", "d");
        var rest = cluster["n1"].Rest;
        await Keyspaces.CreateAllAsync(rest, replicas: 3);
        List<AckedWrites> written = [];
        foreach (var kind in Keyspaces.Kinds)
            written.Add(await Keyspaces.FillAsync(kind, [rest, cluster["n4"].Rest], entries: 60));

        await Requests.GetAsync(rest, "a drain", () => rest.DrainNodeAsync("n4"));
        await Poll.UntilAsync(
            "n4 is drained",
            ClusterTestEnvironment.Deadline,
            async () => StateOf(await rest.GetNodesAsync(), "n4") == "drained",
            cluster.Outputs
        );
        await Requests.GetAsync(rest, "a removal", () => rest.RemoveNodeAsync("n4"));
        Assert.Equal(0, await cluster["n4"].WaitForExitAsync(ClusterTestEnvironment.Deadline));
        foreach (var writes in written)
            await Keyspaces.NothingIsLostOrTornAsync(rest, writes);

        await using var again = SiloProcess.Launch(cluster["n4"].Settings);
        Assert.Equal(RefusedExitCode, await again.WaitForExitAsync(ClusterTestEnvironment.Deadline));
        Assert.Contains("removed", again.StandardError, StringComparison.Ordinal);
    }

    static string? StateOf(RestAnswer nodes, string nodeId) =>
        !nodes.IsSuccess
            ? null
            : nodes
                .Json.GetProperty("nodes")
                .EnumerateArray()
                .Where(node => node.GetProperty("id").GetString() == nodeId)
                .Select(node => node.GetProperty("state").GetString())
                .FirstOrDefault();
}
