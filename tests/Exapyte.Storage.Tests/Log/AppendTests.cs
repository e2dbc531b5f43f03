using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

public sealed class AppendTests
{
    readonly SimulatedFiles _files = new();

    [Fact]
    public void What_was_appended_is_read_back_before_and_after_a_restart()
    {
        var log = Open(_files);
        log.Create(7, "replica seven");
        log.Append(7, new GroupState(3, 9, 1), Entry(2, 1, "a", kind: 4), Entry(3, 2, ""));
        log.Step();
        Assert.Equal(["2.1:a", "3.2:"], log.Texts(7));

        log = Reopen(out var recovery);

        Assert.Equal(["2.1:a", "3.2:"], log.Texts(7));
        Assert.Equal(4, log.ReadAll(7)[0].Kind);
        var group = Assert.Single(recovery.Groups);
        Assert.Equal(new GroupState(3, 9, 1), group.State);
        Assert.Equal("replica seven"u8.ToArray(), group.Descriptor.ToArray());
        Assert.Equal((1UL, 2UL), (group.FirstIndex, group.LastIndex));
        Assert.Empty(recovery.Damage);
    }

    [Fact]
    public void Entries_at_or_behind_the_first_of_an_append_are_replaced()
    {
        var log = Open(_files);
        log.Create(1);
        log.Append(1, Entry(1, 1, "a"), Entry(1, 2, "b"), Entry(1, 3, "c"));
        log.Step();
        log.StepOk(log.Append(1, Entry(2, 2, "B")));

        Assert.Equal(["1.1:a", "2.2:B"], log.Texts(1));
        Assert.Equal(2UL, log.OpenGroup(new GroupId(1)).TermAt(2));
        Assert.Null(log.OpenGroup(new GroupId(1)).TermAt(3));
        Assert.Equal(["1.1:a", "2.2:B"], Reopen(out _).Texts(1));
    }

    [Fact]
    public void A_compacted_prefix_is_forgotten_and_its_last_term_kept()
    {
        var log = Open(_files);
        log.Create(1);
        log.Append(1, Entry(1, 1, "a"), Entry(2, 2, "b"), Entry(3, 3, "c"));
        log.Step();
        log.StepOk(log.Compact(1, 2, 2));

        foreach (var opened in (SteppedNodeLog[])[log, Reopen(out _)])
        {
            var reader = opened.OpenGroup(new GroupId(1));
            Assert.Equal((3UL, 3UL, 2UL), (reader.FirstIndex, reader.LastIndex, reader.CompactedTerm));
            Assert.Equal(2UL, reader.TermAt(2));
            Assert.Null(reader.TermAt(1));
            Assert.Equal(LogReadStatus.Compacted, reader.Read(2, 3, 100, []));
            Assert.Equal(["3.3:c"], opened.Texts(1));
        }
    }

    [Fact]
    public void A_snapshot_replaces_the_log_which_goes_on_behind_it()
    {
        var log = Open(_files);
        log.Create(1);
        log.Append(1, Entry(1, 1, "a"), Entry(1, 2, "b"));
        var installed = new Outcome();
        log.SnapshotInstalled(new GroupId(1), prefix: 77, index: 100, term: 5, "voters"u8.ToArray(), installed);
        log.StepOk(installed);
        log.StepOk(log.Append(1, Entry(6, 101, "x")));

        log = Reopen(out var recovery);

        Assert.Equal(["6.101:x"], log.Texts(1));
        var snapshot = Assert.Single(recovery.Groups).Snapshot!;
        Assert.Equal((77UL, 100UL, 5UL), (snapshot.Prefix, snapshot.Index, snapshot.Term));
        Assert.Equal("voters"u8.ToArray(), snapshot.Configuration.ToArray());
        Assert.Equal(5UL, log.OpenGroup(new GroupId(1)).TermAt(100));
    }

    [Fact]
    public void A_destroyed_group_is_remembered_until_it_is_forgotten()
    {
        var log = Open(_files);
        log.Create(1);
        log.Append(1, Entry(1, 1, "a"));
        var destroyed = new Outcome();
        log.Destroy(new GroupId(1), destroyed);
        log.StepOk(destroyed);
        var refused = (log.Append(1, Entry(1, 2, "b")), log.Create(1));
        log.Step();
        Assert.Equal(LogAppendStatus.Destroyed, refused.Item1.Result?.Status);
        Assert.Equal(LogAppendStatus.Destroyed, refused.Item2.Result?.Status);

        log = Reopen(out var recovery);
        Assert.Equal([new GroupId(1)], recovery.Destroyed);
        Assert.Empty(recovery.Groups);
        var forgotten = new Outcome();
        log.ForgetDestroyed(new GroupId(1), forgotten);
        log.StepOk(forgotten);

        Reopen(out recovery);
        Assert.Empty(recovery.Destroyed);
    }

