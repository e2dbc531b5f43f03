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
                Happening.LeaseReads,
                Happening.FollowerReads,
                Happening.EventualReads,
                Happening.SharedBatches,
                Happening.EntriesRewritten,
                Happening.Retellings,
                Happening.StoresFull,
                Happening.ApplyingHeldUp,
                Happening.CandidaciesHeldBack,
                Happening.LateLogAnswers,
                Happening.ExpiringReads,
                Happening.AppendsCutShort,
                Happening.InflightMessagesFull,
                Happening.InflightBytesFull,
                Happening.UncommittedBytesFull,
                Happening.ApplyBudgetSpent,
                Happening.TailBytesSpent,
                Happening.PendingReadsFull,
                Happening.LeaderReadsFull,
                Happening.WriterAppendsSplit,
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

    [Theory]
    [InlineData("vote-not-persisted")]
    [InlineData("commit-written-later")]
    [InlineData("acknowledged-before-sync")]
    [InlineData("older-term-committed-by-counting")]
    [InlineData("quorum-off-by-one")]
    [InlineData("append-always-truncates")]
    [InlineData("stale-read-index")]
    [InlineData("applied-twice-after-restart")]
    [InlineData("request-ids-not-in-snapshots")]
    [InlineData("read-before-apply")]
    [InlineData("lease-from-response")]
    [InlineData("lease-survives-sleep")]
    [InlineData("vote-despite-lease")]
    [InlineData("follower-read-before-apply")]
    [InlineData("eventual-read-uncommitted")]
    [InlineData("eventual-read-goes-back")]
    [InlineData("append-commits-to-its-end")]
    [InlineData("overtaken-write-vouches")]
    [InlineData("stands-by-old-configuration")]
    [InlineData("read-counter-never-falls")]
    [InlineData("leader-read-counter-never-falls")]
    [InlineData("uncommitted-bytes-never-fall")]
    [InlineData("apply-budget-never-freed")]
    [InlineData("inflights-never-freed")]
    [InlineData("expired-is-shown")]
    [InlineData("vanishes-early")]
    [InlineData("swept-by-local-clock")]
    [InlineData("full-store-ignored")]
    [InlineData("compaction-drops-others")]
    [InlineData("rewritten-entry-truncates")]
    public void A_planted_bug_is_found(string name)
    {
        var bug = PlantedBugs.All.Single(bug => bug.Name == name);
        Assert.NotNull(PlantedRun.Find(bug, Steps, seedsMax: 500));
    }

    [Fact]
    public void Planted_bugs_have_names_of_their_own() =>
        Assert.Equal(PlantedBugs.All.Count, PlantedBugs.All.Select(bug => bug.Name).Distinct().Count());
}
