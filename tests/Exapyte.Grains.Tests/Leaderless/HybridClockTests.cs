using CsCheck;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class HybridClockTests
{
    private const long SkewMs = 500;
    private const ulong Origin = 42;

    private enum Event
    {
        Stamp,
        Forward,
        Back,
        Follow,
        Restart,
        PowerCut,
    }

    [Fact]
    public async Task Stamps_rise_over_steps_of_the_wall_clock_restarts_and_power_cuts_and_stay_near_it()
    {
        await Gen.Select(Gen.Enum<Event>(), Gen.Int[0, 1_200])
            .Array[1, 60]
            .SampleAsync(
                async events =>
                {
                    using var node = new ClockNode();
                    ulong before = 0;
                    foreach (var (happens, amount) in events)
                    {
                        node.Happens(happens, amount);
                        if (happens == Event.Stamp && await node.Next() is { IsOk: true } reading)
                        {
                            Assert.True(reading.Stamp.Revision > before);
                            Assert.InRange(
                                HybridClock.MillisecondsOf(reading.Stamp.Revision),
                                node.NowMs,
                                node.NowMs + SkewMs
                            );
                            before = reading.Stamp.Revision;
                        }
                    }
                },
                iter: 200
            );
    }

    [Fact]
    public async Task A_clock_that_starts_again_at_once_and_often_still_gives_stamps()
    {
        using var node = new ClockNode();
        for (var start = 0; start < 20; start++)
        {
            Assert.True((await node.Next()).IsOk);
            node.Happens(Event.Restart, 0);
            node.Happens(Event.Forward, 1);
        }
    }

    [Fact]
    public async Task The_first_stamp_waits_until_the_mark_is_durable_and_later_ones_do_not()
    {
        using var node = new ClockNode();
        var first = node.Clock.Next().AsTask();
        Assert.False(first.IsCompleted);
        node.Log.Step();
        Assert.Equal(Origin, (await first).Stamp.Origin);
        Assert.True(node.Clock.Next().AsTask().IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_busy_clock_renews_its_mark_before_it_is_used_up()
    {
        using var node = new ClockNode();
        await node.Next();
        for (var i = 0; i < 100; i++)
        {
            node.Time.Advance(TimeSpan.FromMilliseconds(SkewMs / 4));
            Assert.True(node.Clock.Next().AsTask().IsCompletedSuccessfully);
            node.Log.Step();
        }
    }

    [Fact]
    public async Task A_stamp_that_was_met_is_followed()
    {
        using var node = new ClockNode();
        await node.Next();
        var met = ClockNode.StampAt(node.NowMs + SkewMs - 1);
        node.Clock.Observe(met);
        Assert.Equal(met + 1, (await node.Next()).Stamp.Revision);
    }

    [Fact]
    [Trait("Scenario", "async_replicator_conflict_resolution")]
    public async Task A_stamp_too_far_in_the_future_is_not_followed()
    {
        using var node = new ClockNode();
        await node.Next();
        node.Clock.Observe(ClockNode.StampAt(node.NowMs + SkewMs + 1));
        node.Clock.Observe(ulong.MaxValue);
        Assert.Equal(node.NowMs, HybridClock.MillisecondsOf((await node.Next()).Stamp.Revision));
    }

    [Fact]
    public async Task A_stamp_too_far_ahead_is_won_over_by_one_more_and_moves_no_clock()
    {
        using var node = new ClockNode();
        await node.Next();
        var held = ClockNode.StampAt(node.NowMs + 3_600_000) | 0xffff;

        var over = await node.Clock.Over(held);

        Assert.True(over.IsAhead);
        Assert.Equal(new(held + 1, Origin), over.Stamp);
        Assert.Equal(node.NowMs, over.AtMs);
        Assert.Equal(node.NowMs, HybridClock.MillisecondsOf((await node.Next()).Stamp.Revision));
        Assert.False((await node.Clock.Over(ulong.MaxValue)).IsOk);
    }

    [Fact]
    public async Task Writes_under_way_over_one_stamp_too_far_ahead_never_share_a_stamp()
    {
        using var node = new ClockNode();
        await node.Next();
        var stamps = new WriteStamps(node.Clock, _ => 0);
        var held = new VersionStamp(ClockNode.StampAt(node.NowMs + 3_600_000), 7);
        var key = "k"u8.ToArray();

        var first = await stamps.Over(key, held);
        var second = await stamps.Over("k"u8.ToArray(), held);
        var other = await stamps.Over("other"u8.ToArray(), held);
        stamps.Ended(new() { Key = key, Version = second.Stamp });
        var afterBoth = await stamps.Over(key, second.Stamp);

        Assert.Equal(
            [held.Revision + 1, held.Revision + 2, held.Revision + 1, held.Revision + 3],
            [first.Stamp.Revision, second.Stamp.Revision, other.Stamp.Revision, afterBoth.Stamp.Revision]
        );
    }

    [Fact]
    public async Task A_write_that_ended_since_another_looked_keeps_its_stamp_to_itself()
    {
        using var node = new ClockNode();
        await node.Next();
        var found = new VersionStamp(ClockNode.StampAt(node.NowMs + 3_600_000), 7);
        var held = found.Revision;
        var stamps = new WriteStamps(node.Clock, _ => held);
        var key = "k"u8.ToArray();

        var first = await stamps.Over(key, found);
        held = first.Stamp.Revision;
        stamps.Ended(new() { Key = key, Version = first.Stamp });
        var second = await stamps.Over(key, found);

        Assert.Equal(found.Revision + 2, second.Stamp.Revision);
    }

    [Fact]
    public async Task A_clock_that_the_others_call_wrong_stamps_nothing_and_goes_on_by_itself()
    {
        using var node = new ClockNode();
        var before = await node.Next();
        node.Others = [3_600_000, 3_600_000];
        Assert.Equal(OutcomeKind.ClockWrong, (await node.Next()).Kind);
        node.Clock.Observe(ClockNode.StampAt(node.NowMs - 3_500_000));
        node.Others = [0, 0];
        var after = await node.Next();
        Assert.True(after.Stamp.Revision > before.Stamp.Revision);
        Assert.Equal(node.NowMs, HybridClock.MillisecondsOf(after.Stamp.Revision));
    }

    [Fact]
    public async Task A_clock_that_went_back_an_hour_says_that_waiting_is_of_no_use()
    {
        using var node = new ClockNode();
        await node.Next();
        node.Happens(Event.Back, 3_600_000);
        Assert.Equal(OutcomeKind.ClockWrong, (await node.Next()).Kind);
        node.Happens(Event.Forward, 3_600_001);
        Assert.True((await node.Next()).IsOk);
    }

    [Fact]
    public async Task A_clock_too_far_ahead_of_the_wall_clock_stops_until_that_has_come_near()
    {
        using var node = new ClockNode();
        var before = await node.Next();
        node.Happens(Event.Back, (int)SkewMs + 10);
        var refused = await node.Next();
        node.Happens(Event.Forward, 10);
        Assert.Equal(OutcomeKind.Unavailable, refused.Kind);
        Assert.False((await node.Next()).IsOk);
        node.Happens(Event.Forward, 1);
        Assert.True((await node.Next()).Stamp.Revision > before.Stamp.Revision);
    }

    [Fact]
    public async Task A_clock_whose_mark_may_be_lost_starts_behind_whatever_it_can_have_given_out()
    {
        using var node = new ClockNode();
        ulong highest = 0;
        node.Clock.Observe(ClockNode.StampAt(node.NowMs + SkewMs - 1));
        for (var i = 0; i < 100; i++)
        {
            highest = Math.Max(highest, (await node.Next()).Stamp.Revision);
        }
        node.StartInDoubt();
        Assert.Equal(OutcomeKind.Unavailable, (await node.Next()).Kind);
        node.Happens(Event.Forward, 1);
        Assert.True((await node.Next()).Stamp.Revision > highest);
    }

    [Fact]
    public async Task Without_space_for_the_mark_the_answer_is_that_the_disk_is_full_and_the_clock_goes_on_later()
    {
        using var node = new ClockNode();
        node.Files.Before = operation =>
        {
            if (operation.Action == FileAction.Write)
            {
                throw new DiskException("no space", DiskException.NoSpace);
            }
        };
        Assert.Equal(OutcomeKind.DiskFull, (await node.Next()).Kind);
        node.Files.Before = null;
        Assert.True((await node.Next()).IsOk);
    }

    /// <summary>A node's clock over a simulated disk, on a wall clock that the test sets.</summary>
    private sealed class ClockNode : IDisposable
    {
        private static readonly NodeLogOptions Small = new()
        {
            SegmentBytes = 128 << 10,
            FillStepBytes = 16 << 10,
            BatchBytesMax = 32 << 10,
            AppendBytesMax = 64 << 10,
            DescriptorBytesMax = 4 << 10,
            RewriteBatchBytesMax = 8 << 10,
        };

        private PeerClocks clocks = null!;

        public ClockNode() => Open(inDoubt: false);

        /// <summary>How far the own clock is ahead of those of the others, in milliseconds.</summary>
        public long[] Others
        {
            set
            {
                for (var i = 0; i < value.Length; i++)
                {
                    clocks.Heard($"n{i}", clocks.SteadyMs, NowMs - value[i]);
                }
            }
        }

        public SimulatedFiles Files { get; } = new();

        public FakeTimeProvider Time { get; } = new(DateTimeOffset.UnixEpoch.AddDays(20_000));

        public SteppedNodeLog Log { get; private set; } = null!;

        public HybridClock Clock { get; private set; } = null!;

        public long NowMs => Time.GetUtcNow().ToUnixTimeMilliseconds();

        public static ulong StampAt(long milliseconds) => (ulong)milliseconds << 16;

        public async Task<ClockReading> Next()
        {
            var next = Clock.Next().AsTask();
            while (!next.IsCompleted && Log.Step())
            {
                await Task.WhenAny(
                    next,
                    Testing.Clusters.Eventually.Holds(
                        () => next.IsCompleted || Log.Statistics.Queued > 0,
                        "The stamp is given, or waits for another mark."
                    )
                );
            }
            return await next;
        }

        public void Happens(Event what, int amount)
        {
            switch (what)
            {
                case Event.Forward:
                    Time.Advance(TimeSpan.FromMilliseconds(amount));
                    break;
                case Event.Back:
                    Time.AdjustTime(Time.GetUtcNow().AddMilliseconds(-amount));
                    break;
                case Event.Follow:
                    Clock.Observe(StampAt(NowMs + amount));
                    break;
                case Event.Restart:
                    Files.Restart();
                    Open(inDoubt: false);
                    break;
                case Event.PowerCut:
                    Files.PowerCut(new Random(amount));
                    Open(inDoubt: false);
                    break;
                default:
                    break;
            }
        }

        public void StartInDoubt()
        {
            Files.Restart();
            Open(inDoubt: true);
        }

        public void Dispose() => Log.Dispose();

        private void Open(bool inDoubt)
        {
            Log = SteppedNodeLog.Open("/data/log", Small, Files, newLogId: 7, out var recovery);
            clocks = new(Time, new(Time), SkewMs, static () => []);
            Clock = new(clocks, Log, Origin, inDoubt ? 0 : recovery.ClockHighWater, inDoubt, SkewMs);
            // Of two nobody can tell who is wrong; where no other is known the time would not go back.
            Others = [0];
        }
    }
}
