using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Grains.ControlPlane;

/// <summary>What is to change about one shard's replicas.</summary>
/// <param name="Shard">The position of the shard in the map.</param>
/// <param name="Dropped">Replicas that are not wanted any more.</param>
/// <param name="Added">Nodes that get a new replica each.</param>
internal readonly record struct ShardRepair(int Shard, ReplicaPlacement[] Dropped, string[] Added)
{
    /// <summary>Leaderless: the shard is sized by that many replicas less; else what is dropped is counted as lost.</summary>
    public bool Shrinks { get; init; }

    /// <summary>Whether there is nothing to do.</summary>
    public bool IsNothing => Dropped.Length + Added.Length == 0;
}

/// <summary>
/// Decides which replicas to add and to drop, and when a change is complete. Pure.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>A replica is added where there are fewer than the settings want, on an alive node that holds none of the shard.</item>
/// <item>A replica of a lost node is dropped only together with the one that takes its place, and only while a majority
/// of the group is alive: without one nothing can change, and what is lost may still come back with what only it has.</item>
/// <item>A shard without any replica that has belonged to its group is left alone: nobody could take a new one in.</item>
/// <item>A shard that is being split is left as it is until that is done, and so is the one that is split off.</item>
/// <item>What nothing compels comes after that: <see cref="ReplicaMoves"/>.</item>
/// <item>At most so many shards change at one time; one that changes is not changed again before it is done, unless a
/// replica that is joining was lost.</item>
/// <item>A leaderless shard that lost a replica counts it as lost (<see cref="ShardPlacement.Lost"/>) until another one has
/// copied what all that are left hold: a write that the lost one acknowledged is held by one replica less, and only
/// quorums of the old size are sure to meet it.</item>
/// </list>
/// </remarks>
internal static class ReplicaRepair
{
    /// <summary>Whether the keyspace's replicas are looked after: those of every keyspace that exists.</summary>
    public static bool IsFor(KeyspaceMap map) => !map.Deleted;

    /// <summary>The repairs and moves that are due.</summary>
    /// <param name="map">The map.</param>
    /// <param name="view">What is known of the nodes and the replicas.</param>
    public static List<ShardRepair> Plan(KeyspaceMap map, RepairView view) => Plan(map, view, out _);

    /// <summary>The repairs and moves that are due.</summary>
    /// <param name="map">The map.</param>
    /// <param name="view">What is known of the nodes and the replicas.</param>
    /// <param name="moves">How many of them nothing compels.</param>
    public static List<ShardRepair> Plan(KeyspaceMap map, RepairView view, out int moves)
    {
        var loads = map
            .Shards.SelectMany(shard => shard.Replicas)
            .CountBy(replica => replica.Node, StringComparer.Ordinal)
            .ToDictionary(StringComparer.Ordinal);
        var changing = map.Shards.Count(shard => shard.IsChanging);
        moves = 0;
        List<ShardRepair> repairs = [];
        for (var at = 0; at < map.Shards.Length; at++)
        {
            var shard = map.Shards[at];
            var mayBegin = shard.IsChanging || changing < view.ShardsMax;
            if (!mayBegin || !shard.Replicas.Any(IsMember) || map.FormingFrom(shard.ShardId) is not null)
            {
                continue;
            }
            var repair = map.IsLeaderless
                ? LeaderlessRepair.Of(shard, at, map.Settings.Replicas, view, loads)
                : Of(shard, at, map.Settings.Replicas, view, loads);
            if (repair.IsNothing && moves < view.MovesMax)
            {
                repair = ReplicaMoves.Next(map, at, view, loads);
                moves += repair.IsNothing ? 0 : 1;
            }
            if (!repair.IsNothing)
            {
                repairs.Add(repair);
                changing += shard.IsChanging ? 0 : 1;
            }
        }
        return repairs;
    }

    /// <summary>The map with the repairs as its intent; its epoch is left to the caller.</summary>
    /// <param name="map">The map that was planned on.</param>
    /// <param name="repairs">The repairs.</param>
    /// <param name="firstId">The first of as many ids as replicas are added.</param>
    /// <param name="nodeEpoch">The node epoch of which the nodes are.</param>
    public static KeyspaceMap With(KeyspaceMap map, IReadOnlyList<ShardRepair> repairs, long firstId, long nodeEpoch)
    {
        var shards = (ShardPlacement[])map.Shards.Clone();
        foreach (var repair in repairs)
        {
            var shard = shards[repair.Shard];
            shards[repair.Shard] = shard with
            {
                Replicas =
                [
                    .. shard.Replicas.Except(repair.Dropped),
                    .. repair.Added.Select(node => new ReplicaPlacement
                    {
                        ReplicaId = firstId++,
                        Node = node,
                        NodeEpoch = nodeEpoch,
                        Joining = true,
                    }),
                ],
                Leaving = [.. shard.Leaving ?? [], .. repair.Dropped],
                Lost = shard.Lost + (map.IsLeaderless && !repair.Shrinks ? repair.Dropped.Count(IsMember) : 0),
            };
        }
        return map with { Shards = shards };
    }

