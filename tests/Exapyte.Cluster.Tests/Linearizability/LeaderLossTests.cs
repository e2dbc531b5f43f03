using Exapyte.Testing.Histories;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Linearizability;

/// <summary>
/// The leader goes while clients at every node fight over a few keys. How often it is killed is set by the environment
/// variable <c>EXAPYTE_LEADER_KILLS</c>.
/// </summary>
public sealed class LeaderLossTests(ClusterTestEnvironment environment, ITestOutputHelper output)
{
    const int Freezes = 5;
    const int ReadsOfEachKey = 10;

    static readonly int s_kills = int.TryParse(
        Environment.GetEnvironmentVariable("EXAPYTE_LEADER_KILLS"),
        out var kills
    )
        ? kills
        : 20;

    readonly Random _random = new(Contention.Seed);

    [Fact]
    [Trait("Scenario", "leader_failover")]
    public async Task A_leader_killed_again_and_again_loses_nothing_and_all_clients_see_one_history()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await using var load = await Contention.StartAsync(cluster, output);
        var resumes = new List<TimeSpan>();
        for (var round = 0; round < s_kills; round++)
        {
            await load.WaitForWritesAsync(_random.Next(20, 200), ClusterTestEnvironment.Deadline, cluster.Outputs);
            var leader = load.Leader;
            resumes.Add(
                await load.ResumesWithoutAsync(
                    leader,
                    () => cluster.KillAsync(leader),
                    ClusterTestEnvironment.Deadline,
                    cluster.Outputs
                )
            );
            await cluster.RestartAsync(leader);
            await Contention.IsWholeAgainAsync(cluster);
        }
        output.WriteLine(Contention.Describe(resumes));
        await Contention.IsLinearizableAsync(cluster, load, output);
        await Contention.CopiesAgreeAsync(cluster, load.Recorder);
    }

    [Fact]
    [Trait("Scenario", "split_brain_prevention")]
    public async Task A_leader_that_was_frozen_answers_nothing_old_when_it_goes_on()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await using var load = await Contention.StartAsync(cluster, output);
        var resumes = new List<TimeSpan>();
        var answered = 0;
        for (var round = 0; round < Freezes; round++)
        {
            await load.WaitForWritesAsync(_random.Next(20, 200), ClusterTestEnvironment.Deadline, cluster.Outputs);
            var frozen = cluster[load.Leader];
            using var client = new RestClient(frozen.Settings.Url, ClusterTestEnvironment.Deadline);
            var keys = load.KeysInUse;
            Task<int>? whileFrozen = null;
            resumes.Add(
                await load.ResumesWithoutAsync(
                    frozen.Settings.NodeId,
                    () =>
                    {
                        frozen.Freeze();
                        // They wait in the frozen node's sockets and are the first that it sees.
                        whileFrozen = ReadAsync(load.Recorder, client, keys);
                        return Task.CompletedTask;
                    },
                    ClusterTestEnvironment.Deadline,
                    cluster.Outputs
                )
            );
            // Short enough that it may still be a member and think that it leads, or long enough that it is voted out.
            await load.WaitForWritesAsync(round % 2 == 0 ? 5 : 300, ClusterTestEnvironment.Deadline, cluster.Outputs);
            frozen.Thaw();
            answered += await ReadAsync(load.Recorder, client, [.. keys.Union(load.KeysInUse)]);
            answered += await whileFrozen!;
            await Contention.IsWholeAgainAsync(cluster);
        }
        output.WriteLine(Contention.Describe(resumes));
        output.WriteLine($"{answered} reads were answered by nodes that had just been frozen");
        await Contention.IsLinearizableAsync(cluster, load, output);
        await Contention.CopiesAgreeAsync(cluster, load.Recorder);
    }

    [Fact]
    [Trait("Scenario", "leader_failover")]
    public async Task With_the_membership_database_down_another_node_takes_over_from_a_killed_leader()
    {
        await using var postgres = await PostgresServer.CreateAsync();
        await using var cluster = await SiloCluster.StartThreeAsync(postgres);
        await using var load = await Contention.StartAsync(cluster, output);
        await load.WaitForWritesAsync(100, ClusterTestEnvironment.Deadline, cluster.Outputs);
        await postgres.StopAsync();

        var leader = load.Leader;
        var resumed = await load.ResumesWithoutAsync(
            leader,
            () => cluster.KillAsync(leader),
            ClusterTestEnvironment.Deadline,
            cluster.Outputs
        );
        output.WriteLine($"writes resumed after {resumed.TotalSeconds:0.00} s with the database down");
        await load.WaitForWritesAsync(300, ClusterTestEnvironment.Deadline, cluster.Outputs);
        foreach (var survivor in cluster.Running.ToList())
            await load.Recorder.ReadAllAsync(survivor.Rest, ClusterTestEnvironment.Deadline);

        await postgres.StartAsync();
        await cluster.RestartAsync(leader);
        await load.WaitForWritesAsync(100, ClusterTestEnvironment.Deadline, cluster.Outputs);
        await Contention.IsLinearizableAsync(cluster, load, output);
        await Contention.CopiesAgreeAsync(cluster, load.Recorder);
    }

    /// <summary>Reads each key several times, all at once. Returns how many reads were answered with an entry or its absence.</summary>
    static async Task<int> ReadAsync(HistoryRecorder recorder, RestClient client, IReadOnlyList<string> keys)
    {
        var reads = await Task.WhenAll(
            Enumerable
                .Repeat(keys, ReadsOfEachKey)
                .SelectMany(all => all)
                .Select(key => recorder.RunAsync(client, key, KeyRequest.Read))
        );
        return reads.Count(read => read.End == RequestEnd.Done);
    }
}
