using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>Real processes whose wall clock is wrong.</summary>
public sealed class ClockTests : IDisposable
{
    readonly TemporaryFolder folder = new("clocks");

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_node_whose_clock_went_back_since_its_last_start_joins_its_cluster_again(bool inOrder)
    {
        var settings = new SiloSettings
        {
            NodeId = "n1",
            DataFolder = Path.Combine(folder.Path, "n1"),
            Cluster = ClusterDatabase.Sqlite(Path.Combine(folder.Path, "cluster.db")),
        };
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            await Keyspaces.CreateAsync(silo.Rest, "raft", replicas: 1);
            if (inOrder)
            {
                await silo.EndsInOrderAsync();
            }
        }
        for (var start = 1; start <= 2; start++)
        {
            await using var again = await SiloProcess.StartAsync(
                settings with
                {
                    Variables = WallClock.ShiftedBy(TimeSpan.FromHours(-start)),
                }
            );
            await Keyspaces.EveryShardTakesWritesAsync(again.Rest, "raft");
        }
    }
}
