using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Storage.Files;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Files;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>No mark may pass a write that its peer lacks, whatever holds it up.</summary>
public sealed class PushMarksTests : IDisposable
{
    private const long Peer = 2;

    private readonly LoggedCopy copy = new();
    private readonly PushLaneTests.Peer peer = new();

    public void Dispose() => copy.Dispose();

    [Fact]
    public async Task A_write_that_is_not_handed_over_yet_is_not_passed_however_many_rounds_go_by()
    {
        var (marks, lane) = Open();
        var first = await Write(1);
        copy.Copy.HandedOver(first);
        var delayed = await Write(2);
        var third = await Write(3);
        copy.Copy.HandedOver(third);

        for (var round = 0; round < 5; round++)
        {
            Assert.Equal(first, marks.Advance([(Peer, lane)], flushed: 100, entriesMax: 100));
        }
        copy.Copy.HandedOver(delayed);
        Assert.Equal(third, marks.Advance([(Peer, lane)], flushed: 100, entriesMax: 100));
    }

    [Fact]
    public async Task A_log_that_cannot_be_read_at_replay_keeps_the_mark_where_it_is_until_it_can_be()
    {
        for (ulong revision = 1; revision <= 3; revision++)
        {
            copy.Copy.HandedOver(await Write(revision, new string('x', 16 << 10)));
        }
        copy.PowerCut();
        copy.Files.Before = operation =>
        {
            if (operation.Action == FileAction.Read)
            {
                throw new DiskException("the disk does not answer", DiskException.InputOutput);
            }
        };
        var (marks, lane) = Open();
        marks.Replay(Peer, lane);
        Assert.Equal(0UL, marks.Advance([(Peer, lane)], flushed: 100, entriesMax: 100));
        Assert.Empty(peer.Held);

        copy.Files.Before = null;
        await Eventually.Holds(() => peer.Held.Count == 3, "What lay in the log has arrived.");
        await Eventually.Holds(() => lane.OldestIndex is null, "Nothing is under way.");
        Assert.Equal(3UL, marks.Advance([(Peer, lane)], flushed: 100, entriesMax: 100));
    }

    [Fact]
    public async Task What_the_log_has_forgotten_is_counted_and_the_rest_is_pushed()
    {
        for (ulong revision = 1; revision <= 4; revision++)
        {
            copy.Copy.HandedOver(await Write(revision));
        }
        copy.Log.Compact(new(1), 2, term: 0);
        copy.Log.Step();
        var (_, lane) = Open();
        lane.Replay(1, 4);
        await Eventually.Holds(() => peer.Held.Count == 2 && lane.OldestIndex is null, "The rest has arrived.");
        Assert.Equal(2, lane.Dropped);
    }

    private async Task<ulong> Write(ulong revision, string value = "v")
    {
        var verdict = await copy.End(copy.Copy.Write([Put("k" + revision, revision, value)], out var index));
        Assert.Equal(OutcomeKind.Ok, verdict.Kind);
        return index;
    }

    private (PushMarks Marks, PushLane Lane) Open() =>
        (
            new(copy.Copy, copy.Copy.Log),
            new(
                peer,
                static () => true,
                1,
                TimeProvider.System,
                new() { RetryPauseMin = TimeSpan.FromMilliseconds(1), RetryPauseMax = TimeSpan.FromMilliseconds(5) },
                new(1 << 20),
                new(copy.Copy.Log!, 1)
            )
        );
}
