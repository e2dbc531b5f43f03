using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas;

/// <summary>What a <see cref="ReplicaDriver"/> needs done by whoever pumps it. Called on the driver's thread.</summary>
internal interface IReplicaOutside
{
    /// <summary>The node's time, Unix milliseconds.</summary>
    long NowMs { get; }

    /// <summary>Sends a message of the core.</summary>
    void Send(RaftMessage message);

    /// <summary>Tells the other members that the group is at rest.</summary>
    void SendRest(RestNotice notice);

    /// <summary>Sends a snapshot, or says <see cref="RaftCore.SnapshotFailed"/> at once.</summary>
    void SendSnapshot(SnapshotRequest request);

    /// <summary>Answers a part of a snapshot.</summary>
    void AnswerSnapshot(long toReplica, SnapshotReply reply);

    /// <summary>
    /// Flushes the store; then, as a later input, <see cref="ReplicaDriver.Install"/> or, where that failed,
    /// <see cref="ReplicaDriver.DropSnapshot"/>.
    /// </summary>
    void FlushForSnapshot(SnapshotReceiver.Received received, long fromReplica);

    /// <summary>
    /// Has the log record an installed snapshot; then, as a later input, <see cref="ReplicaDriver.FinishInstall"/> once
    /// that is durable, or <see cref="ReplicaDriver.AbortInstall"/>.
    /// </summary>
    void RecordSnapshot(SnapshotReceiver.Received received, long fromReplica);

    /// <summary>A snapshot has taken the place of the state under this prefix of the store.</summary>
    void Installed(SnapshotHead head, ulong replacedPrefix);

    /// <summary>Compares a state with those of the other members; the pin is the callee's to dispose.</summary>
    void Scrub(Scrubs.ScrubPin pin) => pin.Dispose();

    /// <summary>A tick was taken by a replica that is well.</summary>
    void Ticked();

    /// <summary>Role, leader or term changed.</summary>
    void LeadershipChanged();
}
