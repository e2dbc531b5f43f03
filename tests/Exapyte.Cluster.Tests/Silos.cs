using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>How processes end.</summary>
static class Silos
{
    /// <summary>SIGTERM, after which it must end with 0.</summary>
    public static async Task EndsInOrderAsync(this SiloProcess silo)
    {
        var exitCode = await silo.DrainAsync();
        Assert.True(exitCode == 0, $"{silo.Settings.NodeId} ended with {exitCode}\n{silo.Output}");
    }

    /// <summary>SIGTERM, after which the node must end with 0.</summary>
    public static async Task EndsInOrderAsync(this SiloCluster cluster, string nodeId)
    {
        var exitCode = await cluster.DrainAsync(nodeId);
        Assert.True(exitCode == 0, $"{nodeId} ended with {exitCode}\n{cluster.Outputs()}");
    }
}
