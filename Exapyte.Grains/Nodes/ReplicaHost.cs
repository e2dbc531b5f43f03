using System.Collections.Concurrent;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Keyspaces;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Nodes;

/// <summary>A replica that is not started because its log or state cannot be read.</summary>
internal sealed record QuarantinedReplica(ReplicaIdentity Identity, ulong StorePrefix, string Reason);

/// <summary>
/// The replicas that a node hosts: starts those that the log knows, creates and retires them as maps command. Look-ups
/// are thread-safe; commands come one at a time.
/// </summary>
internal sealed partial class ReplicaHost(NodeServices node)
{
    private readonly ConcurrentDictionary<long, IReplica> replicas = new();
    private readonly ConcurrentDictionary<long, QuarantinedReplica> quarantined = new();
    private readonly ConcurrentQueue<GroupId> retired = new();
    private readonly ReplicaBirth births = new(node);
    private readonly ILogger logger = node.LoggerFactory.CreateLogger("Exapyte.Node");

    /// <summary>By which activations they are called.</summary>
    public ReplicaFaces Faces { get; } = new();

    /// <summary>All hosted replicas.</summary>
    public ICollection<IReplica> All => replicas.Values;

    /// <summary>Replicas of this node whose log or state cannot be read: they are not started, and must never be made again.</summary>
    public IEnumerable<QuarantinedReplica> Quarantined => quarantined.Values;

    /// <summary>Whether the replica with this id is here and cannot be read.</summary>
    public bool IsQuarantined(long replicaId) => quarantined.ContainsKey(replicaId);

    /// <summary>The replica with this id; null where it is not hosted.</summary>
    public IReplica? Find(long replicaId) => replicas.GetValueOrDefault(replicaId);

    /// <summary>Whether a replica of this node, one that a split has just made included, has its state under this prefix.</summary>
    public bool Uses(ulong prefix) =>
        node.Births.Waiting.Any(birth => birth.Identity.StorePrefix == prefix)
        || All.Any(replica => replica.Prefixes.Contains(prefix))
        || Quarantined.Any(one => one.StorePrefix == prefix);

    /// <summary>Starts every replica that the log describes and clears away what nothing refers to.</summary>
    /// <param name="recovery">What the log held.</param>
    /// <param name="unreadable">What a rescue of the store could not read.</param>
    public void Recover(NodeLogRecovery recovery, IReadOnlyList<UnreadableShard> unreadable)
    {
        HashSet<ulong> used = [];
        HashSet<long> hosted = [];
        foreach (var group in recovery.Groups)
        {
            if (group.Descriptor.IsEmpty)
            {
                LogLost((long)group.Id.Value, group.Quarantined ?? "it has none");
                continue;
            }
            var identity = ReplicaIdentity.FromBytes(group.Descriptor.Span);
            var prefix = group.Snapshot?.Prefix ?? identity.StorePrefix;
            used.Add(prefix);
            hosted.Add(identity.ReplicaId);
            if (unreadable.FirstOrDefault(shard => shard.Prefix == prefix) is { } lost)
            {
                node.Damaged.Record(identity, lost.Reason);
            }
            var damage =
                group.Quarantined
                ?? node.Damaged.ReasonOf(identity.ReplicaId)
                ?? TryStart(identity, isRecorded: group.Snapshot is not null);
            if (damage is not null)
            {
                Quarantine(identity, prefix, damage);
            }
        }
        node.Damaged.Keep(hosted);
        DeleteUnused(used);
        foreach (var group in recovery.Destroyed)
        {
            retired.Enqueue(group);
        }
    }

    /// <summary>Hosts what the map places on this node and retires what it no longer does.</summary>
    public async Task Apply(KeyspaceMap map, bool confirmed)
    {
        HashSet<long> placed = [];
        if (!map.Deleted)
        {
            foreach (var shard in map.Shards)
            {
                foreach (var own in shard.Hosted.Where(replica => replica.Node == node.NodeId))
                {
                    placed.Add(own.ReplicaId);
                }
            }
            await Create(map);
        }
        foreach (var replica in All.Where(replica => replica.Identity.KeyspaceId == map.KeyspaceId).ToArray())
        {
            if (placed.Contains(replica.Identity.ReplicaId))
            {
                replica.UseMap(map, confirmed);
            }
            else if (Speaks(map, replica.Identity))
            {
                await Retire(replica);
            }
        }
        foreach (var one in Quarantined.Where(one => one.Identity.KeyspaceId == map.KeyspaceId).ToArray())
        {
            if (!placed.Contains(one.Identity.ReplicaId) && Speaks(map, one.Identity))
            {
                await Forget(one.Identity, [one.StorePrefix]);
                quarantined.TryRemove(one.Identity.ReplicaId, out _);
            }
        }
    }

