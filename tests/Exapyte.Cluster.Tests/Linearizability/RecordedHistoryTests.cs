using Exapyte.Testing.Histories;
using Exapyte.Testing.Linearizability;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Linearizability;

/// <summary>The judge of all tests here is shown a real history, then the same one with a lie in it, and sees the lie.</summary>
public sealed class RecordedHistoryTests(ITestOutputHelper output) : IAsyncLifetime
{
    const int Writes = 1_000;

    static readonly LinearizabilityChecker s_checker = new();

    readonly List<IReadOnlyList<KeyOperation>> _histories = [];

    public async ValueTask InitializeAsync()
    {
        await using var cluster = await SiloCluster.StartAsync(postgres: null, "default");
        await using var load = await Contention.StartAsync(cluster, output);
        await load.WaitForWritesAsync(Writes, ClusterTestEnvironment.Deadline, cluster.Outputs);
        await Contention.IsLinearizableAsync(cluster, load, output);
        _histories.AddRange(load.Recorder.Histories.Select(history => history.Operations()));
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    [Trait("Scenario", "split_brain_prevention")]
    public void A_planted_stale_read_is_seen_in_every_recorded_history()
    {
        var planted = 0;
        foreach (var history in _histories)
        {
            var lies = history.Where(IsFound).Select(read => (Read: read, Old: OverwrittenBefore(history, read)));
            foreach (var (read, old) in lies.Where(lie => lie.Old != 0).TakeLast(3))
            {
                IsRefused(history.Select(seen => seen == read ? read with { MetValue = old } : seen));
                planted++;
            }
        }
        output.WriteLine($"{planted} stale reads planted");
        Assert.NotEqual(0, planted);
    }

    [Fact]
    [Trait("Scenario", "split_brain_prevention")]
    public void A_write_that_was_refused_and_took_effect_is_seen()
    {
        var planted = 0;
        foreach (var history in _histories)
        {
            // A value whose write had no clear answer cannot be hidden: that write is already one that may not have been.
            var done = history.Where(IsFound).Where(read => history.Any(seen => IsWriteOf(seen, read.MetValue)));
            foreach (var read in done.Take(3))
            {
                IsRefused(history.Where(seen => !IsWriteOf(seen, read.MetValue)));
                planted++;
            }
        }
        output.WriteLine($"{planted} writes hidden");
        Assert.NotEqual(0, planted);
    }

    static void IsRefused(IEnumerable<KeyOperation> history) =>
        Assert.Equal(LinearizabilityVerdict.NotLinearizable, s_checker.Check(history));

    static bool IsFound(KeyOperation seen) => seen is { Kind: KeyOperationKind.Read, MetValue: not 0 };

    static bool IsWriteOf(KeyOperation seen, ulong value) =>
        seen.Kind == KeyOperationKind.Write && seen.Outcome == KeyOutcome.Done && seen.Value == value;

    /// <summary>A value that another one had replaced for good before the read began; 0 where there is none.</summary>
    static ulong OverwrittenBefore(IReadOnlyList<KeyOperation> history, KeyOperation read)
    {
        var done = history
            .Where(seen => seen.Kind == KeyOperationKind.Write && seen.Outcome == KeyOutcome.Done)
            .Where(write => write.EndedAt < read.BeganAt)
            .ToList();
        return done.Where(write => write.Value != 0)
            .FirstOrDefault(write => done.Exists(later => later.BeganAt > write.EndedAt))
            .Value;
    }
}
