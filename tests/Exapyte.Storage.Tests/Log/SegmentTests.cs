using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

public sealed class SegmentTests
{
    readonly SimulatedFiles _files = new();

    [Fact]
    public void Segments_go_when_their_entries_are_compacted_and_come_back_as_new_ones()
    {
        var log = Open(_files);
        log.Create(1);
        ulong index = 0;
        for (var round = 0; round < 400; round++)
        {
            log.Append(1, Entry(1, ++index, 2000));
            if (index > 20)
                log.Compact(1, index - 20, 1);
            log.Step();
        }

        Assert.True(log.Statistics.SegmentsReleased >= 5);
        Assert.True(_files.SegmentNames().Length <= 3);
        // What is filled is filled once: the files are used again.
        Assert.True(log.Statistics.BytesFilled <= 4 * Small.SegmentBytes);
        Assert.Equal(20, log.ReadAll(1).Count);
    }

    [Fact]
    [Trait("Scenario", "disk_store_transaction_log")]
    public void Stale_batches_of_a_recycled_segment_never_count()
    {
        var log = Open(_files, Small with { SpareSegmentsMax = 4 });
        log.Create(1);
        ulong index = 0;
        while (log.Statistics.SegmentsReleased < 4)
        {
            log.Append(1, Entry(1, ++index, 900));
            if (index > 5)
                log.Compact(1, index - 5, 1);
            log.Step();
        }
        AssertOldBatchesVerifyUnderTheirOwnNumberOnly();
        // The newest segment is full of old batches behind its end; each restart begins another one like it.
        for (var restart = 0; restart < 6; restart++)
        {
            _files.PowerCut(new Random(restart));
            log = Open(_files, out var recovery, Small with { SpareSegmentsMax = 4 });
            Assert.Empty(recovery.Damage);
            Assert.Null(recovery.Tail);
            Assert.Equal(index, recovery.Groups[0].LastIndex);
            Assert.Equal(5, log.ReadAll(1).Count);
            log.StepOk(log.Append(1, Entry(1, ++index, 900)));
            log.StepOk(log.Compact(1, index - 5, 1));
        }
    }

    void AssertOldBatchesVerifyUnderTheirOwnNumberOnly()
    {
        var name = _files.SegmentNames()[^1];
        var content = _files.Content(PathOf(name));
        var number = LogFormat.SegmentNumber(name)!.Value;
        var header = SegmentHeader.Read(content, number)!.Value;
        var old = 0;
        for (var at = LogFormat.DataOffset; at < content.Length; at += LogFormat.SectorBytes)
        {
            var own = BatchHeader.Read(content[at..], LogChecksum.Seed(header.LogId, number));
            Assert.True(own is null || own.Value.Sequence >= header.FirstSequence);
            for (var earlier = 1U; earlier < number; earlier++)
                old += BatchHeader.Read(content[at..], LogChecksum.Seed(header.LogId, earlier)) is null ? 0 : 1;
        }
        Assert.True(old > 0, "the segment was not used before");
    }

    [Fact]
    public void A_quiet_group_that_pins_an_old_segment_has_its_entries_copied_forward()
    {
        var log = Open(_files);
        log.Create(1);
        log.Create(2, "quiet");
        log.StepOk(log.Append(2, new GroupState(4, 5, 2), Entry(3, 1, "old"), Entry(4, 2, "quiet")));
        // Replaced once: the copy must not bring back what it does not hold.
        log.StepOk(log.Append(2, Entry(5, 2, "quieter")));
        ulong index = 0;
        while (log.Statistics.EntriesRewritten == 0 || log.Statistics.SegmentsReleased < 3)
        {
            log.Append(1, Entry(1, ++index, 2000));
            if (index > 20)
                log.Compact(1, index - 20, 1);
            log.Step();
        }

        Assert.Equal(["3.1:old", "5.2:quieter"], log.Texts(2));
        _files.PowerCut(new Random(1));
        log = Open(_files, out var recovery);
        Assert.Equal(["3.1:old", "5.2:quieter"], log.Texts(2));
        Assert.Equal(new GroupState(4, 5, 2), recovery.Groups[1].State);
        log.StepOk(log.Append(2, Entry(6, 3, "awake")));
        Assert.Equal(["3.1:old", "5.2:quieter", "6.3:awake"], log.Texts(2));
    }

