using System.Text;
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
    public async Task A_single_node_whose_clock_went_back_takes_writes_and_shows_nothing_that_had_expired()
    {
        var settings = new SiloSettings { NodeId = "n1", DataFolder = Path.Combine(folder.Path, "n1") };
        Dictionary<string, string?> versions = [];
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            foreach (var kind in Keyspaces.Kinds)
            {
                await Keyspaces.CreateAsync(silo.Rest, kind, replicas: 1);
                var put = await silo.Rest.PutAsync(kind, "a", "1"u8.ToArray());
                Assert.True(put.IsSuccess, $"{put}");
                versions[kind] = put.ETag;
                put = await silo.Rest.PutAsync(kind, "short", "1"u8.ToArray(), new RestHeader("Exapyte-TTL", "1"));
                Assert.True(put.IsSuccess, $"{put}");
                await Poll.UntilAsync(
                    "the entry has expired",
                    ClusterTestEnvironment.Deadline,
                    async () => (await silo.Rest.GetAsync(kind, "short")).Status == 404
                );
            }
        }
        var variables = WallClock.ShiftedBy(TimeSpan.FromHours(-1));
        await using (var back = await SiloProcess.StartAsync(settings with { Variables = variables }))
        {
            foreach (var kind in Keyspaces.Kinds)
            {
                Assert.Equal(404, (await back.Rest.GetAsync(kind, "short")).Status);
                var put = await back.Rest.PutAsync(kind, "a", "2"u8.ToArray());
                Assert.True(put.Status == 204 && put.ETag != versions[kind], $"{put}");
                var read = await back.Rest.GetAsync(kind, "a");
                Assert.Equal(("2", put.ETag), (Encoding.UTF8.GetString(read.Body), read.ETag));
            }
            await back.WaitUntilItSaysAsync("The clock of this node went back by");
        }
        await using var right = await SiloProcess.StartAsync(settings);
        foreach (var kind in Keyspaces.Kinds)
        {
            Assert.Equal(404, (await right.Rest.GetAsync(kind, "short")).Status);
            await Keyspaces.EveryShardTakesWritesAsync(right.Rest, kind);
        }
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
            await IsNotReadyAsync(ahead);
            for (var i = 0; i < 20; i++)
            {
                // Taken by another replica on the way, or refused: never stamped an hour ahead.
                await ahead.Rest.PutAsync("quorum", $"k{i}", "through n1"u8.ToArray());
                var put = await cluster["n2"].Rest.PutAsync("quorum", $"k{i}", "through n2"u8.ToArray());
                Assert.True(put.IsSuccess, $"{put}");
            }
            await IsNotReadyAsync(ahead);
        }
        await cluster.RestartAsync("n1");
        await Keyspaces.EveryShardTakesWritesAsync(cluster["n1"].Rest, "quorum");
    }

    /// <summary>Waits for its word, which it gives later than it logs what it found, and never a good one.</summary>
    static async Task IsNotReadyAsync(SiloProcess node)
    {
        var answer = await node.Rest.ReadyAsync();
        await Poll.UntilAsync(
            "it says whether it is ready",
            ClusterTestEnvironment.Deadline,
            async () => (answer = await node.Rest.ReadyAsync()).Status != 0,
            () => $"{answer}\n{node.Output}"
        );
        Assert.True(answer.Status == 503, $"{answer}");
    }
}
