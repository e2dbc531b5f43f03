using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>
/// Kills a node in the middle of concurrent writes, again and again on the same data. The number of rounds is set by
/// the environment variable <c>EXAPYTE_KILL_ROUNDS</c>, the seed by <c>EXAPYTE_KILL_SEED</c>.
/// </summary>
public sealed class KillRoundsTests(ClusterTestEnvironment environment, ITestOutputHelper output)
{
    const int Writers = 64;

    // A round that is checked costs a read a key; the last round checks the keys of all.
    const int KeysOfLatestRoundsChecked = 3;

    static readonly int s_roundsAlone = FromEnvironment("EXAPYTE_KILL_ROUNDS", 50);
    static readonly int s_rounds = FromEnvironment("EXAPYTE_KILL_ROUNDS", 20);
    static readonly int s_seed = FromEnvironment("EXAPYTE_KILL_SEED", Random.Shared.Next(1, 100_000));

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_node_killed_many_times_during_writes_loses_and_tears_nothing()
    {
        output.WriteLine($"{s_roundsAlone} rounds, EXAPYTE_KILL_SEED={s_seed}");
        using var folder = new TemporaryFolder("rounds");
        var settings = new SiloSettings { NodeId = "n1", DataFolder = folder.File("data") };
        var random = new Random(s_seed);
        var silo = await SiloProcess.StartAsync(settings);
        try
        {
            await Keyspaces.CreateAllAsync(silo.Rest, replicas: 1, shards: 2);
            var history = new List<AckedWrites>();
            for (var round = 0; round < s_roundsAlone; round++)
            {
                history.AddRange(await WriteUntilKilledAsync(silo, round, random));
                await silo.DisposeAsync();
                silo = await SiloProcess.StartAsync(settings);
                var latest = history.TakeLast(KeysOfLatestRoundsChecked * Keyspaces.Kinds.Length);
                await IsIntactAsync(silo.Rest, latest, round);
            }
            await IsIntactAsync(silo.Rest, history, s_roundsAlone);
            output.WriteLine($"{history.Sum(writes => writes.Acknowledged)} acknowledged writes all there");
        }
        finally
        {
            await silo.DisposeAsync();
        }
    }

    [Theory]
    [Trait("Scenario", "data_recovery")]
    [InlineData("raft")]
    [InlineData("quorum")]
    public async Task Nodes_of_three_killed_in_turn_during_writes_lose_nothing_and_keep_the_order_of_each_key(
        string kind
    )
    {
        output.WriteLine($"{s_rounds} rounds, EXAPYTE_KILL_SEED={s_seed}");
        var random = new Random(s_seed);
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3, shards: 2);
        var nodes = cluster.NodeIds.Order(StringComparer.Ordinal).ToList();
        var clients = nodes.Select(id => cluster[id].Rest).ToList();
        var history = new List<AckedWrites>();
        for (var round = 0; round < s_rounds; round++)
        {
            var victim = nodes[random.Next(nodes.Count)];
            await using (var load = new WriteLoad(new(kind), $"round-{round}", clients, Writers, s_seed + round))
            {
                await load.WaitForAcknowledgementsAsync(random.Next(1, 200), ClusterTestEnvironment.Deadline);
                await cluster.KillAsync(victim);
                await load.WaitForAcknowledgementsAsync(1, ClusterTestEnvironment.Deadline);
                history.Add(load.Writes);
            }
            await cluster.RestartAsync(victim);
            await IsIntactAsync(cluster[victim].Rest, history.TakeLast(KeysOfLatestRoundsChecked), round);
        }
        await IsIntactAsync(cluster["n1"].Rest, history, s_rounds);
        output.WriteLine($"{history.Sum(writes => writes.Acknowledged)} acknowledged writes all there");
    }

    static async Task<IReadOnlyList<AckedWrites>> WriteUntilKilledAsync(SiloProcess silo, int round, Random random)
    {
        var loads = Keyspaces
            .Kinds.Select(kind => new WriteLoad(
                new AckedWrites(kind),
                $"round-{round}",
                [silo.Rest],
                Writers / Keyspaces.Kinds.Length,
                seed: s_seed + round
            ))
            .ToList();

        // The kill comes after a number of writes, not after a time: the moment differs from round to round on any
        // machine, and a slow one has written as much as a fast one.
        await Task.WhenAll(
            loads.Select(load => load.WaitForAcknowledgementsAsync(random.Next(1, 60), ClusterTestEnvironment.Deadline))
        );
        await silo.KillAsync();
        foreach (var load in loads)
            await load.DisposeAsync();
        return [.. loads.Select(load => load.Writes)];
    }

    static async Task IsIntactAsync(RestClient client, IEnumerable<AckedWrites> history, int round)
    {
        foreach (var writes in history)
        {
            var wrong = await writes.VerifyAsync(client, ClusterTestEnvironment.Deadline);
            Assert.True(
                wrong.Count == 0,
                $"round {round}, seed {s_seed}: {wrong.Count} wrong in {writes.Keyspace}:\n"
                    + $"{string.Join('\n', wrong.Take(10))}\n{client.ServerOutput()}"
            );
        }
    }

    static int FromEnvironment(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), out var value) ? value : otherwise;
}
