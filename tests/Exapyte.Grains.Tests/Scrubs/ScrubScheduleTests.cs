using CsCheck;
using Exapyte.Grains.Replicas.Scrubs;
using Xunit;

namespace Exapyte.Grains.Tests.Scrubs;

public sealed class ScrubScheduleTests
{
    private const long DayMs = 24 * 3_600_000;

    [Fact]
    public void Every_shard_comes_round_exactly_once_in_an_interval() =>
        Gen.Select(Gen.Long[1, long.MaxValue], Gen.Long[0, 4_000_000_000_000])
            .Sample(
                (shard, atMs) =>
                {
                    var schedule = new ScrubSchedule(TimeSpan.FromMilliseconds(DayMs), shard);
                    Assert.Equal(schedule.SlotOf(atMs) + 1, schedule.SlotOf(atMs + DayMs));
                }
            );

    [Fact]
    public void Shards_are_spread_over_the_interval()
    {
        var turns = Enumerable.Range(1, 240).Select(shard => HourOfTurn(shard)).CountBy(hour => hour).ToList();
        Assert.Equal(24, turns.Count);
        Assert.All(turns, hour => Assert.InRange(hour.Value, 5, 15));
    }

    [Fact]
    public void Without_an_interval_nothing_is_ever_due()
    {
        var schedule = new ScrubSchedule(TimeSpan.Zero, 5);
        Assert.False(schedule.IsOn);
        Assert.Equal(schedule.SlotOf(0), schedule.SlotOf(long.MaxValue));
    }

    private static int HourOfTurn(int shard)
    {
        var schedule = new ScrubSchedule(TimeSpan.FromMilliseconds(DayMs), shard);
        return Enumerable.Range(0, 24).Single(hour => IsTurn(schedule, hour));
    }

    private static bool IsTurn(ScrubSchedule schedule, int hour) =>
        schedule.SlotOf(DayMs + (hour * 3_600_000L)) < schedule.SlotOf(DayMs + ((hour + 1) * 3_600_000L));
}
