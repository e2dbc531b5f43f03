using Exapyte.Grains.Replicas.Raft;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;

namespace Exapyte.Grains.Tests.Replicas;

public class SnapshotInstallTests
{
    [Fact]
    public void A_snapshot_that_a_part_of_another_one_has_replaced_while_it_was_flushed_is_not_installed()
    {
        TakePart(Part(snapshotId: 1, index: 10, isLast: true), fromReplica: 2);
        var flushing = Assert.Single(Flushing);
        TakePart(Part(snapshotId: 2, index: 12, isLast: false), fromReplica: 3);
        Flushed(flushing);

        Assert.Empty(Recorded);
    }

    [Fact]
    public void A_snapshot_is_recorded_once_it_is_flushed()
    {
        TakePart(Part(snapshotId: 1, index: 10, isLast: true), fromReplica: 2);
        Flushed(Assert.Single(Flushing));

        Assert.Same(Flushing[0], Assert.Single(Recorded));
    }

    [Fact]
    public void A_part_that_finds_the_store_full_is_refused_and_the_snapshot_is_taken_when_it_comes_again()
    {
        member.Disk.SetFull(true);

        TakePart(Part(snapshotId: 1, index: 10, isLast: false), fromReplica: 2);

        Assert.Equal("", Problem);
        Assert.Equal((2L, SnapshotReplyStatus.Refused), (Answers[^1].To, Answers[^1].Reply.Status));
        Assert.Equal([2UL], member.Disk.GivenUp);
        Assert.Equal([1UL], member.Replica.Prefixes);

        member.Disk.SetFull(false);
        TakePart(Part(snapshotId: 2, index: 10, isLast: true), fromReplica: 2);
        Assert.Equal(3UL, Assert.Single(Flushing).Prefix);
    }

    [Fact]
    public void A_part_of_a_snapshot_that_finds_the_store_full_halfway_gives_up_what_came_before()
    {
        TakePart(Part(snapshotId: 1, index: 10, isLast: false), fromReplica: 2);
        Assert.Equal([2UL, 1UL], member.Replica.Prefixes);
        member.Disk.SetFull(true);
        TakePart(Part(snapshotId: 1, index: 10, isLast: true, number: 1), fromReplica: 2);

        Assert.Equal(
            [SnapshotReplyStatus.Wanted, SnapshotReplyStatus.Refused],
            Answers.Select(answer => answer.Reply.Status)
        );
        Assert.Equal([2UL], member.Disk.GivenUp);
    }

    [Fact]
    public void A_snapshot_for_which_no_prefix_can_be_reserved_is_refused()
    {
        member.Disk.HasNoPrefix = true;

        TakePart(Part(snapshotId: 1, index: 10, isLast: false), fromReplica: 2);

        Assert.Equal(SnapshotReplyStatus.Refused, Assert.Single(Answers).Reply.Status);
        Assert.Equal("", Problem);
    }

    [Fact]
    public void A_snapshot_that_cannot_be_flushed_or_recorded_is_refused()
    {
        TakePart(Part(snapshotId: 1, index: 10, isLast: true), fromReplica: 2);
        Flushed(Flushing[^1], isDurable: false);
        TakePart(Part(snapshotId: 2, index: 10, isLast: true), fromReplica: 2);
        Flushed(Flushing[^1]);
        member.Take(new ReplicaInput.SnapshotRecorded(Recorded[^1], FromReplica: 2, Failure: "no space"));

        Assert.Equal(
            [SnapshotReplyStatus.Refused, SnapshotReplyStatus.Refused],
            Answers.Select(answer => answer.Reply.Status)
        );
        Assert.Equal([2UL, 3UL], member.Disk.GivenUp);
        Assert.Equal("", Problem);
    }

    [Fact]
    public void A_stopped_replica_begins_no_snapshot_that_nobody_would_delete()
    {
        member.Take(new ReplicaInput.Stop("It has been stopped."));

        TakePart(Part(snapshotId: 1, index: 10, isLast: false), fromReplica: 2);

        Assert.Equal([1UL], member.Replica.Prefixes);
        Assert.Empty(Answers);
    }

    private readonly LoopUnderTest member = new();

    private void TakePart(SnapshotPart part, long fromReplica = 2) =>
        member.Take(new ReplicaInput.PartArrived(part, fromReplica));

    private void Flushed(SnapshotReceiver.Received received, bool isDurable = true) =>
        member.Take(new ReplicaInput.SnapshotFlushed(received, FromReplica: 2, isDurable));

    private SnapshotReceiver.Received[] Flushing =>
        [.. member.Asked.OfType<ReplicaEffect.FlushForSnapshot>().Select(flush => flush.Received)];

    private SnapshotReceiver.Received[] Recorded =>
        [.. member.Asked.OfType<ReplicaEffect.RecordSnapshot>().Select(record => record.Received)];

    private (long To, SnapshotReply Reply)[] Answers => [.. member.SnapshotAnswers];

    private string Problem => member.Replica.View.Health.Problem;

    private static SnapshotPart Part(long snapshotId, ulong index, bool isLast, int number = 0) =>
        new(
            new(
                snapshotId,
                index,
                Term: 1,
                ConfigurationCodec.Encode(Configuration.Of(new MemberId(1), new MemberId(2), new MemberId(3)))
            ),
            number,
            isLast,
            []
        );
}
