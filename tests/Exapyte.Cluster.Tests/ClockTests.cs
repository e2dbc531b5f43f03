using System.Diagnostics;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>Real processes whose wall clock is wrong.</summary>
public sealed class ClockTests(ClusterTestEnvironment environment) : IDisposable
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

    [Fact]
    public async Task A_single_node_whose_clock_went_back_refuses_leaderless_writes_at_once_and_reads_on()
    {
        var settings = new SiloSettings { NodeId = "n1", DataFolder = Path.Combine(folder.Path, "n1") };
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            await Keyspaces.CreateAsync(silo.Rest, "quorum", replicas: 1);
            var put = await silo.Rest.PutAsync("quorum", "a", "1"u8.ToArray());
            Assert.True(put.IsSuccess, $"{put}");
        }
        var variables = WallClock.ShiftedBy(TimeSpan.FromHours(-1));
        await using (var back = await SiloProcess.StartAsync(settings with { Variables = variables }))
        {
            var started = Stopwatch.GetTimestamp();
            var refused = await back.Rest.PutAsync("quorum", "b", "2"u8.ToArray());
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5), $"{refused}");
            Assert.Equal(503, refused.Status);
            Assert.Contains("clock", $"{refused}", StringComparison.Ordinal);
            var read = await back.Rest.GetAsync("quorum", "a");
            Assert.Equal(200, read.Status);
        }
        await using var right = await SiloProcess.StartAsync(settings);
        await Keyspaces.EveryShardTakesWritesAsync(right.Rest, "quorum");
    }

    [Fact]
    public async Task A_node_an_hour_ahead_poisons_no_key_and_is_not_ready_until_its_clock_is_right()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, "quorum", replicas: 3);
        await cluster.KillAsync("n1");
        await using (
            var ahead = SiloProcess.Launch(
                cluster["n1"].Settings with
                {
                    Variables = WallClock.ShiftedBy(TimeSpan.FromHours(1)),
                }
            )
        )
        {
            await ahead.WaitUntilItSaysAsync("The clock of this node is");
            for (var i = 0; i < 20; i++)
            {
                // Taken by another replica on the way, or refused: never stamped an hour ahead.
                await ahead.Rest.PutAsync("quorum", $"k{i}", "through n1"u8.ToArray());
                var put = await cluster["n2"].Rest.PutAsync("quorum", $"k{i}", "through n2"u8.ToArray());
                Assert.True(put.IsSuccess, $"{put}");
            }
            Assert.Equal(503, (await ahead.Rest.ReadyAsync()).Status);
        }
        await cluster.RestartAsync("n1");
        await Keyspaces.EveryShardTakesWritesAsync(cluster["n1"].Rest, "quorum");
    }
}
