using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// What the effects of a replica reach of its node beside the log and the wire. Only <see cref="EffectExecutor"/> calls it,
/// on the replica's thread.
/// </summary>
internal interface IReplicaNode
{
    /// <summary>Flushes the store in the background, and posts <see cref="ReplicaInput.SnapshotFlushed"/>.</summary>
    void FlushForSnapshot(SnapshotReceiver.Received received, long fromReplica);

    /// <summary>A snapshot has taken the place of the state under this prefix of the store.</summary>
    void Installed(SnapshotHead head, ulong replacedPrefix);

    /// <summary>Entries have changed, and whoever was to be told of it has not been yet.</summary>
    void KeysChanged(IReadOnlyList<ChangedKey> keys, ReplicaView view);

    /// <summary>Compares a state with those of the other members; the pin is the callee's to dispose.</summary>
    void Compare(ScrubPin pin);

    /// <summary>
    /// The shard was split: starts the replica of the new shard beside this one, once its state is durable. Until then, and for
    /// as long as it lives, nobody deletes the prefix.
    /// </summary>
    void BearChild(SplitCommand split, ulong storePrefix);

    /// <summary>Keeps the state as it is now for a reader, and answers.</summary>
    void Pin(PendingPin pending, ReplicaView view);

    /// <summary>Role, leader or term changed.</summary>
    void LeadershipChanged(ReplicaView view);

    /// <summary>A change of the configuration was proposed.</summary>
    void MembersChanging(Configuration from, ConfigurationChange change);

    /// <summary>The replica has stopped.</summary>
    void Failed(Exception cause, bool servesReads);

    /// <summary>The replica is damaged and must be replaced.</summary>
    void Condemned(string reason);

    /// <summary>The replica is damaged and the only one of its shard.</summary>
    void Degraded(string reason);
}
