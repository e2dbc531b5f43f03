using Exapyte.Grains.Placement;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Pushes maps to nodes and remembers in memory who has accepted which. Forgetting is harmless: a push is idempotent.
/// For one grain.
/// </summary>
internal sealed partial class MapPusher(IGrainFactory grains, NodeMap nodes, TimeSpan timeout, ILogger logger)
{
    private readonly Dictionary<(long KeyspaceId, string Node), long> accepted = [];

    /// <summary>Whether the node is known to serve by the map or a later one of the same keyspace.</summary>
    public bool Has(KeyspaceMap map, string node) =>
        accepted.TryGetValue((map.KeyspaceId, node), out var epoch) && epoch >= map.Epoch;

    /// <summary>Forgets who has accepted the keyspace's maps.</summary>
    public void Forget(KeyspaceMap map)
    {
        foreach (var key in accepted.Keys.Where(key => key.KeyspaceId == map.KeyspaceId).ToArray())
        {
            accepted.Remove(key);
        }
    }

    /// <summary>Whether a majority of the placed replicas of every shard stands on nodes that have the map.</summary>
    public bool HasMajorities(KeyspaceMap map) =>
        Array.TrueForAll(
            map.Shards,
            shard =>
                shard.Replicas.Length == 0
                || shard.Replicas.Count(replica => Has(map, replica.Node))
                    >= KeyspaceRules.Majority(shard.Replicas.Length)
        );

    /// <summary>Whether every node that is alive, and every placed one, has the map.</summary>
    public bool IsSettled(KeyspaceMap map) =>
        nodes.Alive.All(node => Has(map, node)) && PlacedOn(map).All(node => Has(map, node));

    /// <summary>Whether every node that is alive has the map of a deleted keyspace: nothing can be done for it now.</summary>
    public bool IsKnownToLiving(KeyspaceMap deleted) => nodes.Alive.All(node => Has(deleted, node));

    /// <summary>Whether also every node that hosts a replica of the deleted keyspace has retired it.</summary>
    public bool IsOver(KeyspaceMap deleted) =>
        IsKnownToLiving(deleted)
        && deleted.Shards.SelectMany(shard => shard.Hosted).All(replica => Has(deleted, replica.Node));

    /// <summary>Pushes the map to every node that is alive and lacks it, at once.</summary>
    /// <returns>One reason for each node that did not accept it, the absent ones among the placed included.</returns>
    public async Task<string[]> Push(KeyspaceMap map)
    {
        var alive = nodes.Alive;
        var absent = PlacedOn(map)
            .Where(node => !alive.Contains(node) && !Has(map, node))
            .Select(node => $"Node '{node}' is not alive.");
        var reasons = await Task.WhenAll(alive.Where(node => !Has(map, node)).Select(node => PushTo(node, map)));
        return [.. reasons.OfType<string>(), .. absent];
    }

    private async Task<string?> PushTo(string node, KeyspaceMap map)
    {
        try
        {
            var reply = await grains.GetGrain<INodeGrain>(NodeKey.Of(node)).ApplyMap(map).AsTask().WaitAsync(timeout);
            if (reply.Accepted)
            {
                accepted[(map.KeyspaceId, node)] = map.Epoch;
                return null;
            }
            LogNotAccepted(logger, map.Name, map.Epoch, node, reply.Epoch, reply.Reason);
            return $"Node '{node}' did not accept the map: {reply.Reason}";
        }
        catch (Exception failure)
        {
            // Whatever a node throws, the others are not to wait for it: it is pushed to again, and it pulls.
            LogPushFailed(logger, failure, map.Name, map.Epoch, node);
            return $"Node '{node}' could not be reached: {failure.Message}";
        }
    }

    private static IEnumerable<string> PlacedOn(KeyspaceMap map) =>
        map.Shards.SelectMany(shard => shard.Replicas).Select(replica => replica.Node).Distinct(StringComparer.Ordinal);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Map {Keyspace} at epoch {Epoch} was not accepted by node {Node}, which serves by {NodeMapEpoch}: {Reason}"
    )]
    private static partial void LogNotAccepted(
        ILogger logger,
        string keyspace,
        long epoch,
        string node,
        long nodeMapEpoch,
        string? reason
    );

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "Map {Keyspace} at epoch {Epoch} could not be pushed to node {Node}"
    )]
    private static partial void LogPushFailed(
        ILogger logger,
        Exception failure,
        string keyspace,
        long epoch,
        string node
    );
}
