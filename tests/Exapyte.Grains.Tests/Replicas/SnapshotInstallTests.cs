using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
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

    private static ReplicaDriver New(IReplicaOutside outside)
    {
        var log = SteppedNodeLog.Open("/data/log", new(), new SimulatedFiles(), newLogId: 7, out _);
        var writer = new ReplicaLogWriter(log, new GroupId(1), static _ => { });
        ulong lastPrefix = 1;
        var receiver = new SnapshotReceiver(
            static _ => new MemoryStore(new(), TimeProvider.System),
            static _ => { },
            () => ++lastPrefix
        );
        return new(outside, new LoopUnderTest().Loop, writer, receiver, storePrefix: 1);
    }

    private static SnapshotPart Part(long snapshotId, ulong index, bool isLast) =>
        new(
            new(
                snapshotId,
                index,
                Term: 1,
                ConfigurationCodec.Encode(Configuration.Of(new MemberId(1), new MemberId(2), new MemberId(3)))
            ),
            Number: 0,
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

        public void AnswerSnapshot(long toReplica, SnapshotReply reply) { }

        public void Installed(SnapshotHead head, ulong replacedPrefix) { }

        public void Ticked() { }

        public void LeadershipChanged() { }
    }
}
