using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Grains.Tests.Leaderless;
using Exapyte.Raft;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Files;

namespace Exapyte.Grains.Tests.Replicas;

public class SnapshotInstallTests
{
    [Fact]
    public void A_snapshot_that_a_part_of_another_one_has_replaced_while_it_was_flushed_is_not_installed()
    {
        var outside = new Outside();
        var driver = New(outside);

        driver.TakePart(Part(snapshotId: 1, index: 10, isLast: true), fromReplica: 2);
        var flushing = Assert.Single(outside.Flushing);
        driver.TakePart(Part(snapshotId: 2, index: 12, isLast: false), fromReplica: 3);
        driver.Install(flushing, fromReplica: 2);

        Assert.Empty(outside.Recorded);
    }

    [Fact]
    public void A_snapshot_is_recorded_once_it_is_flushed()
    {
        var outside = new Outside();
        var driver = New(outside);

        driver.TakePart(Part(snapshotId: 1, index: 10, isLast: true), fromReplica: 2);
        driver.Install(Assert.Single(outside.Flushing), fromReplica: 2);

        Assert.Same(outside.Flushing[0], Assert.Single(outside.Recorded));
    }

    [Fact]
    public void A_part_that_finds_the_store_full_is_refused_and_the_snapshot_is_taken_when_it_comes_again()
    {
        var outside = new Outside();
        var disk = new Disk { IsFull = true };
        var driver = New(outside, disk);

        driver.TakePart(Part(snapshotId: 1, index: 10, isLast: false), fromReplica: 2);

        Assert.Equal("", driver.Problem);
        Assert.Equal((2L, SnapshotReplyStatus.Refused), (outside.Answers[^1].To, outside.Answers[^1].Reply.Status));
        Assert.Equal([2UL], disk.GivenUp);
        Assert.Equal([1UL], driver.Prefixes);

        disk.SetFull(false);
        driver.TakePart(Part(snapshotId: 2, index: 10, isLast: true), fromReplica: 2);
        Assert.Equal(3UL, Assert.Single(outside.Flushing).Prefix);
    }

    [Fact]
    public void A_part_of_a_snapshot_that_finds_the_store_full_halfway_gives_up_what_came_before()
    {
        var outside = new Outside();
        var disk = new Disk();
        var driver = New(outside, disk);

        driver.TakePart(Part(snapshotId: 1, index: 10, isLast: false), fromReplica: 2);
        Assert.Equal([2UL, 1UL], driver.Prefixes);
        disk.SetFull(true);
        driver.TakePart(Part(snapshotId: 1, index: 10, isLast: true, number: 1), fromReplica: 2);

        Assert.Equal(
            [SnapshotReplyStatus.Wanted, SnapshotReplyStatus.Refused],
            outside.Answers.Select(answer => answer.Reply.Status)
        );
        Assert.Equal([2UL], disk.GivenUp);
    }

    [Fact]
    public void A_snapshot_for_which_no_prefix_can_be_reserved_is_refused()
    {
        var outside = new Outside();
        var driver = New(outside, new Disk { HasNoPrefix = true });

        driver.TakePart(Part(snapshotId: 1, index: 10, isLast: false), fromReplica: 2);

        Assert.Equal(SnapshotReplyStatus.Refused, Assert.Single(outside.Answers).Reply.Status);
        Assert.Equal("", driver.Problem);
    }

    [Fact]
    public void A_snapshot_that_cannot_be_flushed_or_recorded_is_refused()
    {
        var outside = new Outside();
        var disk = new Disk();
        var driver = New(outside, disk);

        driver.TakePart(Part(snapshotId: 1, index: 10, isLast: true), fromReplica: 2);
        driver.DropSnapshot(outside.Flushing[^1], fromReplica: 2);
        driver.TakePart(Part(snapshotId: 2, index: 10, isLast: true), fromReplica: 2);
        driver.Install(outside.Flushing[^1], fromReplica: 2);
        driver.AbortInstall(outside.Recorded[^1], fromReplica: 2, "no space", forGood: false);

        Assert.Equal(
            [SnapshotReplyStatus.Refused, SnapshotReplyStatus.Refused],
            outside.Answers.Select(answer => answer.Reply.Status)
        );
        Assert.Equal([2UL, 3UL], disk.GivenUp);
        Assert.Equal("", driver.Problem);
    }

    [Fact]
    public void A_stopped_replica_begins_no_snapshot_that_nobody_would_delete()
    {
        var outside = new Outside();
        var driver = New(outside);
        driver.Fail("It has been stopped.");

        driver.TakePart(Part(snapshotId: 1, index: 10, isLast: false), fromReplica: 2);

        Assert.Equal([1UL], driver.Prefixes);
        Assert.Empty(outside.Answers);
    }

    private static ReplicaDriver New(IReplicaOutside outside, Disk? on = null)
    {
        var disk = on ?? new Disk();
        var log = SteppedNodeLog.Open("/data/log", new(), new SimulatedFiles(), newLogId: 7, out _);
        var writer = new ReplicaLogWriter(log, new GroupId(1), static _ => { });
        var receiver = new SnapshotReceiver(disk.Open, disk.GivenUp.Add, disk.Issue);
        return new(outside, new LoopUnderTest().Loop, writer, receiver, storePrefix: 1);
    }

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

    /// <summary>Remembers what is asked of it.</summary>
    private sealed class Outside : IReplicaOutside
    {
        public List<SnapshotReceiver.Received> Flushing { get; } = [];

        public List<SnapshotReceiver.Received> Recorded { get; } = [];

        public long NowMs => 1_000;

        public void FlushForSnapshot(SnapshotReceiver.Received received, long fromReplica) => Flushing.Add(received);

        public void RecordSnapshot(SnapshotReceiver.Received received, long fromReplica) => Recorded.Add(received);

        public void Send(RaftMessage message) { }

        public void SendRest(RestNotice notice) { }

        public void SendSnapshot(SnapshotRequest request) { }

        public List<(long To, SnapshotReply Reply)> Answers { get; } = [];

        public void AnswerSnapshot(long toReplica, SnapshotReply reply) => Answers.Add((toReplica, reply));

        public void Installed(SnapshotHead head, ulong replacedPrefix) { }

        public void Ticked() { }

        public void LeadershipChanged() { }
    }

    /// <summary>Stores that take nothing while the disk is full.</summary>
    private sealed class Disk
    {
        private readonly List<StoreThatFills> stores = [];
        private ulong lastPrefix = 1;
        private StoreFullException? refusal;

        public bool IsFull
        {
            init => SetFull(value);
        }

        public bool HasNoPrefix { get; init; }

        public List<ulong> GivenUp { get; } = [];

        public void SetFull(bool isFull)
        {
            refusal = isFull ? new StoreFullException("no space left") : null;
            stores.ForEach(store => store.Refuses = refusal);
        }

        public IShardStore Open(ulong prefix)
        {
            stores.Add(new(new MemoryStore(new(), TimeProvider.System)) { Refuses = refusal });
            return stores[^1];
        }

        public ulong Issue() =>
            HasNoPrefix ? throw new DiskException("no space left", DiskException.NoSpace) : ++lastPrefix;
    }
}
