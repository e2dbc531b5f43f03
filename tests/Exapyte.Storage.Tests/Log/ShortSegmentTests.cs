using Exapyte.Storage.Log;
using Exapyte.Testing.Files;
using Xunit;
using static Exapyte.Storage.Tests.Log.LogKit;

namespace Exapyte.Storage.Tests.Log;

/// <summary>Files that are shorter than a segment's header: as a segment that is damage, as a spare it is nothing.</summary>
public sealed class ShortSegmentTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(71)]
    [InlineData(4_096)]
    [InlineData(8_191)]
    [Trait("Scenario", "disk_failure")]
    public void The_last_segment_cut_off_is_told_with_file_and_offset_and_takes_away_whom_it_may_have_held(int bytes)
    {
        var files = TwoSegments();
        var last = files.SegmentNames()[^1];
        Cut(files, last, bytes);

        Open(files, out var recovery);

        Assert.Contains(recovery.Damage, damage => damage.File == last && damage.Offset == bytes);
        var reason = Assert.Single(recovery.Groups).Quarantined;
        Assert.NotNull(reason);
        Assert.Contains($"{last} at {bytes}", reason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4_096)]
    [Trait("Scenario", "disk_failure")]
    public void A_segment_in_the_middle_cut_off_is_told_with_file_and_offset(int bytes)
    {
        var files = TwoSegments();
        var first = files.SegmentNames()[0];
        Cut(files, first, bytes);

        Open(files, out var recovery);

        Assert.Contains(recovery.Damage, damage => damage.File == first && damage.Offset == bytes);
        Assert.NotNull(Assert.Single(recovery.Groups).Quarantined);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void The_only_segment_cut_off_is_refused_in_words()
    {
        var files = new SimulatedFiles();
        Open(files).Create(1);
        var log = Open(files);
        log.StepOk(log.Create(2));
        foreach (var name in files.SegmentNames())
            Cut(files, name, 0);

        var refusal = Assert.Throws<NodeLogException>(() => Open(files));

        Assert.Contains("no segment", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5_000)]
    public void A_crash_while_a_segment_is_begun_leaves_a_short_spare_and_no_damage(int bytes)
    {
        var files = TwoSegments();
        files.Put(PathOf("spare-0000000099.log"), new byte[bytes]);

        var log = Open(files, out var recovery);

        Assert.Empty(recovery.Damage);
        Assert.Null(Assert.Single(recovery.Groups).Quarantined);
        log.StepOk(log.Append(1, Entry(1, log.OpenGroup(new GroupId(1)).LastIndex + 1, "goes on")));
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void A_power_cut_at_any_operation_while_a_segment_is_begun_leaves_no_damage()
    {
        for (var at = 0; ; at++)
        {
            var files = TwoSegments();
            var log = Open(files);
            var next = log.OpenGroup(new GroupId(1)).LastIndex + 1;
            var left = at;
            files.Before = _ =>
            {
                if (left-- == 0)
                    files.Crash();
            };
            var crashed = !Survives(() => log.StepOk(log.Append(1, Entry(1, next, "in a new segment"))));
            files.Before = null;
            files.PowerCut(new Random(at));
            Open(files, out var recovery);
            Assert.Empty(recovery.Damage);
            Assert.Null(Assert.Single(recovery.Groups).Quarantined);
            if (!crashed)
                return;
        }
    }

    /// <summary>A group whose entries lie in two segments.</summary>
    static SimulatedFiles TwoSegments()
    {
        var files = new SimulatedFiles();
        var log = Open(files);
        log.StepOk(log.Create(1));
        for (ulong index = 1; files.SegmentNames().Length < 2; index++)
            log.StepOk(log.Append(1, Entry(1, index, bytes: 8_000)));
        return files;
    }

    static void Cut(SimulatedFiles files, string name, int bytes) =>
        files.Put(PathOf(name), files.Content(PathOf(name))[..bytes].ToArray());

    static bool Survives(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (SimulatedCrashException)
        {
            return false;
        }
    }
}
