using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

public sealed class FaultTests
{
    readonly SimulatedFiles _files = new();

    [Fact]
    public void After_a_failed_sync_nothing_is_acknowledged_again_and_reads_go_on()
    {
        var log = Open(_files);
        log.Create(1);
        log.StepOk(log.Append(1, Entry(1, 1, "durable")));
        _files.Before = o => FailIf(o.Action == FileAction.Sync, DiskException.InputOutput);
        var failed = log.Append(1, Entry(1, 2, "lost"));
        log.Step();
        _files.Before = null;
        var later = log.Append(1, Entry(1, 2, "later"));
        log.Step();

        Assert.Equal(LogAppendStatus.IoError, failed.Result?.Status);
        Assert.Equal(LogAppendStatus.IoError, later.Result?.Status);
        Assert.Equal(LogCondition.Failed, log.Health.Condition);
        Assert.Equal(["1.1:durable"], log.Texts(1));
    }

    [Fact]
    [Trait("Scenario", "disk_store_recovery")]
    public void What_a_restart_reads_after_a_failed_sync_is_made_durable_before_anyone_builds_on_it()
    {
        var log = Open(_files);
        log.Create(1);
        log.Step();
        _files.Before = o => FailIf(o.Action == FileAction.Sync, DiskException.InputOutput);
        log.Append(1, Entry(1, 1, "in the cache, not on the disk"));
        log.Step();
        _files.Before = null;

        // The process restarts and still sees it; then the power goes.
        _files.Restart();
        log = Open(_files, out var recovery);
        Assert.Equal(1UL, recovery.Groups[0].LastIndex);
        log.StepOk(log.Append(1, Entry(1, 2, "built on it")));
        _files.PowerCut(new Random(5));

        log = Open(_files, out recovery);
        Assert.Empty(recovery.Damage);
        Assert.Equal(["1.1:in the cache, not on the disk", "1.2:built on it"], log.Texts(1));
    }

    [Theory]
    [InlineData(FileAction.Write)]
    [InlineData(FileAction.SyncFolder)]
    [InlineData(FileAction.Rename)]
    [InlineData(FileAction.Create)]
    public void A_failure_while_a_segment_is_begun_refuses_the_batch_and_the_log(FileAction action)
    {
        var log = Open(_files);
        log.Create(1);
        log.Step();
        ulong index = 0;
        var acknowledged = 0UL;
        Outcome outcome;
        _files.Before = o =>
            FailIf(
                o.Action == action
                    && log.Statistics.Batches > 3
                    && !o.Path.EndsWith("0001.log", StringComparison.Ordinal),
                DiskException.InputOutput
            );
        do
        {
            outcome = log.Append(1, Entry(1, ++index, 20_000));
            log.Step();
            acknowledged = outcome.IsOk ? index : acknowledged;
        } while (outcome.IsOk);
        _files.Before = null;

        Assert.Equal(LogAppendStatus.IoError, outcome.Result?.Status);
        Assert.Equal(LogCondition.Failed, log.Health.Condition);
        _files.PowerCut(new Random(3));
        Open(_files, out var recovery);
        Assert.Empty(recovery.Damage);
        Assert.Equal(acknowledged, recovery.Groups[0].LastIndex);
    }

    [Fact]
    public void A_full_disk_refuses_and_recovers_when_space_returns()
    {
        var log = Open(_files);
        log.Create(1);
        log.Step();
        _files.CapacityBytes = _files.UsedBytes + 20_000;
        var index = FillUp(log, 1, out var refused);

        Assert.Equal(LogAppendStatus.DiskFull, refused.Result?.Status);
        Assert.Equal(LogCondition.DiskFull, log.Health.Condition);
        Assert.Equal((int)index, log.ReadAll(1).Count);

        _files.CapacityBytes = long.MaxValue;
        log.StepOk(log.Append(1, Entry(1, index + 1, 3000)));
        Assert.Equal(LogCondition.Ok, log.Health.Condition);
        _files.PowerCut(new Random(1));
        log = Open(_files, out var recovery);
        Assert.Empty(recovery.Damage);
        Assert.Equal((int)index + 1, log.ReadAll(1).Count);
    }

