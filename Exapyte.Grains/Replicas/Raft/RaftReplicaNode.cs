using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>What the effects of a raft replica reach of the node that hosts it.</summary>
internal sealed partial class RaftReplicaNode(
    NodeServices node,
    ReplicaIdentity identity,
    IReplicaInbox inbox,
    ReplicaScrubs scrubs,
    ILogger logger
) : IReplicaNode
{
    /// <inheritdoc/>
    public void FlushForSnapshot(SnapshotReceiver.Received received, long fromReplica) =>
        ThreadPool.UnsafeQueueUserWorkItem(_ => Flush(received, fromReplica), null);

    /// <inheritdoc/>
    public void Installed(SnapshotHead head, ulong replacedPrefix)
    {
        node.Disused.Add(replacedPrefix);
        if (inbox.Map is { } map)
        {
            node.Changes.AnyChanged(map, identity.ShardId);
        }
        node.Births.Passed();
        LogSnapshotInstalled(identity.ReplicaId, head.Index);
    }

    /// <inheritdoc/>
    public void KeysChanged(IReadOnlyList<ChangedKey> keys, ReplicaView view)
    {
        if (inbox.Map is { } map)
        {
            node.Changes.Tell(
                map,
                new()
                {
                    KeyspaceId = identity.KeyspaceId,
                    ShardId = identity.ShardId,
                    Keys = [.. keys.Select(changed => changed.Key)],
                    Versions = [.. keys.Select(changed => new VersionStamp(changed.Revision, identity.Life))],
                },
                tellsOthers: view.Role == RaftRole.Leader
            );
        }
    }

    /// <inheritdoc/>
    public void Compare(ScrubPin pin) => scrubs.Begin(pin);

    /// <inheritdoc/>
    public void BearChild(SplitCommand split, ulong storePrefix)
    {
        LogSplit(identity.ReplicaId, split.ChildShard);
        if (ShardBirths.Of(identity, split, storePrefix) is { } birth)
        {
            node.Births.Add(birth);
        }
    }

    /// <inheritdoc/>
    public void Pin(PendingPin pending, ReplicaView view) =>
        pending.Complete(
            ReplicaReads.Misplaced(view.Ownership, pending.Request)
                ?? node.Pinned.Open(
                    identity.ReplicaId,
                    view.Store,
                    view.Revision,
                    view.StampMs,
                    identity.Life,
                    met => inbox.Post(new ReplicaInput.DamageFound(met.Message))
                )
        );

    /// <inheritdoc/>
    public void LeadershipChanged(ReplicaView view)
    {
        if (!view.Leader.IsNone && inbox.Map is { } map)
        {
            node.News.Leaders.Tell(new(map.Name, identity.ShardId, (long)view.Leader.Value));
        }
        LogLeadership(identity.ReplicaId, view.Role, view.Term.Value, view.Leader.Value);
    }

    /// <inheritdoc/>
    public void MembersChanging(Configuration from, ConfigurationChange change) =>
        LogMembership(identity.ReplicaId, from, change);

    /// <inheritdoc/>
    public void Failed(Exception cause, bool servesReads)
    {
        if (cause is StoreFailedException and not (StoreDamagedException or StoreDeletedException))
        {
            node.Health.StoreFailed(cause.Message);
        }
        if (servesReads)
        {
            LogOnlyReads(identity.ReplicaId, cause.Message);
        }
        else
        {
            LogFailed(cause, identity.ReplicaId, cause.Message);
        }
    }

    /// <inheritdoc/>
    public void Condemned(string reason)
    {
        node.Damaged.Record(identity, reason);
        node.Meter.FoundDamaged();
        LogDamaged(identity.ReplicaId, reason);
    }

    /// <inheritdoc/>
    public void Degraded(string reason)
    {
        node.Meter.FoundDamaged();
        LogDegraded(identity.ReplicaId, reason);
    }

    private void Flush(SnapshotReceiver.Received received, long fromReplica)
    {
        var isDurable = false;
        try
        {
            node.Disk.Flush();
            isDurable = true;
        }
        catch (Exception exception)
        {
            // Not flushed, so not received: the leader sends another one once the disk is well.
            LogSnapshotNotInstalled(identity.ReplicaId, exception.Message);
        }
        inbox.Post(new ReplicaInput.SnapshotFlushed(received, fromReplica, isDurable));
    }

    [LoggerMessage(LogLevel.Debug, "Replica {ReplicaId} is {Role} in term {Term}, leader {Leader}")]
    private partial void LogLeadership(long replicaId, RaftRole role, ulong term, ulong leader);

    [LoggerMessage(LogLevel.Information, "Replica {ReplicaId} leads {Configuration} to {Change}")]
    private partial void LogMembership(long replicaId, Configuration configuration, ConfigurationChange change);

    [LoggerMessage(LogLevel.Information, "Replica {ReplicaId} has installed a snapshot of index {Index}")]
    private partial void LogSnapshotInstalled(long replicaId, ulong index);

    [LoggerMessage(LogLevel.Information, "Replica {ReplicaId} has split its shard: {ShardId} is beside it")]
    private partial void LogSplit(long replicaId, ulong shardId);

    [LoggerMessage(LogLevel.Warning, "Replica {ReplicaId} could not install a snapshot: {Reason}")]
    private partial void LogSnapshotNotInstalled(long replicaId, string reason);

    [LoggerMessage(LogLevel.Critical, "Replica {ReplicaId} is damaged and must be replaced: {Reason}")]
    private partial void LogDamaged(long replicaId, string reason);

    [LoggerMessage(
        LogLevel.Critical,
        "Replica {ReplicaId} is damaged and the only one of its shard, so it goes on with what can be read: {Reason}"
    )]
    private partial void LogDegraded(long replicaId, string reason);

    [LoggerMessage(LogLevel.Critical, "Replica {ReplicaId} stops: {Reason}")]
    private partial void LogFailed(Exception exception, long replicaId, string reason);

    [LoggerMessage(LogLevel.Critical, "Replica {ReplicaId} takes no writes any more: {Reason}")]
    private partial void LogOnlyReads(long replicaId, string reason);
}
