using Exapyte.Grains.Placement;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Finds out for a keyspace what it must know before it decides about its replicas (<see cref="RepairView"/>), and draws the
/// map that follows. It changes nothing. For one caller at a time.
/// </summary>
internal sealed partial class ReplicaLook(
    string keyspace,
    IGrainFactory grains,
    NodeMap nodes,
    TimeProvider time,
    ControlPlaneOptions options,
    ILogger logger
)
{
    private readonly Absences absences = new(time);

    /// <summary>Whether moves that nothing compels were granted and are not known to have ended.</summary>
    private bool hasMoves;

    /// <summary>What a balance of the cluster wishes of the keyspace.</summary>
    public WishedMoves Wishes { get; } = new(time);

    private IControlPlaneGrain ControlPlane => grains.GetGrain<IControlPlaneGrain>(0);

    /// <summary>What is known now, the replicas asked.</summary>
    /// <param name="map">The map.</param>
    /// <param name="missingMax">See <see cref="RepairView.MissingMax"/>.</param>
    public async Task<RepairView> Now(KeyspaceMap map, int missingMax)
    {
        // Also those that hold what is leaving: once they are given up nobody waits for it.
        absences.Look(map.Shards.SelectMany(shard => shard.Hosted).Select(replica => replica.Node), nodes.Alive);
        var topology = await ControlPlane.Topology();
        return ViewOf(map, topology, missingMax) with { Statuses = await StatusesOf(map) };
    }

    /// <summary>The same of a topology, no replica asked.</summary>
    public RepairView ViewOf(KeyspaceMap map, ClusterTopology topology, int missingMax) =>
        RepairView.Of(
            topology,
            map.Shards.SelectMany(shard => shard.Hosted).Select(replica => replica.Node),
            absences.LongerThan(options.ReplaceAfter),
            options.ChangingShardsMax
        ) with
        {
            MissingMax = missingMax,
            Wishes = Wishes.Current,
        };

    /// <summary>What a balance of the cluster must know.</summary>
    public KeyspaceBalance BalanceOf(KeyspaceMap? map, ClusterTopology topology, int missingMax)
    {
        if (map is null)
        {
            return new();
        }
        var view = ViewOf(map, topology, missingMax);
        return new()
        {
            Map = map,
            MayMove = Array.ConvertAll(map.Shards, shard => ReplicaMoves.MayBeBalanced(map, shard, view)),
            AwaitsRepair = Array.Exists(map.Shards, shard => ReplicaMoves.AwaitsRepair(map, shard, view)),
        };
    }

    /// <summary>How many of the moves may begin, of all that the keyspaces of the cluster would make.</summary>
    /// <param name="map">The map.</param>
    /// <param name="wanted">How many there are.</param>
    public async Task<int> MovesGranted(KeyspaceMap map, int wanted)
    {
        if (wanted == 0 && !hasMoves)
        {
            return 0;
        }
        var underWay = map.Shards.Count(shard => shard.IsChanging);
        var granted = await ControlPlane.TakeMoves(keyspace, underWay, wanted);
        hasMoves = underWay + granted > 0;
        return granted;
    }

    /// <summary>The map with the repairs and moves that are due by the nodes of this moment; itself where there are none.</summary>
    /// <param name="map">The map.</param>
    /// <param name="seen">What was seen of its replicas.</param>
    public async Task<KeyspaceMap> Planned(KeyspaceMap map, RepairView seen)
    {
        var topology = await ControlPlane.Topology();
        var view = ViewOf(map, topology, seen.MissingMax) with { Statuses = seen.Statuses, MovesMax = seen.MovesMax };
        var repairs = ReplicaRepair.Plan(map, view);
        if (repairs.Count == 0)
        {
            return map;
        }
        var added = repairs.Sum(repair => repair.Added.Length);
        var firstId = added > 0 ? await ControlPlane.IssueIds(added) : 0;
        return ReplicaRepair.With(map, repairs, firstId, topology.NodeEpoch);
    }

    /// <summary>
    /// What the replicas report of shards that are changing, of leaderless ones with more replicas than are wanted, and of those
    /// that are split when they are large.
    /// </summary>
    private async Task<List<ReplicaStatus>> StatusesOf(KeyspaceMap map)
    {
        var asked = map
            .Shards.Where(shard =>
                shard.IsChanging
                || (map.IsRange && !map.IsLeaderless)
                || (map.IsLeaderless && shard.Replicas.Length > map.Settings.Replicas)
            )
            .SelectMany(shard => shard.Hosted)
            .Select(replica => replica.Node)
            .Distinct(StringComparer.Ordinal)
            .Where(nodes.IsAlive);
        var answers = await Task.WhenAll(asked.Select(node => StatusesOn(node, map.KeyspaceId)));
        return [.. answers.SelectMany(statuses => statuses)];
    }

    /// <summary>The key in the middle of a shard, by what its leader holds; null where nobody can say, or there is none.</summary>
    public async Task<byte[]?> MiddleKeyOf(KeyspaceMap map, long shardId, IEnumerable<ReplicaStatus> statuses)
    {
        var shard = Array.Find(map.Shards, shard => shard.ShardId == shardId);
        var leader = statuses.FirstOrDefault(status =>
            status.Role == "leader"
            && shard is not null
            && Array.Exists(shard.Replicas, replica => replica.ReplicaId == status.ReplicaId)
        );
        return leader is null
            ? null
            : await grains
                .GetGrain<INodeGrain>(NodeKey.Of(leader.Node))
                .MiddleKey(map.KeyspaceId, shardId)
                .AsTask()
                .WaitAsync(options.PushTimeout);
    }

    private async Task<ReplicaStatus[]> StatusesOn(string node, long keyspaceId)
    {
        try
        {
            return await grains
                .GetGrain<INodeGrain>(NodeKey.Of(node))
                .Replicas(keyspaceId)
                .AsTask()
                .WaitAsync(options.PushTimeout);
        }
        catch (Exception failure)
        {
            // Whatever a node throws, the others are not to wait for it: it is asked again.
            LogNotAsked(logger, failure, keyspace, node);
            return [];
        }
    }

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "Keyspace {Keyspace} could not ask node {Node} about its replicas"
    )]
    private static partial void LogNotAsked(ILogger logger, Exception failure, string keyspace, string node);
}
