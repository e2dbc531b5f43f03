using System.Collections.Frozen;
using Exapyte.Topology;

namespace Exapyte.Grains.ControlPlane;

/// <summary>What a keyspace knows when it decides about its replicas. Immutable.</summary>
internal sealed record RepairView
{
    /// <summary>The nodes that are registered and alive, draining ones included.</summary>
    public required IReadOnlyCollection<PlacementNode> Alive { get; init; }

    /// <summary>The nodes that are given up: away for too long, away and draining, or removed.</summary>
    public required IReadOnlySet<string> Lost { get; init; }

    /// <summary>Most shards of the keyspace that may change at one time, those that are changing included.</summary>
    public required int ShardsMax { get; init; }

    /// <summary>The nodes on which nothing is to be placed, and whose replicas are wanted elsewhere.</summary>
    public IReadOnlySet<string> Draining { get; init; } = FrozenSet<string>.Empty;

    /// <summary>Most shards that may begin to change although nothing compels them to.</summary>
    public int MovesMax { get; init; } = int.MaxValue;

    /// <summary>What replicas reported.</summary>
    public IReadOnlyCollection<ReplicaStatus> Statuses { get; init; } = [];

    /// <summary>
    /// On how many replicas of its shard an acknowledged write may be missing, over all quorums that the keyspace has had.
    /// </summary>
    public int MissingMax { get; init; }

    /// <summary>What is wished elsewhere although nothing compels it.</summary>
    public RebalancePlan Wishes { get; init; } = new();

    /// <summary>The nodes that may take replicas.</summary>
    public IEnumerable<PlacementNode> Placeable => Alive.Where(node => !Draining.Contains(node.Node));

    /// <summary>
    /// What a keyspace sees of the cluster: nodes that are away and draining are given up at once, and so is one that is not
    /// registered any more.
    /// </summary>
    /// <param name="topology">The nodes.</param>
    /// <param name="placedOn">The nodes that the map names.</param>
    /// <param name="away">The nodes that have been away for too long.</param>
    /// <param name="shardsMax">See <see cref="ShardsMax"/>.</param>
    public static RepairView Of(
        ClusterTopology topology,
        IEnumerable<string> placedOn,
        IReadOnlySet<string> away,
        int shardsMax
    )
    {
        var registered = topology.Nodes.Select(node => node.Registration.Node).ToHashSet(StringComparer.Ordinal);
        return new()
        {
            Alive = [.. topology.Nodes.Where(node => node.Alive).Select(NewKeyspace.CandidateOf)],
            Draining = Named(topology, node => node.Draining),
            Lost = Named(topology, node => node is { Draining: true, Alive: false })
                .Concat(away)
                .Concat(placedOn.Where(node => !registered.Contains(node)))
                .ToHashSet(StringComparer.Ordinal),
            ShardsMax = shardsMax,
        };
    }

    private static HashSet<string> Named(ClusterTopology topology, Func<NodeInfo, bool> which) =>
        topology.Nodes.Where(which).Select(node => node.Registration.Node).ToHashSet(StringComparer.Ordinal);
}
