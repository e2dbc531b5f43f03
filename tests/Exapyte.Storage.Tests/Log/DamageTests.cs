using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

public sealed class DamageTests
{
    [Theory]
    [InlineData(21)]
    [InlineData(22)]
    [Trait("Scenario", "disk_store_transaction_log")]
    public void A_flipped_bit_anywhere_is_reported_or_cuts_the_last_batch_and_never_gives_wrong_data(int seed)
    {
        var (disk, before, after) = Written(seed, steps: 120);
        var segments = disk.SegmentNames();
        Assert.True(segments.Length >= 2);
        var chance = new Random(seed);
        foreach (var name in segments)
        {
            var used = UsedBytes(disk, name);
            for (long offset = chance.Next(40); offset < used; offset += chance.Next(1, 90))
            {
                var rotten = disk.Clone();
                rotten.Flip(PathOf(name), offset, (byte)(1 << chance.Next(8)));
                var log = Open(rotten, out var recovery);
                Check(log, recovery, before, after, name, offset, isLast: name == segments[^1]);
            }
        }
    }

    [Fact]
    [Trait("Scenario", "disk_store_transaction_log")]
    public void Only_the_group_whose_entry_is_damaged_is_quarantined()
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.Create(1);
        log.Create(2);
        log.Append(1, Entry(1, 1, "the entry that will rot"));
        log.Append(2, Entry(1, 1, "whole"));
        log.Step();
        log.StepOk(log.Append(2, Entry(1, 2, "later")));
        var at = Find(files, "the entry that will rot"u8);
        files.Flip(PathOf(files.SegmentNames()[0]), at + 3);

        files.PowerCut(new Random(1));
        log = Open(files, out var recovery);