    /// <summary>The store has been flushed: what retired replicas left behind is gone for good, and the log may forget them.</summary>
    public void ForgetRetired(int count)
    {
        while (count-- > 0 && retired.TryDequeue(out var group))
        {
            node.Log.ForgetDestroyed(group);
        }
    }

    /// <summary>Retired replicas that the log still remembers.</summary>
    public int Retired => retired.Count;

    /// <summary>What keeps replicas from serving since they were started, one line a keyspace and reason.</summary>
    /// <param name="nameOf">The name of a keyspace by its id; null where there is none.</param>
    /// <param name="without">Keyspaces that are not waited for.</param>
    public IReadOnlyList<string> WaitsFor(Func<long, string?> nameOf, IReadOnlySet<long> without) =>
        [
            .. All.Where(replica => !without.Contains(replica.Identity.KeyspaceId))
                .Select(replica => (replica.Identity.KeyspaceId, replica.WaitsFor))
                .Where(waiting => waiting.WaitsFor is not null)
                .GroupBy(waiting => waiting)
                .Select(alike =>
                    $"Keyspace {nameOf(alike.Key.KeyspaceId) ?? "(unknown)"} cannot be served yet: {alike.Key.WaitsFor} ({alike.Count()})."
                ),
        ];

    /// <summary>Gives all leaderships away, as far as others can take them.</summary>
    public Task HandOver() => Task.WhenAll(All.Select(replica => replica.HandOver().AsTask()));

    /// <summary>Stops all replicas.</summary>
    public async Task Stop()
    {
        foreach (var replica in All)
        {
            await replica.Stop();
        }
    }

    /// <summary>Whether a map says anything of a replica: one that is older than the split that made it does not.</summary>
    private static bool Speaks(KeyspaceMap map, ReplicaIdentity identity) =>
        map.Deleted || map.Epoch >= identity.SinceMapEpoch;

    private async Task Create(KeyspaceMap map)
    {
        List<(ReplicaIdentity Identity, LogCompletion Described)> created = [];
        foreach (var shard in map.Shards)
        {
            // One that is leaving is kept where it is, never made: nobody would miss it.
            var own = Array.Find(shard.Replicas, replica => replica.Node == node.NodeId);
            if (own is null || replicas.ContainsKey(own.ReplicaId) || quarantined.ContainsKey(own.ReplicaId))
            {
                continue;
            }
            if (shard.SplitFrom != 0 && await IsBornOf(map, shard, own))
            {
                continue;
            }
            var identity = new ReplicaIdentity
            {
                KeyspaceId = map.KeyspaceId,
                ShardId = shard.ShardId,
                ReplicaId = own.ReplicaId,
                Replication = map.Settings.Replication,
                Storage = map.Settings.Storage,
                StorePrefix = node.Prefixes.Issue(),
                FirstMembers = FirstMembersOf(shard, own),
            };
            var described = new LogCompletion($"The description of replica {identity.ReplicaId}");
            node.Log.SetDescriptor(new((ulong)identity.ReplicaId), identity.ToBytes(), described);
            created.Add((identity, described));
        }
        foreach (var (identity, described) in created)
        {
            await described.Task;
            Start(identity);
        }
    }

    /// <summary>Starts the replica that a split has made. For one caller at a time, as maps.</summary>
    /// <param name="birth">The replica.</param>
    /// <param name="map">The keyspace's map, as far as known.</param>
    /// <param name="isConfirmed">Whether the control plane itself said that.</param>
    public async Task Bear(ShardBirth birth, KeyspaceMap? map, bool isConfirmed)
    {
        var id = birth.Identity.ReplicaId;
        var isWanted = ReplicaBirth.IsWanted(birth, map, node.NodeId);
        if (isWanted && !replicas.ContainsKey(id) && !quarantined.ContainsKey(id) && await births.Record(birth))
        {
            Start(birth.Identity);
            if (map is not null)
            {
                replicas[id].UseMap(map, isConfirmed);
            }
        }
        node.Births.Done(birth);
    }