    [Fact]
    public void An_append_that_does_not_fit_is_refused_and_its_neighbours_are_not()
    {
        var log = Open(_files);
        log.Create(1);
        log.Create(2);
        log.Append(1, Entry(1, 1, "a"), Entry(1, 2, "b"));
        log.Compact(1, 1, 1);
        log.Step();

        Outcome[] refused =
        [
            log.Append(1, Entry(1, 4, "gap")),
            log.Append(1, Entry(1, 1, "compacted")),
            log.Append(1, Entry(1, 3, "c"), Entry(1, 5, "hole")),
            log.Append(3, Entry(1, 1, "unknown group")),
            log.Compact(1, 3, 1),
            log.Append(1, Entry(1, 3, 70 << 10)),
        ];
        var accepted = log.Append(2, Entry(1, 1, "x"));
        log.StepOk(accepted);

        Assert.Equal(
            [
                LogAppendStatus.Invalid,
                LogAppendStatus.Invalid,
                LogAppendStatus.Invalid,
                LogAppendStatus.UnknownGroup,
                LogAppendStatus.Invalid,
                LogAppendStatus.TooLarge,
            ],
            refused.Select(o => o.Result!.Value.Status)
        );
        Assert.Equal(["1.2:b"], log.Texts(1));
        Assert.Equal(["1.1:x"], log.Texts(2));
    }

    [Fact]
    public void Operations_of_one_batch_see_those_before_them()
    {
        var log = Open(_files);
        Outcome[] outcomes =
        [
            log.Create(1),
            log.Append(1, Entry(1, 1, "a"), Entry(1, 2, "b"), Entry(1, 3, "c")),
            log.Append(1, Entry(2, 3, "C"), Entry(2, 4, "D")),
            log.Compact(1, 3, 2),
            log.Append(1, Entry(2, 5, "E")),
        ];
        log.Step();

        Assert.All(outcomes, o => Assert.True(o.IsOk));
        Assert.Equal(["2.4:D", "2.5:E"], log.Texts(1));
        Assert.Equal(["2.4:D", "2.5:E"], Reopen(out _).Texts(1));
        Assert.Equal(1, log.Statistics.Batches - 1);
    }

    [Fact]
    public void The_clock_mark_only_rises()
    {
        var log = Open(_files);
        log.SetClockHighWater(500);
        log.SetClockHighWater(400);
        log.Step();

        Reopen(out var recovery);
        Assert.Equal(500, recovery.ClockHighWater);
    }

    [Fact]
    public void A_read_stops_at_the_bytes_asked_for_but_gives_at_least_one_entry()
    {
        var log = Open(_files);
        log.Create(1);
        log.Append(1, Entry(1, 1, 100), Entry(1, 2, 100), Entry(1, 3, 100));
        log.Step();
        var reader = log.OpenGroup(new GroupId(1));

        List<LogRecordEntry> entries = [];
        reader.Read(1, 3, 10, entries);
        Assert.Equal(1UL, Assert.Single(entries).Index);
        entries.Clear();
        reader.Read(1, 3, 200, entries);
        Assert.Equal([1UL, 2UL], entries.Select(e => e.Index));
        entries.Clear();
        reader.Read(2, 99, 1000, entries);
        Assert.Equal([2UL, 3UL], entries.Select(e => e.Index));
    }

    [Fact]
    public void A_description_can_be_replaced_and_all_of_them_must_fit_into_a_quarter_of_a_segment()
    {
        var log = Open(_files);
        log.Create(1, "first");
        log.Create(1, "second");
        log.Step();
        List<Outcome> outcomes = [];
        for (ulong id = 2; id < 30; id++)
            outcomes.Add(log.Create(id, new string('d', 4000)));
        log.Step();

        Assert.Contains(outcomes, o => o.Result?.Status == LogAppendStatus.TooLarge);
        Reopen(out var recovery);
        Assert.Equal(1 + outcomes.Count(o => o.IsOk), recovery.Groups.Count);
        Assert.Equal("second"u8.ToArray(), recovery.Groups[0].Descriptor.ToArray());
    }

    SteppedNodeLog Reopen(out NodeLogRecovery recovery)
    {
        _files.PowerCut(new Random(1));
        return Open(_files, out recovery);
    }
}