        var damage = Assert.Single(recovery.Damage);
        Assert.Equal(new GroupId(1), damage.Group);
        Assert.InRange(at + 3, damage.Offset, damage.Offset + damage.Bytes - 1);
        Assert.NotNull(recovery.Groups[0].Quarantined);
        Assert.Null(recovery.Groups[1].Quarantined);
        Assert.Equal(["1.1:whole", "1.2:later"], log.Texts(2));
        Assert.Equal(LogReadStatus.Damaged, log.OpenGroup(new GroupId(1)).Read(1, 1, 100, []));
        var refused = log.Append(1, Entry(1, 2, "more"));
        log.Step();
        Assert.Equal(LogAppendStatus.Quarantined, refused.Result?.Status);
    }

    [Theory]
    [InlineData(3, 3)]
    [InlineData(5, 2)]
    public void Entries_lost_before_a_truncation_are_missed_though_a_checkpoint_says_how_far_the_log_reaches(
        ulong lostThrough,
        ulong lastAfterwards
    )
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.Create(1);
        log.StepOk(log.Append(1, Entry(1, 1, "one"), Entry(1, 2, "two")));
        log.Append(1, Entry(1, 3, "rots"));
        for (ulong index = 4; index <= lostThrough; index++)
            log.Append(1, Entry(1, index, "is lost with it"));
        log.Step();
        log.StepOk(log.Append(1, Entry(1, lostThrough + 1, "cut off")));
        for (ulong index = 2; index <= lastAfterwards; index++)
            log.StepOk(log.Append(1, Entry(index, index, "in its place")));
        files.Restart();
        log = Open(files);
        log.StepOk(log.Append(1, Entry(9, lastAfterwards + 1, "after the checkpoint")));
        files.Flip(PathOf(files.SegmentNames()[0]), Find(files, "rots"u8) - LogFormat.RecordHeaderBytes + 5);
        files.Restart();

        Open(files, out var recovery);

        Assert.NotEmpty(recovery.Damage);
        Assert.NotNull(recovery.Groups[0].Quarantined);
    }

    [Fact]
    public void A_lost_entry_is_missed_by_nobody_once_the_log_is_compacted_past_it()
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.Create(1);
        log.Create(2);
        log.Append(2, Entry(1, 1, "keeps the segment"));
        log.StepOk(log.Append(1, Entry(1, 1, "one")));
        log.StepOk(log.Append(1, Entry(1, 2, "rots")));
        log.StepOk(log.Append(1, Entry(1, 3, "three")));
        files.Restart();
        log = Open(files);
        log.StepOk(log.Compact(1, 3, 1));
        log.StepOk(log.Append(1, Entry(1, 4, "four")));
        files.Flip(PathOf(files.SegmentNames()[0]), Find(files, "rots"u8) - LogFormat.RecordHeaderBytes + 5);
        files.Restart();

        log = Open(files, out var recovery);

        Assert.Null(recovery.Groups[0].Quarantined);
        Assert.Equal((4ul, 1ul), (recovery.Groups[0].FirstIndex, recovery.Groups[0].CompactedTerm));
        Assert.Equal(["1.4:four"], log.Texts(1));
    }

    [Fact]
    public void A_quarantine_outlives_the_segment_that_caused_it_until_the_group_is_destroyed()
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.Create(1);
        log.Append(1, Entry(1, 1, "rots"));
        log.Step();
        log.SetClockHighWater(1);
        log.Step();
        files.Flip(PathOf(files.SegmentNames()[0]), Find(files, "rots"u8));
        files.PowerCut(new Random(1));
        var damaged = files.SegmentNames()[0];
        Open(files, out var recovery);
        Assert.NotNull(recovery.Groups[0].Quarantined);
        Assert.DoesNotContain(damaged, files.SegmentNames());

        files.PowerCut(new Random(1));
        log = Open(files, out recovery);
        Assert.Empty(recovery.Damage);
        Assert.NotNull(recovery.Groups[0].Quarantined);
        var destroyed = new Outcome();
        log.Destroy(new GroupId(1), destroyed);
        log.StepOk(destroyed);
        files.PowerCut(new Random(1));
        Open(files, out recovery);
        Assert.Empty(recovery.Groups);
    }

    [Fact]
    [Trait("Scenario", "disk_store_transaction_log")]
    public void Damage_in_the_last_batch_of_a_log_that_came_to_rest_is_no_torn_tail()
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.Create(1);
        log.StepOk(log.Append(1, Entry(1, 1, "whole"), Entry(1, 2, "rots")));
        while (log.IdleStep()) { }
        files.Flip(PathOf(files.SegmentNames()[0]), Find(files, "rots"u8));
        files.Restart();

        log = Open(files, out var recovery);

        Assert.Equal(new GroupId(1), Assert.Single(recovery.Damage).Group);
        Assert.Null(recovery.Tail);
        Assert.NotNull(recovery.Groups[0].Quarantined);
    }

    [Fact]
    [Trait("Scenario", "disk_store_transaction_log")]
    public void What_is_written_after_a_rest_takes_the_place_of_the_seal()
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.Create(1);
        log.Step();
        for (ulong index = 1; index <= 40; index++)
        {
            while (log.IdleStep()) { }
            log.StepOk(log.Append(1, Entry(1, index, $"entry {index}")));
            var copy = files.Clone();
            copy.PowerCut(new Random((int)index));
            var reopened = Open(copy, out var found);
            Assert.Empty(found.Damage);
            Assert.Null(found.Tail);
            Assert.Equal($"1.{index}:entry {index}", reopened.Texts(1)[^1]);
        }
        files.Flip(PathOf(files.SegmentNames()[0]), Find(files, "entry 40"u8));
        files.Restart();

        Open(files, out var recovery);

        // The log had no rest after the last one, so nothing proves that it was durable.
        Assert.Empty(recovery.Damage);
        Assert.NotNull(recovery.Tail);
        Assert.Equal(39ul, recovery.Groups[0].LastIndex);
    }

    [Fact]
    public void Damage_to_an_entry_that_is_compacted_since_is_reported_and_harms_nobody()
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.Create(1);
        log.Append(1, Entry(1, 1, "obsolete"), Entry(1, 2, "live"));
        log.Step();
        log.StepOk(log.Compact(1, 1, 1));
        files.Flip(PathOf(files.SegmentNames()[0]), Find(files, "obsolete"u8));
        files.PowerCut(new Random(1));

        log = Open(files, out var recovery);

        Assert.Single(recovery.Damage);
        Assert.Null(recovery.Groups[0].Quarantined);
        Assert.Equal(["1.2:live"], log.Texts(1));
    }

    [Fact]
    public void Sectors_that_cannot_be_read_are_damage_like_any_other()
    {
        var (disk, _, after) = Written(seed: 23, steps: 120);
        var name = disk.SegmentNames()[0];
        var bad = UsedBytes(disk, name) / 2 / 512 * 512;
        disk.Before = operation =>
        {
            var touches = operation.Offset < bad + 1024 && operation.Offset + operation.Bytes > bad;
            if (operation.Action == FileAction.Read && operation.Path == PathOf(name) && touches)
                throw new DiskException("read: I/O error", DiskException.InputOutput);
        };

        var log = Open(disk, out var recovery);

        Assert.NotEmpty(recovery.Damage);
        AssertNothingWrong(log, recovery, [after]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(4_096)]
    [InlineData(8_192)]
    public void A_segment_that_was_cut_short_is_damage_like_any_other(int bytesLeft)
    {
        var (disk, _, after) = Written(seed: 23, steps: 120);
        var path = PathOf(disk.SegmentNames()[0]);
        disk.Put(path, disk.Content(path)[..bytesLeft].ToArray());

        var log = Open(disk, out var recovery);

        Assert.NotEmpty(recovery.Damage);
        AssertNothingWrong(log, recovery, [after]);
    }

    [Fact]
    public void A_missing_segment_quarantines_whoever_had_live_entries_in_it()
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.Create(1);
        log.Create(2);
        log.StepOk(log.Append(2, Entry(1, 1, "first")));
        ulong index = 1;
        while (files.SegmentNames().Length < 3)
            log.StepOk(log.Append(1, Entry(1, index++, 3000)));
        log.StepOk(log.Append(2, Entry(1, 2, "second")));
        files.PowerCut(new Random(1));
        files.Delete(PathOf(files.SegmentNames()[1]));

        log = Open(files, out var recovery);

        Assert.Contains(recovery.Damage, d => d.Reason.Contains("missing", StringComparison.Ordinal));
        Assert.NotNull(recovery.Groups[0].Quarantined);
        Assert.Null(recovery.Groups[1].Quarantined);
        Assert.Equal(["1.1:first", "1.2:second"], log.Texts(2));
    }

    [Fact]
    public void An_entry_that_rots_while_the_log_is_open_is_noticed_when_it_is_read()
    {
        var files = new SimulatedFiles();
        var log = Open(files, Small with { CacheBytes = 0 });
        log.Create(1);
        log.StepOk(log.Append(1, Entry(1, 1, "whole"), Entry(1, 2, "rots")));
        files.Flip(PathOf(files.SegmentNames()[0]), Find(files, "rots"u8));

        List<LogRecordEntry> entries = [];
        var reader = log.OpenGroup(new GroupId(1));
        Assert.Equal(LogReadStatus.Damaged, reader.Read(1, 2, 1000, entries));

        Assert.Equal("whole", Assert.Single(entries).Text());
        Assert.NotNull(reader.Quarantined);
    }

    [Fact]
    public void A_log_of_which_no_header_can_be_read_does_not_open()
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.Create(1);
        log.Step();
        files.Flip(PathOf(files.SegmentNames()[0]), 20);
        files.Flip(PathOf(files.SegmentNames()[0]), LogFormat.BlockBytes + 20);

        Assert.Throws<NodeLogException>(() => Open(files));
    }

    static void Check(
        SteppedNodeLog log,
        NodeLogRecovery recovery,
        LogModel before,
        LogModel after,
        string name,
        long offset,
        bool isLast
    )
    {
        var what = $"{name} at {offset}";
        if (recovery.Damage.Count == 0)
        {
            var shown = LogModel.Show(log, recovery);
            var isCut = isLast && shown == before.ToString();
            Assert.True(isCut || shown == after.ToString(), $"{what}: unreported and wrong:\n{shown}\nwanted\n{after}");
            return;
        }
        Assert.All(recovery.Damage, d => Assert.Equal(name, d.File));
        Assert.Contains(recovery.Damage, d => offset >= d.Offset && offset < d.Offset + d.Bytes);
        AssertNothingWrong(log, recovery, [after], what);
    }

    /// <summary>Whoever is not quarantined is exactly as it should be; whoever is absent was lost in unreadable records.</summary>
    static void AssertNothingWrong(SteppedNodeLog log, NodeLogRecovery recovery, LogModel[] allowed, string what = "")
    {
        var unreadable = recovery.Damage.Any(d => d.Group is null);
        foreach (var group in recovery.Groups.Where(g => g.Quarantined is null))
        {
            var shown = LogModel.Show(log, recovery with { Groups = [group], Destroyed = [], ClockHighWater = 0 });
            Assert.True(allowed.Any(m => m.Show(group.Id.Value) == shown), $"{what}: group {group.Id}: {shown}");
        }
        var known = recovery.Groups.Select(g => g.Id.Value).ToHashSet();
        foreach (var model in allowed)
        {
            Assert.True(unreadable || model.Hosted.All(known.Contains), $"{what}: a group is missing");
            Assert.True(
                recovery.ClockInDoubt || recovery.ClockHighWater == model.Clock,
                $"{what}: the clock went back"
            );
        }
    }

    /// <summary>A disk with a few segments, what it holds, and what it held one batch before.</summary>
    static (SimulatedFiles Disk, LogModel Before, LogModel After) Written(int seed, int steps)
    {
        var files = new SimulatedFiles();
        var script = new LogScript(seed);
        var log = Open(files, Small with { RewriteBatchBytesMax = 0 });
        var before = script.Model.Clone();
        for (var step = 0; step < steps; step++)
        {
            before = script.Model.Clone();
            script.Step(log);
            log.Step();
        }
        // The last batch holds something for certain.
        before = script.Model.Clone();
        script.Model.RaiseClock(long.MaxValue);
        log.SetClockHighWater(long.MaxValue);
        log.Step();
        files.PowerCut(new Random(seed));
        return (files, before, script.Model);
    }

    static long UsedBytes(SimulatedFiles disk, string name)
    {
        var content = disk.Content(PathOf(name));
        return content.LastIndexOfAnyExcept((byte)0) + 1;
    }

    static long Find(SimulatedFiles files, ReadOnlySpan<byte> text)
    {
        var at = files.Content(PathOf(files.SegmentNames()[0])).IndexOf(text);
        Assert.True(at > 0);
        return at;
    }
}
