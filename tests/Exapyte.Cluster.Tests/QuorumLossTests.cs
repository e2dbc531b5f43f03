using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>One node of three is left: what needs a majority is refused, clearly and in time, until there is one again.</summary>
public sealed class QuorumLossTests(ClusterTestEnvironment environment)
{
    const int Calls = 12;

    /// <summary>Longer than the service gives an operation: whoever is not answered by then is left waiting.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(25);

    [Theory]
    [Trait("Scenario", "quorum_loss_and_recovery")]
    [InlineData("raft", "eventual")]
    [InlineData("quorum", "one")]
    public async Task Without_a_majority_strong_calls_are_refused_clearly_and_service_returns_with_it(
        string kind,
        string weakest
    )
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, kind, replicas: 3);
        var before = await Keyspaces.FillAsync(kind, [cluster["n1"].Rest], entries: 50);
        // What the survivor has not heard of yet no weak read can give back.
        await Keyspaces.HoldsAllAsync(cluster["n1"].Rest, before, weakest);
        using var patient = new RestClient(cluster["n1"].Settings.Url, s_patience);
        await cluster.KillAsync("n2");
        await cluster.KillAsync("n3");

        // A read that had its answer under way when they died may still be given; none that begins later.
        await IsRefusedAsync(cluster, () => patient.GetAsync(kind, "entry/0"));
        var writes = await AskAllAsync(number => patient.PutAsync(kind, $"alone-{number}", "x"u8.ToArray()));
        var reads = await AskAllAsync(number => patient.GetAsync(kind, $"entry/{number}"));
        Assert.All([.. writes, .. reads], answer => IsRefusedClearly(answer, cluster));
        Assert.All(reads, read => Assert.False(InDoubt(read), $"a read in doubt: {read}"));
        await Keyspaces.HoldsAllAsync(patient, before, weakest);

        await cluster.RestartAllAsync();
        await Keyspaces.EveryShardTakesWritesAsync(cluster["n1"].Rest, kind);
        foreach (var nodeId in cluster.NodeIds)
            await Keyspaces.NothingIsLostOrTornAsync(cluster[nodeId].Rest, before);
        for (var number = 0; number < Calls; number++)
        {
            // What was refused without doubt has not happened, and never will.
            var found = await Requests.ReadAsync(cluster["n2"].Rest, kind, $"alone-{number}");
            Assert.True(found.Status == 404 || InDoubt(writes[number]), $"alone-{number}: {writes[number]}");
        }
    }

    static Task<RestAnswer[]> AskAllAsync(Func<int, Task<RestAnswer>> ask) =>
        Task.WhenAll(Enumerable.Range(0, Calls).Select(ask));

    static Task<TimeSpan> IsRefusedAsync(SiloCluster cluster, Func<Task<RestAnswer>> ask)
    {
        RestAnswer? last = null;
        return Poll.UntilAsync(
            "a strong read is refused for lack of a majority",
            ClusterTestEnvironment.Deadline,
            async () => (last = await ask()).Status is 503 or 504,
            () => $"{last}\n{cluster.Outputs()}"
        );
    }

    static void IsRefusedClearly(RestAnswer answer, SiloCluster cluster)
    {
        Assert.True(answer.Status is 503 or 504, $"without a majority: {answer}\n{cluster.Outputs()}");
        Assert.NotEmpty(answer.Json.GetProperty("detail").GetString()!);
    }

    static bool InDoubt(RestAnswer answer) => answer.Json.GetProperty("inDoubt").GetBoolean();
}
