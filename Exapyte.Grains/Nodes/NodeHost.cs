using System.Collections.Concurrent;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Keyspaces;
using Exapyte.Storage.Stores;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// A running node: its maps, its replicas, its messages. What grains and timers do with the node goes through here.
/// Thread-safe.
/// </summary>
internal sealed partial class NodeHost : IDisposable
{
    private const int MiddleKeyRowsMax = 10_000_000;

    private static readonly TimeSpan AdmissionPatience = TimeSpan.FromSeconds(2);

    private readonly NodeServices node;
    private readonly NodeMaps maps;
    private readonly ReplicaHost replicas;
    private readonly SemaphoreSlim commands = new(1, 1);
    private readonly ILogger logger;
    private readonly TaskCompletionSource<long> admitted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly ConcurrentDictionary<long, long> confirmedEpochs = new();
    private volatile IReadOnlySet<long> damagedKeyspaces = new HashSet<long>();

    public NodeHost(NodeServices node, NodeMaps maps, ReplicaHost replicas)
    {
        this.node = node;
        this.maps = maps;
        this.replicas = replicas;
        logger = node.LoggerFactory.CreateLogger("Exapyte.Node");
        // What was made before this, upkeep finds.
        node.Births.WhenPassed = () => _ = Task.Run(Bear);
    }

    /// <summary>
    /// What keeps the node from serving all that it hosted at its start. A keyspace whose state is damaged in the control plane is
    /// out of this: only an operator can help it, and the others are served meanwhile.
    /// </summary>
    public IReadOnlyList<string> WaitsFor() => replicas.WaitsFor(id => maps.Find(id)?.Name, damagedKeyspaces);

    /// <summary>What the replicas share.</summary>
    public NodeServices Services => node;

    /// <summary>The maps that this node serves by.</summary>
    public NodeMaps Maps => maps;

    /// <summary>The hosted replicas.</summary>
    public ReplicaHost Replicas => replicas;

    /// <summary>The control plane has accepted the node: from now on it takes commands.</summary>
    /// <param name="sinceNodeEpoch">Since when its data folder is known: see <see cref="NodeInfo.SinceNodeEpoch"/>.</param>
    public void Admit(long sinceNodeEpoch) => admitted.TrySetResult(sinceNodeEpoch);

    /// <summary>Takes the control plane's command.</summary>
    public async Task<ApplyMapReply> ApplyMap(KeyspaceMap map)
    {
        if (!admitted.Task.IsCompleted)
        {
            // A node that has just been accepted may be commanded before it has heard so.
            await Task.WhenAny(admitted.Task, Task.Delay(AdmissionPatience, node.Time));
        }
        await commands.WaitAsync();
        try
        {
            if (ReasonAgainst(map) is { } reason)
            {
                return new()
                {
                    Accepted = false,
                    Epoch = maps.Find(map.KeyspaceId)?.Epoch ?? 0,
                    Reason = reason,
                };
            }
            if (!maps.TryTake(map))
            {
                var seen = maps.Find(map.KeyspaceId);
                return new()
                {
                    Accepted = false,
                    Epoch = seen?.Epoch ?? 0,
                    Reason = seen is null
                        ? $"Node {node.NodeId} knows that keyspace {map.Name} of this id is deleted."
                        : $"Node {node.NodeId} has seen epoch {seen.Epoch} of keyspace {map.Name}; {map.Epoch} is older.",
                };
            }
            await replicas.Apply(map, confirmed: true);
            confirmedEpochs[map.KeyspaceId] = map.Epoch;
            maps.Forget(map.KeyspaceId);
            if (map.Deleted)
            {
                confirmedEpochs.TryRemove(map.KeyspaceId, out _);
                node.Quotas.Forget(map.KeyspaceId);
            }
            node.News.Maps.Tell(map);
            return new() { Accepted = true, Epoch = map.Epoch };
        }
        catch (Exception exception) when (exception is ReplicaFailedException or IOException)
        {
            LogCommandFailed(exception, map.Name, map.Epoch);
            return new()
            {
                Accepted = false,
                Epoch = map.Epoch,
                Reason = $"Node {node.NodeId}: {exception.Message}",
            };
        }
        finally
        {
            commands.Release();
        }
    }

