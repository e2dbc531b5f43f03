using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

/// <summary>
/// A script runs once; before each operation on the disk the disk is copied, crashed and recovered. What is found must be
/// the state of a whole number of batches, none acknowledged missing, none half there.
/// </summary>
public sealed class CrashTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [Trait("Scenario", "disk_store_recovery")]
    [Trait("Scenario", "disk_store_transaction_log")]
    public void A_crash_before_any_operation_leaves_whole_batches_and_all_that_was_acknowledged(int seed)
    {
        var files = new SimulatedFiles();
        var script = new LogScript(seed);
        var chance = new Random(seed);
        List<string> states = [script.Model.ToString()];
        var crashes = 0;
        files.Before = operation =>
        {
            if (operation.Action == FileAction.Read)
                return;
            crashes++;
            Check(files.Clone(), states, kill: true, chance, $"seed {seed}, kill before {operation}");
            Check(files.Clone(), states, kill: false, chance, $"seed {seed}, power cut before {operation}");
        };

        var log = Open(files);
        for (var step = 0; step < 250; step++)
        {
            var outcomes = script.Step(log);
            states.Add(script.Model.ToString());
            log.Step();
            Assert.All(outcomes, o => Assert.True(o.IsOk, o.Result?.Reason));
            states.RemoveRange(0, states.Count - 1);
            if (step % 10 == 0)
                log.IdleStep();
        }
        Assert.True(crashes > 500);
        Assert.True(log.Statistics.SegmentsReleased > 0);
        Assert.True(log.Statistics.EntriesRewritten > 0);
    }

    [Theory]
    [InlineData(11)]
    [InlineData(12)]
    [Trait("Scenario", "disk_store_recovery")]
    public void Crash_after_crash_loses_nothing_acknowledged(int seed)
    {
        var files = new SimulatedFiles();
        var script = new LogScript(seed);
        var chance = new Random(seed);
        List<LogModel> states = [script.Model];
        for (var round = 0; round < 200; round++)
        {
            CrashAfter(files, chance.Next(1, 60));
            try
            {
                RunUntilCrash(files, script, states, $"seed {seed} round {round}");
            }
            catch (SimulatedCrashException) { }
            files.Before = null;
            if (chance.Next(3) == 0)
                files.Restart();
            else
                files.PowerCut(chance);
        }
        Assert.True(script.Model.Hosted.Any());
    }

    static void RunUntilCrash(SimulatedFiles files, LogScript script, List<LogModel> states, string what)
    {
        var log = Open(files, out var recovery);
        var shown = LogModel.Show(log, recovery);
        Assert.True(recovery.Damage.Count == 0, $"{what}: {string.Join(',', recovery.Damage)}");
        // The batch that was under way may be there or not; the story goes on from what is.
        var found = states.FindLast(s => s.ToString() == shown);
        Assert.True(found is not null, $"{what}: found\n{shown}\nwanted\n{string.Join("or\n", states)}");
        script.Model = found;
        while (true)
        {
            states.Clear();
            states.Add(script.Model.Clone());
            script.Step(log);
            states.Add(script.Model);
            log.Step();
            states.RemoveAt(0);
            log.IdleStep();
        }
    }

    static void CrashAfter(SimulatedFiles files, int operations) =>
        files.Before = operation =>
        {
            if (operation.Action == FileAction.Read || --operations > 0)
                return;
            files.Crash();
            throw new SimulatedCrashException();
        };

    static void Check(SimulatedFiles files, List<string> states, bool kill, Random chance, string what)
    {
        if (kill)
            files.Restart();
        else
            files.PowerCut(chance);
        if (chance.Next(4) == 0)
            CrashDuringRecovery(files, chance);

        var log = Open(files, out var recovery);
        var shown = LogModel.Show(log, recovery);

        Assert.True(recovery.Damage.Count == 0, $"{what}: {string.Join(',', recovery.Damage)}");
        Assert.True(states.Contains(shown), $"{what}: found\n{shown}\nwanted\n{string.Join("or\n", states)}");
        if (chance.Next(8) == 0)
            CheckThatItGoesOn(files, log, shown, what);
    }

    static void CheckThatItGoesOn(SimulatedFiles files, SteppedNodeLog log, string shown, string what)
    {
        log.SetClockHighWater(long.MaxValue);
        log.Step();
        files.PowerCut(new Random(1));
        log = Open(files, out var recovery);
        Assert.True(recovery.Damage.Count == 0, $"{what}: {string.Join(',', recovery.Damage)}");
        Assert.Equal(long.MaxValue, recovery.ClockHighWater);
        Assert.Equal(shown.Split('\n')[1..], LogModel.Show(log, recovery).Split('\n')[1..]);
    }

    static void CrashDuringRecovery(SimulatedFiles files, Random chance)
    {
        CrashAfter(files, chance.Next(1, 12));
        try
        {
            Open(files);
        }
        catch (SimulatedCrashException) { }
        files.Before = null;
        files.PowerCut(chance);
    }
}