    /// <summary>
    /// The map without what its shards have completed. A raft group's change is done once a leader that serves by this map
    /// has applied a configuration whose voters are exactly the wanted replicas, and so has a majority of these: a leader
    /// that alone knew it could die, and the others would still need the replicas that the map is then without. For
    /// leaderless shards see <see cref="LeaderlessRepair.Confirmed"/>. Itself where nothing is done.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="statuses">What replicas reported.</param>
    /// <param name="lost">The nodes that are given up: nobody waits for what they may still have.</param>
    public static KeyspaceMap Confirmed(
        KeyspaceMap map,
        IReadOnlyCollection<ReplicaStatus> statuses,
        IReadOnlySet<string> lost
    )
    {
        if (map.IsLeaderless)
        {
            return LeaderlessRepair.Confirmed(map, statuses, lost);
        }
        var byReplica = statuses.ToLookup(status => status.ReplicaId);
        ShardPlacement[] shards =
        [
            .. map.Shards.Select(shard =>
                shard.IsChanging && IsDone(shard, map.Epoch, byReplica) ? Settled(shard) : shard
            ),
        ];
        return shards.SequenceEqual(map.Shards) ? map : map with { Shards = shards };
    }

    /// <summary>
    /// The map with preferred leaders spread over the nodes that hold replicas and do not drain. While shards are changing
    /// only those that a draining node leads are led by another. Itself where nothing changes.
    /// </summary>
    /// <param name="map">The map.</param>
    /// <param name="draining">The nodes that drain.</param>
    /// <param name="alive">The nodes that are alive, with their weights; of others it is taken to be 1.</param>
    public static KeyspaceMap Spread(
        KeyspaceMap map,
        IReadOnlySet<string> draining,
        IReadOnlyCollection<PlacementNode>? alive = null
    )
    {
        var isChanging = Array.Exists(map.Shards, shard => shard.IsChanging);
        var placed = Array.FindAll(
            map.Shards,
            shard => shard.Replicas.Length > 0 && (!isChanging || IsToBeHandedOver(shard, draining))
        );
        if (map.IsLeaderless || placed.Length == 0)
        {
            return map;
        }
        List<string> nodes = [.. placed.SelectMany(shard => shard.Replicas).Select(replica => replica.Node).Distinct()];
        var members = Array.ConvertAll(
            placed,
            shard => Array.ConvertAll(MayLead(shard, draining), replica => nodes.IndexOf(replica.Node))
        );
        var weights = (alive ?? []).ToDictionary(node => node.Node, node => node.Weight, StringComparer.Ordinal);
        LeaderSpread.Improve(members, [.. nodes.Select(node => weights.GetValueOrDefault(node, 1))]);
        var first = placed.Zip(members).ToDictionary(pair => pair.First.ShardId, pair => nodes[pair.Second[0]]);
        ShardPlacement[] shards =
        [
            .. map.Shards.Select(shard =>
                first.TryGetValue(shard.ShardId, out var leader) && shard.Replicas[0].Node != leader
                    ? shard with
                    {
                        Replicas = [.. shard.Replicas.OrderBy(replica => replica.Node != leader)],
                    }
                    : shard
            ),
        ];
        return shards.SequenceEqual(map.Shards) ? map : map with { Shards = shards };
    }

    /// <summary>Whether a shard that does not change is led from a draining node although another could.</summary>
    public static bool IsToBeHandedOver(ShardPlacement shard, IReadOnlySet<string> draining) =>
        !shard.IsChanging && shard.Replicas.Length > 0 && MayLead(shard, draining)[0] != shard.Replicas[0];

    private static ReplicaPlacement[] MayLead(ShardPlacement shard, IReadOnlySet<string> draining) =>
        Array.FindAll(shard.Replicas, replica => !draining.Contains(replica.Node)) is { Length: > 0 } staying
            ? staying
            : shard.Replicas;

    /// <summary>
    /// Whether a replica whose data is gone can go at once. A raft group must not be left short of a majority of the
    /// members it has; a leaderless shard needs another replica that has what was written.
    /// </summary>
    public static bool CanSpare(KeyspaceMap map, long replicaId)
    {
        if (map.IsLeaderless)
        {
            return LeaderlessRepair.CanSpare(map, replicaId);
        }
        foreach (var shard in map.Shards)
        {
            var members = shard.Hosted.Where(IsMember).ToArray();
            if (Array.Exists(members, replica => replica.ReplicaId == replicaId))
            {
                return members.Length - 1 >= KeyspaceRules.Majority(members.Length);
            }
        }
        return true;
    }

