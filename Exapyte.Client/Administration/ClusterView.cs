using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client.Administration;

/// <summary>What the cluster looks like from here: nodes, keyspaces, how shards stand, whether anything can be served.</summary>
internal sealed class ClusterView(
    IGrainFactory grains,
    MapCache maps,
    NodeRegions regions,
    GrainCalls calls,
    ExapyteClientOptions options,
    NodeNews news
)
{
    private static readonly TimeSpan NodePatience = TimeSpan.FromSeconds(1);

    private volatile ClusterTopology? topology;

    /// <summary>The topology; the last known one where the control plane is out of reach.</summary>
    /// <exception cref="ClusterUnavailableException">It is out of reach and none is known.</exception>
    public async Task<ClusterTopology> GetTopologyAsync(CancellationToken cancellationToken)
    {
        var call = await calls.TryAsync(ReadTopologyAsync, cancellationToken);
        if (call.Value is { } fresh)
        {
            topology = fresh;
            regions.Offer(fresh);
            return fresh;
        }
        return topology ?? throw Unreachable(call.Exception);
    }

    /// <exception cref="ClusterUnavailableException">The control plane is out of reach.</exception>
    public async Task<string[]> ListKeyspacesAsync(CancellationToken cancellationToken)
    {
        var call = await calls.TryAsync(() => grains.GetGrain<IControlPlaneGrain>(0).Keyspaces(), cancellationToken);
        return call.Value ?? throw Unreachable(call.Exception);
    }

    /// <exception cref="ClusterUnavailableException">No map is known and none could be read.</exception>
    public async Task<IReadOnlyList<ShardStatus>?> GetShardsAsync(string keyspace, CancellationToken cancellationToken)
    {
        var found = await calls.TryAsync(
            () => grains.GetGrain<IMapGrain>(0).Find(keyspace, 0).AsTask(),
            cancellationToken
        );
        var map = found.Kind == AttemptKind.Answered ? found.Value : maps.Current(keyspace)?.Map;
        if (map is null && found.Kind != AttemptKind.Answered)
        {
            throw Unreachable(found.Exception);
        }
        if (map is null or { Deleted: true })
        {
            return null;
        }
        var nodes = NodesOf(map);
        var statuses = await Task.WhenAll(nodes.Select(node => AskAsync(map, node, cancellationToken)));
        var byNode = nodes.Zip(statuses).ToDictionary(pair => pair.First, pair => pair.Second);
        return Array.ConvertAll(
            map.Shards,
            shard => new ShardStatus(
                shard,
                Array.ConvertAll(shard.Replicas, replica => StatusOf(replica, byNode[replica.Node]))
            )
        );
    }

    /// <summary>What the keyspace holds; null where nobody counts, or not every shard could be asked.</summary>
    public async Task<Usage?> GetUseAsync(KeyspaceMap map, CancellationToken cancellationToken)
    {
        if (map.Settings.Quota is null)
        {
            return null;
        }
        var answers = await Task.WhenAll(
            NodesOf(map)
                .Select(node =>
                    calls.TryAsync(
                        () => grains.GetGrain<INodeGrain>(NodeKey.Of(node)).Uses(map.KeyspaceId).AsTask(),
                        NodePatience,
                        cancellationToken
                    )
                )
        );
        var shards = KeyspaceUse.ByShard(map.Settings.Replication, answers.SelectMany(answer => answer.Value ?? []));
        return Array.TrueForAll(map.Shards, shard => shards.ContainsKey(shard.ShardId))
            ? map.Shards.Aggregate(default(Usage), (sum, shard) => sum + shards[shard.ShardId])
            : null;
    }

    /// <summary>
    /// Ready means: the map grain of the silo that we are connected to answers, the nodes are known, and the node that we
    /// run on (where we run on one) is registered and can serve what it hosted when it started.
    /// </summary>
    public async Task<IReadOnlyList<string>> GetReasonsNotReadyAsync(CancellationToken cancellationToken)
    {
        List<string> reasons = [.. news.StartReasons];
        if (maps.AnyName() is { } keyspace)
        {
            var map = await calls.TryAsync(
                () => grains.GetGrain<IMapGrain>(0).Find(keyspace, 0).AsTask(),
                NodePatience,
                cancellationToken
            );
            if (map.Kind != AttemptKind.Answered)
            {
                reasons.Add("The silo does not answer with its map of keyspaces.");
            }
        }
        var fresh = await calls.TryAsync(ReadTopologyAsync, NodePatience, cancellationToken);
        var known = topology = fresh.Value ?? topology;
        if (known is null)
        {
            reasons.Add("The control plane does not answer and no node is known.");
        }
        else if (
            options.LocalNode.Length > 0
            && !Array.Exists(known.Nodes, node => node.Registration.Node == options.LocalNode)
        )
        {
            reasons.Add($"Node {options.LocalNode} is not registered yet.");
        }
        return reasons;
    }

    private Task<ClusterTopology> ReadTopologyAsync() => grains.GetGrain<IControlPlaneGrain>(0).Topology();

    private async Task<ReplicaStatus[]?> AskAsync(KeyspaceMap map, string node, CancellationToken cancellationToken)
    {
        var call = await calls.TryAsync(
            () => grains.GetGrain<INodeGrain>(NodeKey.Of(node)).Replicas(map.KeyspaceId).AsTask(),
            NodePatience,
            cancellationToken
        );
        return call.Value;
    }

    private static string[] NodesOf(KeyspaceMap map) =>
        [.. map.Shards.SelectMany(shard => shard.Replicas).Select(replica => replica.Node).Distinct()];

    private static ReplicaStatus StatusOf(ReplicaPlacement replica, ReplicaStatus[]? ofNode)
    {
        if (ofNode is null)
        {
            return Without(replica, "unreachable", "The node does not answer.");
        }
        return Array.Find(ofNode, status => status.ReplicaId == replica.ReplicaId)
            ?? Without(replica, "absent", "The node does not host it yet.");
    }

    private static ReplicaStatus Without(ReplicaPlacement replica, string role, string problem) =>
        new()
        {
            ReplicaId = replica.ReplicaId,
            Node = replica.Node,
            Role = role,
            Problem = problem,
        };

    private static ClusterUnavailableException Unreachable(Exception? exception) =>
        new("The control plane could not be reached in time.", exception);
}
