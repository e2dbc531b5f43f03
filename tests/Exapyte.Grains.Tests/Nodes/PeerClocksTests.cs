using CsCheck;
using Exapyte.Grains.Nodes;
using Exapyte.Testing.Clusters;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Grains.Tests.Nodes;

public sealed class PeerClocksTests
{
    private const long SkewMs = 500;
    private const long HourMs = 3_600_000;

    private readonly FakeTimeProvider right = new(DateTimeOffset.UnixEpoch.AddDays(20_000));
    private readonly ShiftedTime own;
    private string[] others = ["n2", "n3"];
    private readonly PeerClocks clocks;

    public PeerClocksTests()
    {
        own = new(right);
        clocks = new(own, new(own), SkewMs, () => others);
    }

    private long RightMs => right.GetUtcNow().ToUnixTimeMilliseconds();

    [Fact]
    public void A_step_of_the_own_clock_is_seen_the_moment_it_is_asked_and_again_when_it_is_right()
    {
        HearAll();
        Assert.Equal(ClockStanding.Right, clocks.Standing);

        own.Shift = TimeSpan.FromMilliseconds(HourMs);
        Assert.Equal(ClockStanding.Ahead, clocks.Standing);
        Assert.Contains(" ms ahead of those", clocks.Problem, StringComparison.Ordinal);
        Assert.InRange(clocks.NowMs, RightMs - 2, RightMs + 2);

        own.Shift = TimeSpan.FromMilliseconds(-HourMs);
        Assert.Equal(ClockStanding.Behind, clocks.Standing);
        Assert.InRange(clocks.NowMs, RightMs - 2, RightMs + 2);

        own.Shift = TimeSpan.FromMilliseconds(SkewMs - 50);
        Assert.Null(clocks.Problem);
        Assert.Equal(clocks.OwnMs, clocks.NowMs);
    }

    [Fact]
    public void A_node_that_knows_no_other_goes_on_in_time_when_its_clock_goes_back_and_follows_the_others_once_it_does()
    {
        others = [];
        var before = clocks.NowMs;
        own.Shift = TimeSpan.FromMilliseconds(-HourMs);
        Assert.Equal((before, HourMs), (clocks.NowMs, clocks.HeldMs));
        Assert.Null(clocks.Problem);
        Assert.Null(clocks.RefusalToStamp(out _));

        HearAll();
        Assert.Equal(ClockStanding.Behind, clocks.Standing);
        Assert.InRange(clocks.NowMs, RightMs - 2, RightMs + 2);
        Assert.Equal(0, clocks.HeldMs);
    }

    [Fact]
    public void A_clock_that_is_known_to_be_wrong_stays_so_while_nobody_can_be_asked()
    {
        HearAll();
        own.Shift = TimeSpan.FromMilliseconds(HourMs);
        right.Advance(TimeSpan.FromMinutes(50));
        clocks.Review();
        Assert.Equal(ClockStanding.Ahead, clocks.Standing);
    }

    [Fact]
    public void Of_three_nodes_one_alone_does_not_decide()
    {
        Hear("n2", HourMs);
        Hear("n3", 0);
        Assert.Equal(ClockStanding.Right, clocks.Standing);
        Assert.Equal("n2", clocks.Differing().Single().Node);
    }

    [Fact]
    public void Of_two_nodes_nobody_can_tell_and_it_is_said_that_they_differ()
    {
        others = ["n2"];
        Hear("n2", -HourMs);
        Assert.Equal(ClockStanding.Right, clocks.Standing);
        Assert.Null(clocks.RefusalToStamp(out _));
        var (node, aheadMs) = clocks.Differing().Single();
        Assert.Equal("n2", node);
        Assert.InRange(aheadMs, -HourMs - 2, -HourMs + 2);
    }

    [Fact]
    public void Half_of_four_nodes_is_no_majority()
    {
        others = ["n2", "n3", "n4"];
        Hear("n2", HourMs);
        Hear("n3", HourMs);
        Hear("n4", 0);
        Assert.Equal(ClockStanding.Right, clocks.Standing);
        Hear("n4", HourMs);
        Assert.Equal(ClockStanding.Behind, clocks.Standing);
    }

    [Fact]
    public void An_answer_that_took_long_proves_nothing_beyond_what_it_bounds()
    {
        // Asked now, read at once, answered four seconds later: their clock may show anything in between.
        Hear("n2", 0, thereMs: 0, backMs: 4_000);
        Hear("n3", 0, thereMs: 4_000, backMs: 0);
        Assert.Equal(ClockStanding.Right, clocks.Standing);
        own.Shift = TimeSpan.FromSeconds(10);
        Assert.Equal(ClockStanding.Ahead, clocks.Standing);
    }

    [Fact]
    public void A_clock_of_another_node_that_stepped_is_known_by_its_next_answer()
    {
        HearAll();
        Hear("n2", HourMs);
        Hear("n3", HourMs);
        Assert.Equal(ClockStanding.Behind, clocks.Standing);
        HearAll();
        Assert.Equal(ClockStanding.Right, clocks.Standing);
    }

    [Fact]
    public void Nothing_is_stamped_before_the_others_told_their_time_and_whoever_keeps_silent_is_not_waited_for()
    {
        Hear("n2", 0);
        Assert.NotNull(clocks.RefusalToStamp(out var isLasting));
        Assert.False(isLasting);
        right.Advance(TimeSpan.FromSeconds(4));
        Assert.Null(clocks.RefusalToStamp(out _));
    }

    [Fact]
    public void A_node_without_others_has_its_own_clock_alone()
    {
        others = [];
        own.Shift = TimeSpan.FromMilliseconds(HourMs);
        Assert.Equal(ClockStanding.Alone, clocks.Standing);
        Assert.Null(clocks.RefusalToStamp(out _));
        Assert.Equal(clocks.OwnMs, clocks.NowMs);
    }

    [Fact]
    public void No_delay_of_messages_ever_condemns_a_clock_within_the_limit_and_none_hides_one_an_hour_off_for_good()
    {
        Gen.Select(
                Gen.Int[0, 3].Array[1, 40],
                Gen.Int[0, 3_000].Array[40],
                Gen.Int[0, 3_000].Array[40],
                Gen.Int[-240, 240].Array[4]
            )
            .Sample(
                (from, there, back, offsets) =>
                {
                    var test = new PeerClocksTests { others = ["n0", "n1", "n2", "n3"] };
                    test.own.Shift = TimeSpan.FromMilliseconds(240);
                    for (var i = 0; i < from.Length; i++)
                    {
                        test.Hear($"n{from[i]}", offsets[from[i]], there[i], back[i]);
                        test.clocks.Review();
                        Assert.Null(test.clocks.Problem);
                    }
                    for (var node = 0; node < 4; node++)
                    {
                        test.Hear($"n{node}", offsets[node]);
                    }
                    test.own.Shift = TimeSpan.FromMilliseconds(HourMs);
                    Assert.NotNull(test.clocks.Problem);
                }
            );
    }

    private void HearAll()
    {
        Hear("n2", 0);
        Hear("n3", 0);
    }

    private void Hear(string node, long aheadMs, int thereMs = 1, int backMs = 1)
    {
        var sentMs = clocks.SteadyMs;
        right.Advance(TimeSpan.FromMilliseconds(thereMs));
        var theirMs = RightMs + aheadMs;
        right.Advance(TimeSpan.FromMilliseconds(backMs));
        clocks.Heard(node, sentMs, theirMs);
    }
}