    [Fact]
    public void On_a_full_disk_compaction_still_gets_through_and_gives_the_space_back()
    {
        var log = Open(_files);
        log.Create(1);
        log.Step();
        _files.CapacityBytes = 3 * Small.SegmentBytes;
        var index = FillUp(log, 1, out _);
        Outcome[] mixed = [log.Append(1, Entry(1, index + 1, 3000)), log.Compact(1, index - 1, 1)];
        log.Step();

        Assert.Equal(LogAppendStatus.DiskFull, mixed[0].Result?.Status);
        Assert.True(mixed[1].IsOk, mixed[1].Result?.Reason);
        Assert.True(log.Statistics.SegmentsReleased > 0);
        log.StepOk(log.Append(1, Entry(1, index + 1, 3000)));
        Assert.Equal(LogCondition.Ok, log.Health.Condition);
        _files.PowerCut(new Random(1));
        log = Open(_files, out var recovery);
        Assert.Empty(recovery.Damage);
        Assert.Equal([index, index + 1], log.ReadAll(1).Select(e => e.Index));
    }

    [Fact]
    public void A_log_opens_on_a_full_disk_and_writes_once_there_is_space()
    {
        var log = Open(_files, Small with { SpareSegmentsMax = 0 });
        log.Create(1);
        log.StepOk(log.Append(1, Entry(1, 1, "kept")));
        _files.PowerCut(new Random(1));
        _files.CapacityBytes = _files.UsedBytes;

        log = Open(_files, Small with { SpareSegmentsMax = 0 });
        Assert.Equal(LogCondition.DiskFull, log.Health.Condition);
        Assert.Equal(["1.1:kept"], log.Texts(1));
        var refused = log.Append(1, Entry(1, 2, "no"));
        log.Step();
        Assert.Equal(LogAppendStatus.DiskFull, refused.Result?.Status);
        _files.CapacityBytes = long.MaxValue;
        log.StepOk(log.Append(1, Entry(1, 2, "yes")));
        Assert.Equal(["1.1:kept", "1.2:yes"], log.Texts(1));
    }

    [Fact]
    [Trait("Scenario", "disk_store_transaction_log")]
    public void A_torn_tail_is_cut_off_and_reported()
    {
        var log = Open(_files);
        log.Create(1);
        log.StepOk(log.Append(1, Entry(1, 1, "whole")));
        log.StepOk(log.Append(1, Entry(1, 2, 5000)));
        var name = _files.SegmentNames()[0];
        var end = _files.Content(PathOf(name)).LastIndexOfAnyExcept((byte)0);
        _files.Flip(PathOf(name), end - 100, 0xFF);
        _files.PowerCut(new Random(1));

        log = Open(_files, out var recovery);

        Assert.Empty(recovery.Damage);
        Assert.Equal(name, recovery.Tail?.File);
        Assert.Equal(["1.1:whole"], log.Texts(1));
        log.StepOk(log.Append(1, Entry(2, 2, "again")));
        // The cut is on record: what stands behind it is nothing, although later batches follow it now.
        _files.PowerCut(new Random(1));
        log = Open(_files, out recovery);
        Assert.Empty(recovery.Damage);
        Assert.Null(recovery.Tail);
        Assert.Equal(["1.1:whole", "2.2:again"], log.Texts(1));
    }

    [Theory]
    [InlineData(31)]
    [InlineData(32)]
    public void A_disk_that_is_full_now_and_then_never_makes_the_log_lie(int seed)
    {
        var script = new LogScript(seed);
        var chance = new Random(seed);
        var log = Open(_files, Small with { RewriteBatchBytesMax = 0 });
        for (var step = 0; step < 300; step++)
        {
            _files.CapacityBytes = chance.Next(3) == 0 ? _files.UsedBytes + chance.Next(30_000) : long.MaxValue;
            var before = script.Model.Clone();
            var outcomes = script.Step(log);
            log.Step();
            if (outcomes.TrueForAll(o => o.IsOk))
                continue;
            // Part of the batch may have got through (what frees space): the truth is what a restart finds.
            Assert.DoesNotContain(outcomes, o => o.Result?.Status == LogAppendStatus.IoError);
            _files.CapacityBytes = long.MaxValue;
            _files.PowerCut(chance);
            log = Open(_files, out var recovery, Small with { RewriteBatchBytesMax = 0 });
            Assert.Empty(recovery.Damage);
            if (outcomes.TrueForAll(o => !o.IsOk))
                Assert.Equal(before.ToString(), LogModel.Show(log, recovery));
            return;
        }
        Assert.Fail("the disk was never full");
    }

    static ulong FillUp(SteppedNodeLog log, ulong group, out Outcome refused)
    {
        ulong index = 0;
        while (true)
        {
            refused = log.Append(group, Entry(1, index + 1, 3000));
            log.Step();
            if (!refused.IsOk)
                return index;
            index++;
        }
    }

    static void FailIf(bool condition, int errno)
    {
        if (condition)
            throw new DiskException($"injected errno {errno}", errno);
    }
}