    /// <summary>
    /// Starts what splits have made. What the disk does not allow now is tried again with the next round of upkeep; nothing is
    /// lost by it, for the other members of the new group go on, and its state is kept.
    /// </summary>
    public async Task Bear()
    {
        await commands.WaitAsync();
        try
        {
            foreach (var birth in node.Births.Waiting)
            {
                var map = maps.Find(birth.Identity.KeyspaceId);
                await replicas.Bear(birth, map, map is not null && IsConfirmed(map));
            }
            if (node.Births.HasPassed)
            {
                node.Births.Looked();
                foreach (var map in maps.All().Where(map => Array.Exists(map.Shards, shard => shard.SplitFrom != 0)))
                {
                    await replicas.Apply(map, IsConfirmed(map));
                }
            }
        }
        catch (Exception failure)
            when (failure is ReplicaFailedException or StoreFailedException or IOException or ObjectDisposedException)
        {
            LogNotBorn(failure.Message);
        }
        finally
        {
            commands.Release();
        }
    }

    private bool IsConfirmed(KeyspaceMap map) =>
        confirmedEpochs.TryGetValue(map.KeyspaceId, out var epoch) && epoch == map.Epoch;

    /// <summary>Serves by the maps on disk until the control plane confirms them.</summary>
    public async Task UseMapsOnDisk()
    {
        foreach (var map in maps.All())
        {
            await replicas.Apply(map, confirmed: false);
            maps.Forget(map.KeyspaceId);
        }
    }

    /// <summary>Asks the control plane whether what this node hosts still exists; throws where it cannot be asked.</summary>
    public async Task ConfirmMaps()
    {
        // Asked for all at once: one keyspace whose state cannot be read keeps none of the others from being led.
        var asked = maps.All()
            .Where(map => !map.Deleted)
            .Select(known =>
                (Known: known, Current: node.Grains.GetGrain<IKeyspaceGrain>(known.Name).CurrentMap(known.KeyspaceId))
            )
            .ToList();
        List<Exception> unanswered = [];
        HashSet<long> damaged = [];
        foreach (var (known, current) in asked)
        {
            try
            {
                await ApplyMap(await current ?? known with { Deleted = true });
            }
            catch (Exception failure)
            {
                unanswered.Add(failure);
                if (failure is ControlPlaneUnavailableException { IsOfDamage: true })
                {
                    damaged.Add(known.KeyspaceId);
                }
            }
        }
        damagedKeyspaces = damaged;
        if (unanswered.Count > 0)
        {
            throw new ControlPlaneUnavailableException(
                $"Of {asked.Count} keyspaces {unanswered.Count} are not confirmed; the first: {unanswered[0].Message}"
            );
        }
    }

    /// <summary>Hands messages of another node to the replicas they are for.</summary>
    public DeliverReply Deliver(PeerBatch batch)
    {
        int accepted = 0,
            absent = 0,
            dropped = 0;
        List<string> refused = [];
        List<PeerMessage> messages = [];
        node.Presence.Heard(batch.FromNode);
        if (!batch.TryUnpack(messages))
        {
            refused.Add("a malformed batch");
        }
        foreach (var message in messages)
        {
            if (!Enum.IsDefined(message.Kind))
            {
                refused.Add($"message kind {(byte)message.Kind}");
            }
            else if (message.Kind == PeerMessageKind.Beat)
            {
                accepted++;
            }
            else if (replicas.Find(message.ToReplicaId) is not { } replica)
            {
                absent++;
            }
            else if (replica.Deliver(message))
            {
                accepted++;
            }
            else
            {
                dropped++;
            }
        }
        return new()
        {
            Accepted = accepted,
            NoSuchReplica = absent,
            Dropped = dropped,
            Refused = [.. refused],
            ClockMs = node.Clocks.OwnMs,
        };
    }

