using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Planted;
using Exapyte.Simulation.Runs;

namespace Exapyte.Simulation.Tests;

public class SimulationTests
{
    private const int Steps = 5_000;

    [Fact]
    [Trait("Scenario", "simulation")]
    public void A_few_seeds_break_no_rule()
    {
        var sums = new Sums
        {
            From = 1,
            Next = 1,
            StepsPerSeed = Steps,
        };
        for (var seed = 1ul; seed <= 30; seed++)
        {
            sums.Add(Run.Of(seed, Steps));
        }
        Assert.Empty(sums.Findings);
        Assert.All(
            new[]
            {
                Happening.Elections,
                Happening.SnapshotsInstalled,
                Happening.ConfigurationChanges,
                Happening.PowerCuts,
                Happening.Compactions,
                Happening.Sleeps,
                Happening.RequestIdRetries,
            },
            happening => Assert.NotEqual(0, sums.Counts[happening.ToString()])
        );
    }

    [Fact]
    public void A_seed_gives_the_same_trace_every_time()
    {
        var once = Run.Of(77, Steps);
        var again = Run.Of(77, Steps, text: TextWriter.Null);
        Assert.Equal(once.TraceHash, again.TraceHash);
        Assert.Equal(once.Steps, again.Steps);
        Assert.NotEqual(once.TraceHash, Run.Of(78, Steps).TraceHash);
    }

    /// <summary>Each of these seeds has once shown a fault of the product; see the history of the file that it was in.</summary>
    [Theory]
    [InlineData(4)] // Request ids were evicted at other entries after a restart.
    [InlineData(16)] // A write larger than one append stopped the replica.
    [InlineData(109)] // A node whose replicas were all stuck behind a full disk never tried again.
    [InlineData(138)] // Writes that a snapshot had replaced were tried again after it.
    [InlineData(396)] // A snapshot was installed whose rows another one had dropped.
    [InlineData(578)] // A write was refused for sure and committed.
    [InlineData(1118)] // A snapshot over a conflicting entry at its own index stopped the member.
    public void Seeds_that_found_something_find_nothing_any_more(int seed) =>
        Assert.Null(Run.Of((ulong)seed, Steps).Violation);

    [Theory]
    [InlineData("vote-not-persisted")]
    [InlineData("acknowledged-before-sync")]
    [InlineData("older-term-committed-by-counting")]
    [InlineData("quorum-off-by-one")]
    [InlineData("append-always-truncates")]
    [InlineData("stale-read-index")]
    [InlineData("applied-twice-after-restart")]
    [InlineData("request-ids-not-in-snapshots")]
    [InlineData("read-before-apply")]
    public void A_planted_bug_is_found(string name)
    {
        var bug = PlantedBugs.All.Single(bug => bug.Name == name);
        Assert.NotNull(PlantedRun.Find(bug, Steps, seedsMax: 60));
    }

    [Fact]
    public void Planted_bugs_have_names_of_their_own() =>
        Assert.Equal(PlantedBugs.All.Count, PlantedBugs.All.Select(bug => bug.Name).Distinct().Count());
}