    private static bool IsDone(ShardPlacement shard, long epoch, ILookup<long, ReplicaStatus> statuses)
    {
        var wanted = shard.Replicas.Select(replica => replica.ReplicaId).ToHashSet();
        var agreeing = wanted
            .Select(id => statuses[id].Where(status => wanted.SetEquals(status.Voters)).ToArray())
            .ToArray();
        return agreeing.Count(words => words.Length > 0) >= KeyspaceRules.Majority(wanted.Count)
            && agreeing
                .SelectMany(words => words)
                .Any(word => word.Role == "leader" && word.MapEpoch >= epoch && word.Learners.Length == 0);
    }

    private static ShardPlacement Settled(ShardPlacement shard) =>
        shard with
        {
            Replicas = Array.ConvertAll(shard.Replicas, replica => replica with { Joining = false }),
            Leaving = [],
        };

    private static ShardRepair Of(
        ShardPlacement shard,
        int at,
        int wanted,
        RepairView view,
        Dictionary<string, int> loads
    )
    {
        var repair = Refilled(shard, at, wanted, view, Lost(shard, view), loads);
        return !shard.IsChanging && repair.Dropped.Length == 0 && shard.Replicas.Length > wanted
            ? repair with
            {
                Dropped = Surplus(shard, view, wanted),
            }
            : repair;
    }

    /// <summary>What is missing is added and what is lost replaced, as far as nodes are free that hold none of the shard.</summary>
    internal static ShardRepair Refilled(
        ShardPlacement shard,
        int at,
        int wanted,
        RepairView view,
        IEnumerable<ReplicaPlacement> lost,
        Dictionary<string, int> loads
    )
    {
        PlacementNode[] free =
        [
            .. view.Placeable.Where(node => !Array.Exists(shard.Hosted, replica => replica.Node == node.Node)),
        ];
        var missing = shard.IsChanging ? 0 : Math.Max(0, wanted - shard.Replicas.Length);
        var dropped = lost.Take(Math.Max(0, free.Length - missing)).ToArray();
        var added = Choose(shard.Replicas.Except(dropped), view.Alive, free, missing + dropped.Length, loads);
        return new(at, dropped, added);
    }

    private static IEnumerable<ReplicaPlacement> Lost(ShardPlacement shard, RepairView view)
    {
        var members = shard.Hosted.Where(IsMember).ToArray();
        return members.Count(replica => IsAlive(replica, view.Alive)) < KeyspaceRules.Majority(members.Length)
            ? []
            : shard.Replicas.Where(replica =>
                view.Lost.Contains(replica.Node) && (replica.Joining || !shard.IsChanging)
            );
    }

    /// <summary>With fewer replicas wanted than there are: those that are away go first, then those on nodes that drain, then the last ones.</summary>
    private static ReplicaPlacement[] Surplus(ShardPlacement shard, RepairView view, int wanted) =>
        [
            .. shard
                .Replicas.Reverse()
                .OrderBy(replica => IsAlive(replica, view.Alive))
                .ThenBy(replica => !view.Draining.Contains(replica.Node))
                .Take(shard.Replicas.Length - wanted),
        ];

    /// <summary>As a new keyspace's: fewest replicas of the shard in the zone first, then fewest at all by weight, then by name.</summary>
    internal static string[] Choose(
        IEnumerable<ReplicaPlacement> kept,
        IReadOnlyCollection<PlacementNode> alive,
        PlacementNode[] free,
        int count,
        Dictionary<string, int> loads
    )
    {
        var zones = alive.ToDictionary(node => node.Node, node => node.Zone, StringComparer.Ordinal);
        var inZone = kept.Where(replica => zones.ContainsKey(replica.Node))
            .CountBy(replica => zones[replica.Node], StringComparer.Ordinal)
            .ToDictionary(StringComparer.Ordinal);
        List<string> chosen = [];
        while (chosen.Count < count && chosen.Count < free.Length)
        {
            var best = free.Where(node => !chosen.Contains(node.Node))
                .OrderBy(node => inZone.GetValueOrDefault(node.Zone))
                .ThenBy(node => node.LoadWithOneMore(loads.GetValueOrDefault(node.Node)))
                .ThenBy(node => node.Node, StringComparer.Ordinal)
                .First();
            chosen.Add(best.Node);
            loads[best.Node] = loads.GetValueOrDefault(best.Node) + 1;
            inZone[best.Zone] = inZone.GetValueOrDefault(best.Zone) + 1;
        }
        return [.. chosen];
    }

    internal static bool IsMember(ReplicaPlacement replica) => !replica.Joining;

    internal static bool IsAlive(ReplicaPlacement replica, IReadOnlyCollection<PlacementNode> alive) =>
        alive.Any(node => node.Node == replica.Node);
}
