using Exapyte.Testing.Processes;

namespace Exapyte.Cluster.Tests;

/// <summary>Cuts as they are written in test data.</summary>
static class Cuts
{
    /// <summary><c>a&gt;b</c>: what a sends to b is lost. <c>a=b</c>: both ways.</summary>
    public static Task CutAsync(PartitionableNetwork network, string cut) =>
        cut.Split('=') is [var one, var other] ? network.CutAsync(one, other)
        : cut.Split('>') is [var from, var to] ? network.CutOneWayAsync(from, to)
        : throw new FormatException($"No cut: {cut}");
}
