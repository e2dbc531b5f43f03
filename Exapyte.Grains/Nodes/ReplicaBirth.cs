using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Keyspaces;
using Exapyte.Raft;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Makes a replica that a split has made one that the log knows: in this order, the store is flushed, and the log says that the
/// group is here and that its state, as of <see cref="ShardSplit.BaseIndex"/>, is in the store. Before that it neither votes nor
/// acknowledges anything, and after it nothing of its state depends on the log of the shard that it came from.
/// </summary>
internal sealed class ReplicaBirth(NodeServices node)
{
    /// <summary>Whether the node is still to host it, as far as the map says: it may have been placed elsewhere since.</summary>
    public static bool IsWanted(ShardBirth birth, KeyspaceMap? map, string nodeId)
    {
        if (map is null or { Deleted: true })
        {
            // A node that hosts a replica knows a map, unless the keyspace was deleted since.
            return false;
        }
        var shard = Array.Find(map.Shards, shard => shard.ShardId == birth.Identity.ShardId);
        return shard is null
            ? map.Epoch < birth.Split.MapEpoch
            : Array.Exists(
                shard.Hosted,
                replica => replica.ReplicaId == birth.Identity.ReplicaId && replica.Node == nodeId
            );
    }

    /// <summary>Makes it known to the log; false where it has been here and was retired.</summary>
    /// <exception cref="Storage.Stores.StoreFailedException">The store could not be flushed.</exception>
    /// <exception cref="ReplicaFailedException">The log did not take it.</exception>
    public Task<bool> Record(ShardBirth birth) => Record(birth.Identity, birth.Split.ChildConfiguration);

    /// <summary>The same for one that was found again.</summary>
    public Task<bool> Record(ReplicaIdentity identity) => Record(identity, ConfigurationOf(identity));

    /// <summary>
    /// What a split left of a replica that was never started, for the process ended in between; null where there is nothing,
    /// or not of this replica.
    /// </summary>
    public ReplicaIdentity? Left(RaftReplica parent, long shardId, long replicaId)
    {
        var identity = parent.Identity.Beside(shardId, replicaId, parent.StorePrefix, parent.Map?.Epoch ?? 0);
        var store = node.Disk.OpenShard(identity.StorePrefix, (ulong)shardId);
        return store.AppliedIndex == ShardSplit.BaseIndex && ConfigurationOf(identity).IsVoter(new((ulong)replicaId))
            ? identity
            : null;
    }

    /// <summary>
    /// The log knows the group, and its state is in the store, but the log was cut off before it said so: it does now. Of other
    /// replicas nothing is said.
    /// </summary>
    public void RecordAgain(ReplicaIdentity identity)
    {
        if (identity is not { Replication: ReplicationKind.Raft, FirstMembers.Length: 0 })
        {
            return;
        }
        var group = new GroupId((ulong)identity.ReplicaId);
        var store = node.Disk.OpenShard(identity.StorePrefix, (ulong)identity.ShardId);
        if (store.AppliedIndex == ShardSplit.BaseIndex && node.Log.OpenGroup(group).LastIndex < ShardSplit.BaseIndex)
        {
            var recorded = new LogCompletion($"The beginning of replica {identity.ReplicaId}");
            Begin(group, identity, ConfigurationOf(identity), recorded);
            recorded.Task.GetAwaiter().GetResult();
        }
    }

    private async Task<bool> Record(ReplicaIdentity identity, Configuration configuration)
    {
        var group = new GroupId((ulong)identity.ReplicaId);
        await Task.Run(node.Disk.Flush);
        var described = new LogCompletion($"The description of replica {identity.ReplicaId}");
        var recorded = new LogCompletion($"The beginning of replica {identity.ReplicaId}");
        node.Log.SetDescriptor(group, identity.ToBytes(), described);
        Begin(group, identity, configuration, recorded);
        try
        {
            await Task.WhenAll(described.Task, recorded.Task);
            return true;
        }
        catch (ReplicaFailedException) when (described.Status == LogAppendStatus.Destroyed)
        {
            return false;
        }
    }

    private void Begin(GroupId group, ReplicaIdentity identity, Configuration configuration, LogCompletion recorded) =>
        node.Log.SnapshotInstalled(
            group,
            identity.StorePrefix,
            ShardSplit.BaseIndex,
            ShardSplit.BaseTerm,
            ConfigurationCodec.Encode(configuration),
            recorded
        );

    private Configuration ConfigurationOf(ReplicaIdentity identity) =>
        node.Disk.OpenShard(identity.StorePrefix, (ulong)identity.ShardId).GetMeta(ShardStateMachine.ConfigurationKey)
            is { } row
        && ConfigurationCodec.TryDecode(row, out var configuration)
            ? configuration
            : Configuration.Empty;
}