    /// <summary>
    /// Whether a replica of a shard that was split off is made by the split: the replica beside it here has not come as far
    /// yet, or it has, and what it left there is taken up. Else it joins like any other.
    /// </summary>
    private async Task<bool> IsBornOf(KeyspaceMap map, ShardPlacement shard, ReplicaPlacement own)
    {
        var parent = All.OfType<RaftReplica>()
            .FirstOrDefault(replica =>
                replica.Identity.ShardId == shard.SplitFrom && replica.Identity.KeyspaceId == map.KeyspaceId
            );
        if (parent is null || parent.View.Health.Problem.Length > 0)
        {
            return false;
        }
        if (node.Births.Waiting.Any(birth => birth.Identity.ReplicaId == own.ReplicaId))
        {
            return true;
        }
        if (!parent.View.HasPassed(shard.Start))
        {
            return true;
        }
        if (births.Left(parent, shard.ShardId, own.ReplicaId) is not { } identity || !await births.Record(identity))
        {
            return false;
        }
        Start(identity);
        return true;
    }

    private static long[] FirstMembersOf(ShardPlacement shard, ReplicaPlacement own)
    {
        var founders = shard.Founders ?? [.. shard.Replicas.Select(replica => replica.ReplicaId)];
        return Array.IndexOf(founders, own.ReplicaId) >= 0 ? founders : [];
    }

    private void DeleteUnused(HashSet<ulong> used)
    {
        try
        {
            foreach (var prefix in node.Disk.ListPrefixes().Where(prefix => !used.Contains(prefix)))
            {
                node.Disused.Add(prefix);
            }
        }
        catch (StoreDamagedException damage)
        {
            LogNotCleared(damage.Message);
        }
    }

    /// <summary>Starts a replica, or says why it cannot be: one that is damaged leaves the node's others alone.</summary>
    private string? TryStart(ReplicaIdentity identity, bool isRecorded)
    {
        try
        {
            if (!isRecorded)
            {
                births.RecordAgain(identity);
            }
            Start(identity);
            return null;
        }
        catch (Exception damage) when (damage is not StoreFullException)
        {
            return damage.Message;
        }
    }

    private void Quarantine(ReplicaIdentity identity, ulong storePrefix, string reason)
    {
        quarantined[identity.ReplicaId] = new(identity, storePrefix, reason);
        node.Damaged.Record(identity, reason, isFoundAgain: true);
        LogQuarantined(identity.ReplicaId, identity.KeyspaceId, identity.ShardId, reason);
    }

    private void Start(ReplicaIdentity identity)
    {
        var group = new GroupId((ulong)identity.ReplicaId);
        replicas[identity.ReplicaId] = identity.Replication switch
        {
            ReplicationKind.Raft => new RaftReplica(node, identity, node.Log.OpenGroup(group)),
            _ when identity.Storage == StorageKind.Memory => new LeaderlessReplica(
                node,
                identity,
                new(
                    new MemoryStore(new() { KeepTombstones = true, BytesMax = long.MaxValue }, node.Time, node.Memory),
                    null,
                    null,
                    group
                )
            ),
            _ => new LeaderlessReplica(
                node,
                identity,
                new(
                    node.Disk.OpenShard(identity.StorePrefix, (ulong)identity.ShardId),
                    node.Log,
                    node.Log.OpenGroup(group),
                    group
                )
            ),
        };
    }

    private async Task Retire(IReplica replica)
    {
        await replica.Stop();
        await Forget(replica.Identity, replica.Prefixes);
    }

    private async Task Forget(ReplicaIdentity identity, IReadOnlyList<ulong> prefixes)
    {
        var group = new GroupId((ulong)identity.ReplicaId);
        var destroyed = new LogCompletion($"The removal of replica {identity.ReplicaId}");
        node.Log.Destroy(group, destroyed);
        await destroyed.Task;
        replicas.TryRemove(identity.ReplicaId, out _);
        Faces.Dismiss(identity.ReplicaId);
        node.Damaged.Forget(identity.ReplicaId);
        foreach (var prefix in prefixes)
        {
            node.Disused.Add(prefix);
        }
        retired.Enqueue(group);
        LogRetired(identity.ReplicaId, identity.KeyspaceId);
    }

    [LoggerMessage(LogLevel.Debug, "Replica {ReplicaId} of keyspace {KeyspaceId} is retired")]
    private partial void LogRetired(long replicaId, long keyspaceId);

    [LoggerMessage(LogLevel.Critical, "Replica {ReplicaId} is quarantined, its description lost with it: {Reason}")]
    private partial void LogLost(long replicaId, string reason);

    [LoggerMessage(LogLevel.Critical, "What retired replicas left in the store cannot be cleared away: {Reason}")]
    private partial void LogNotCleared(string reason);

    [LoggerMessage(
        LogLevel.Critical,
        "Replica {ReplicaId} of keyspace {KeyspaceId}, shard {ShardId}, is quarantined and must be replaced: {Reason}"
    )]
    private partial void LogQuarantined(long replicaId, long keyspaceId, long shardId, string reason);
}
