using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Loads;

/// <summary>
/// The recorded scenarios, small and short, against one node: what is expected of each beside its numbers. How fast a
/// machine is plays no part; a busy one is given more rounds.
/// </summary>
public sealed class LoadProfileTests(ITestOutputHelper output)
{
    const int Tries = 3;

    /// <summary>Fewer than the connections of the last run, so that it is more than the node takes at once.</summary>
    const int RequestsMax = 128;

    static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(3);

    [Theory]
    [Trait("Scenario", "read_heavy_workload")]
    [Trait("Scenario", "write_heavy_workload")]
    [Trait("Scenario", "mixed_workload")]
    [Trait("Scenario", "scan_performance")]
    [Trait("Scenario", "concurrent_client_connections")]
    [InlineData("read_heavy_workload", 1_024, 1)]
    [InlineData("write_heavy_workload", 1_024, 1)]
    [InlineData("mixed_workload", 1_024, 1)]
    [InlineData("scan_performance", 1_024, 1)]
    [InlineData("concurrent_client_connections", RequestsMax, 3)]
    public async Task A_recorded_scenario_shows_what_is_expected_of_it(string scenario, int requestsMax, int rounds)
    {
        using var folder = new TemporaryFolder("load");
        await using var silo = await SiloProcess.StartAsync(
            new SiloSettings
            {
                NodeId = "n1",
                DataFolder = folder.File("data"),
                Variables = [$"EXAPYTE__REQUESTSMAX={requestsMax}"],
            }
        );
        for (var tries = 1; ; tries++)
        {
            var (exitCode, said) = await MeasureAsync(silo, scenario, rounds * tries);
            output.WriteLine(said);
            if (exitCode == 0)
                return;
            Assert.True(tries < Tries, $"{scenario}:\n{said}\n{silo.Output}");
        }
    }

    static async Task<(int ExitCode, string Output)> MeasureAsync(SiloProcess silo, string scenario, int rounds)
    {
        await using var load = new ChildProcess(
            SiloProcess.ExecutableOf("Exapyte.Load"),
            $"--scenario {scenario} --url {silo.Settings.Url} --seconds 1 --warmup 1 --keys 1000 --rounds {rounds} --quick --check".Split(
                ' '
            )
        );
        return (await load.WaitForExitAsync(s_deadline), load.Output);
    }
}