    /// <summary>How this node's replicas of a keyspace stand.</summary>
    public ReplicaStatus[] StatusOf(long keyspaceId) =>
        [
            .. replicas
                .All.Where(replica => replica.Identity.KeyspaceId == keyspaceId)
                .Select(replica => replica.Status()),
            .. replicas
                .Quarantined.Where(damaged => damaged.Identity.KeyspaceId == keyspaceId)
                .Select(damaged => new ReplicaStatus
                {
                    ReplicaId = damaged.Identity.ReplicaId,
                    Node = node.NodeId,
                    Role = "quarantined",
                    Problem = damaged.Reason,
                }),
        ];

    /// <summary>How much this node's replicas of a keyspace hold, as far as they count it.</summary>
    public ShardUse[] UsesOf(long keyspaceId) =>
        [
            .. replicas
                .All.Where(replica => replica.Identity.KeyspaceId == keyspaceId)
                .Select(replica => replica.Use)
                .OfType<ShardUse>(),
        ];

    /// <summary>The key in the middle of a shard that is led here; null where it is not, or there is none.</summary>
    public async ValueTask<byte[]?> MiddleKeyOf(long keyspaceId, long shardId)
    {
        var leader = replicas.All.FirstOrDefault(replica =>
            replica.Identity.KeyspaceId == keyspaceId && replica.Identity.ShardId == shardId && replica.Leads
        );
        if (leader is not RaftReplica { View.Store: var store })
        {
            return null;
        }
        try
        {
            // Not on the grain's own thread: it reads the shard.
            return await Task.Run(() => MiddleKey.Find(store, MiddleKeyRowsMax, CancellationToken.None)?.Key);
        }
        catch (StoreFailedException)
        {
            return null;
        }
    }

    /// <summary>What the node carries.</summary>
    public NodeLoad LoadOf() =>
        new() { Leaders = replicas.All.Count(replica => replica.Leads), Bytes = node.Disk.Statistics.TableFileBytes };

    /// <summary>What each replica takes, and what there is room for.</summary>
    public NodeSizes SizesOf() =>
        new()
        {
            Shards =
            [
                .. replicas.All.Select(replica => new ShardSize(
                    replica.Identity.KeyspaceId,
                    replica.Identity.ShardId,
                    SizeOf(replica)
                )),
            ],
            FreeBytes = new DriveInfo(node.Disk.Folder).AvailableFreeSpace,
        };

    /// <summary>A store that fails has nothing that could be moved.</summary>
    private static long SizeOf(IReplica replica)
    {
        try
        {
            return replica.StoredBytes;
        }
        catch (StoreFailedException)
        {
            return 0;
        }
    }

    /// <summary>
    /// A wiped node must not make again what its old data folder held: such a replica would have forgotten its votes. So no
    /// map counts before the old replicas are known to be out of the newest one, nor one that is late and still has them.
    /// </summary>
    private string? ReasonAgainst(KeyspaceMap map)
    {
        if (!admitted.Task.IsCompleted)
        {
            return $"Node {node.NodeId} is not registered yet.";
        }
        var isOfAnotherFolder =
            !map.Deleted
            && map.Shards.SelectMany(shard => shard.Replicas)
                .Any(replica =>
                    replica.Node == node.NodeId
                    && replica.NodeEpoch > 0
                    && replica.NodeEpoch < admitted.Task.Result
                    && replicas.Find(replica.ReplicaId) is null
                );
        return isOfAnotherFolder ? $"Node {node.NodeId} has another data folder than when the map was drawn." : null;
    }

    /// <inheritdoc/>
    public void Dispose() => commands.Dispose();

    [LoggerMessage(LogLevel.Warning, "The replica that a split has made cannot be started yet: {Reason}")]
    private partial void LogNotBorn(string reason);

    [LoggerMessage(LogLevel.Error, "The map of keyspace {Keyspace} at epoch {Epoch} could not be applied")]
    private partial void LogCommandFailed(Exception exception, string keyspace, long epoch);
}
