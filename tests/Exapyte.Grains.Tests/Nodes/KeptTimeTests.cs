using CsCheck;
using Exapyte.Grains.Nodes;
using Exapyte.Storage.Files;
using Exapyte.Storage.Node;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Processes;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Grains.Tests.Nodes;

public sealed class KeptTimeTests : IDisposable
{
    private const long HourMs = 3_600_000;
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly TemporaryFolder place = new("time");
    private readonly DataFolder folder;
    private readonly FakeTimeProvider right = new(DateTimeOffset.UnixEpoch.AddDays(20_000));
    private readonly ShiftedTime own;

    public KeptTimeTests()
    {
        folder = DataFolder.Open(place.Path, "n1", PosixFiles.Instance);
        own = new(right);
    }

    private long RightMs => right.GetUtcNow().ToUnixTimeMilliseconds();

    public void Dispose()
    {
        folder.Dispose();
        place.Dispose();
    }

    [Fact]
    public void A_clock_that_goes_back_is_gone_on_from_at_half_speed_until_it_has_come_up()
    {
        var kept = new KeptTime(own);
        right.Advance(Hour);
        kept.Observe();
        var before = kept.NowMs;
        Assert.Equal((RightMs, 0), (before, kept.HeldMs));

        own.Shift = -Hour;
        Assert.Equal((before, HourMs), (kept.NowMs, kept.HeldMs));
        right.Advance(Hour);
        kept.Observe();
        Assert.Equal((before + (HourMs / 2), HourMs / 2), (kept.NowMs, kept.HeldMs));
        right.Advance(Hour);
        kept.Observe();
        Assert.Equal((before + HourMs, 0), (kept.NowMs, kept.HeldMs));
        right.Advance(Hour);
        Assert.Equal(before + (2 * HourMs), kept.NowMs);
    }

    [Fact]
    public void After_a_restart_it_goes_on_from_what_was_kept_and_the_time_that_has_passed_since()
    {
        var kept = Recover("boot");
        right.Advance(Hour);
        kept.Keep(folder);
        right.Advance(Hour);
        own.Shift = -5 * Hour;

        Assert.Equal((RightMs, 5 * HourMs), (Recover("boot").NowMs, Recover("boot").HeldMs));
        Assert.Equal(RightMs - HourMs, Recover("another boot").NowMs);
        Assert.Equal(RightMs - HourMs, Recover("").NowMs);
        Assert.Equal(RightMs + 7, Recover("boot", RightMs + 7).NowMs);
        own.Shift = TimeSpan.Zero;
        Assert.Equal((RightMs, 0), (Recover("another boot").NowMs, Recover("boot").HeldMs));
    }

    [Fact]
    public void Without_the_boot_being_known_nothing_is_said_of_the_time_between_two_starts()
    {
        Recover("").Keep(folder);
        right.Advance(Hour);
        own.Shift = -5 * Hour;
        Assert.Equal(RightMs - HourMs, Recover("").NowMs);
    }

    [Fact]
    public void What_cannot_be_read_is_passed_over()
    {
        folder.WriteDocument(KeptTime.Document, "no time"u8);
        Assert.Equal(RightMs, Recover("boot").NowMs);
    }

    [Fact]
    public void It_never_goes_back_whatever_the_clock_does_and_however_often_it_is_restarted() =>
        Gen.Select(Gen.Int[-7_200_000, 7_200_000], Gen.Int[0, 60_000], Gen.Bool)
            .Array[1, 30]
            .Sample(
                steps =>
                {
                    folder.DeleteDocument(KeptTime.Document);
                    var shifted = new ShiftedTime(right);
                    var kept = KeptTime.Recover(folder, shifted, 0, "boot");
                    var last = kept.NowMs;
                    foreach (var (shiftMs, passedMs, restarts) in steps)
                    {
                        kept.Observe();
                        if (restarts)
                        {
                            kept.Keep(folder);
                        }
                        shifted.Shift = TimeSpan.FromMilliseconds(shiftMs);
                        if (restarts)
                        {
                            kept = KeptTime.Recover(folder, shifted, 0, "boot");
                        }
                        right.Advance(TimeSpan.FromMilliseconds(passedMs));
                        Assert.True(kept.NowMs >= last, $"{kept.NowMs} after {last}");
                        Assert.True(kept.NowMs >= shifted.GetUtcNow().ToUnixTimeMilliseconds());
                        last = kept.NowMs;
                    }
                },
                iter: 200,
                threads: 1
            );

    private KeptTime Recover(string boot, long stampedMs = 0) => KeptTime.Recover(folder, own, stampedMs, boot);
}