    [Fact]
    public void Large_entries_of_a_quiet_group_are_copied_forward_beside_large_appends()
    {
        var log = Open(_files);
        log.Create(1);
        log.Create(2, "quiet");
        for (ulong i = 1; i <= 3; i++)
            log.StepOk(log.Append(2, Entry(1, i, 60_000)));
        for (ulong index = 1; index <= 60; index++)
        {
            log.StepOk(log.Append(1, Entry(1, index, 64_000)));
            log.StepOk(log.Compact(1, index, 1));
            log.IdleStep();
        }

        Assert.InRange(log.Statistics.EntriesRewritten, 3, 1000);
        // Of the sixty that were written, one append each.
        Assert.InRange(_files.SegmentNames().Length, 1, 10);
        _files.PowerCut(new Random(1));
        log = Open(_files);
        Assert.All(log.ReadAll(2), e => Assert.Equal(Entry(1, e.Index, 60_000).Payload.ToArray(), e.Payload.ToArray()));
        Assert.Equal(3, log.ReadAll(2).Count);
    }

    [Fact]
    public void A_group_that_does_not_compact_keeps_its_segments()
    {
        var log = Open(_files);
        log.Create(1);
        for (ulong index = 1; index <= 300; index++)
            log.StepOk(log.Append(1, Entry(1, index, 2000)));

        Assert.Equal(0, log.Statistics.SegmentsReleased);
        Assert.Equal(0, log.Statistics.EntriesRewritten);
        _files.PowerCut(new Random(1));
        log = Open(_files);
        var entries = log.ReadAll(1);
        Assert.Equal(300, entries.Count);
        Assert.All(entries, e => Assert.Equal(Entry(1, e.Index, 2000).Payload.ToArray(), e.Payload.ToArray()));
    }

    [Fact]
    public void Restarts_do_not_pile_up_segments()
    {
        var log = Open(_files);
        log.Create(1);
        log.StepOk(log.Append(1, Entry(1, 1, "kept")));
        for (var restart = 0; restart < 30; restart++)
        {
            _files.PowerCut(new Random(restart));
            log = Open(_files);
            while (log.IdleStep()) { }
        }

        Assert.True(_files.SegmentNames().Length <= Small.RewriteSegmentsMin);
        Assert.Equal(["1.1:kept"], log.Texts(1));
    }

    [Fact]
    public void Idle_time_fills_the_segment_and_prepares_the_next()
    {
        var log = Open(_files);
        log.Create(1);
        log.StepOk(log.Append(1, Entry(1, 1, 40_000)));
        while (log.IdleStep()) { }
        Assert.Equal(Small.SegmentBytes, _files.Length(PathOf(_files.SegmentNames()[0])));
        log.StepOk(log.Append(1, Entry(1, 2, 40_000)));
        while (log.IdleStep()) { }

        Assert.Equal(1, log.Statistics.SpareSegments);
        var filled = log.Statistics.BytesFilled;
        log.StepOk(log.Append(1, Entry(1, 3, 60_000)));
        Assert.Equal(2, log.Statistics.Segments);
        Assert.Equal(filled, log.Statistics.BytesFilled);
    }

    [Fact]
    public void Opening_writes_little()
    {
        long written = 0;
        _files.Before = o => written += o.Action == FileAction.Write ? o.Bytes : 0;
        Open(_files, new NodeLogOptions());
        Assert.True(written <= 5 << 20, $"{written} bytes written to open");
        Assert.True(_files.Operations < 20);
    }

    [Fact]
    public void Recent_entries_come_from_memory_and_older_ones_from_their_segment()
    {
        var log = Open(_files);
        log.Create(1);
        for (ulong index = 1; index <= 100; index++)
            log.StepOk(log.Append(1, Entry(1, index, 1000)));
        var reader = log.OpenGroup(new GroupId(1));

        List<LogRecordEntry> entries = [];
        reader.Read(95, 100, long.MaxValue, entries);
        Assert.Equal((6, 0), (log.Statistics.CacheHits, log.Statistics.CacheMisses));
        reader.Read(1, 10, long.MaxValue, entries);
        Assert.Equal((6, 10), (log.Statistics.CacheHits, log.Statistics.CacheMisses));
        Assert.All(entries, e => Assert.Equal(Entry(1, e.Index, 1000).Payload.ToArray(), e.Payload.ToArray()));
    }

    [Fact]
    public void A_log_with_segments_of_another_size_opens()
    {
        var log = Open(_files);
        log.Create(1);
        for (ulong index = 1; index <= 100; index++)
            log.StepOk(log.Append(1, Entry(1, index, 3000)));
        _files.PowerCut(new Random(1));

        log = Open(_files, out var recovery, Small with { SegmentBytes = 256 << 10 });
        Assert.Empty(recovery.Damage);
        log.StepOk(log.Append(1, Entry(1, 101, 3000)));
        log.StepOk(log.Compact(1, 100, 1));
        Assert.Equal(101UL, Assert.Single(log.ReadAll(1)).Index);
    }
}
