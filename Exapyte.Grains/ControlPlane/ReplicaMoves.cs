using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Decides the next step of a shard that nothing compels to change: away from nodes that drain, down to as many
/// replicas as are wanted, and where a balance of the cluster wishes it. One shard takes one step at a time, and only where a majority of it is alive. Pure.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>A raft shard replaces one replica: the group takes the new one in and lets the old one go by one change, once the
/// new one has caught up, so that it is never short of a replica. Its leader has been wanted elsewhere before.</item>
/// <item>A leaderless shard first grows by one and, once that one counts, lets the old one go and shrinks: no quorum is
/// ever short of a replica that answers. What its quorums acknowledged is on at least as many of those that stay as reads of
/// the smaller size are sure to meet (<see cref="MayShrink(KeyspaceSettings, int, int)"/>), and nobody uses an older map than the one that is changed:
/// every replica has reported so.</item>
/// <item>One that leaves stays until it has passed on what it took (<see cref="LeaderlessRepair.Confirmed"/>).</item>
/// </list>
/// </remarks>
internal static class ReplicaMoves
{
    /// <summary>The step that is due for a shard; nothing added and nothing dropped where none is.</summary>
    /// <param name="map">The map.</param>
    /// <param name="at">The position of the shard in it.</param>
    /// <param name="view">What is known.</param>
    /// <param name="loads">Replicas by node; those that are added here are counted.</param>
    public static ShardRepair Next(KeyspaceMap map, int at, RepairView view, Dictionary<string, int> loads)
    {
        var shard = map.Shards[at];
        var nothing = new ShardRepair(at, [], []);
        if (WhyNot(map, shard, view) is not null)
        {
            return nothing;
        }
        if (map.IsLeaderless && shard.Replicas.Length > map.Settings.Replicas)
        {
            return AllServeBy(map, shard, view.Statuses)
                ? nothing with
                {
                    Dropped = [FirstToGo(shard, view)],
                    Shrinks = true,
                }
                : nothing;
        }
        var going = shard.Replicas.Where(replica => view.Draining.Contains(replica.Node)).ToArray();
        if (going.Length == 0)
        {
            return Wished(map, at, view, loads);
        }
        if (!map.IsLeaderless && IsLedByOneThatGoes(shard, view.Draining))
        {
            return nothing;
        }
        // The last ones first: the preferred leader stays as long as it can.
        ReplicaPlacement[] dropped = map.IsLeaderless ? [] : [going[^1]];
        return nothing with
        {
            Dropped = dropped,
            Added = ReplicaRepair.Choose(shard.Replicas.Except(dropped), view.Alive, Free(shard, view), 1, loads),
        };
    }

    /// <summary>
    /// Whether a replica of the shard may be moved for the sake of balance: it is short of none, all its replicas are well, and
    /// nothing is under way.
    /// </summary>
    public static bool MayBeBalanced(KeyspaceMap map, ShardPlacement shard, RepairView view) =>
        !shard.IsChanging
        && shard.Lost == 0
        && shard.Replicas.Length == map.Settings.Replicas
        && Array.TrueForAll(
            shard.Replicas,
            replica => ReplicaRepair.IsAlive(replica, view.Alive) && !view.Draining.Contains(replica.Node)
        )
        && (!map.IsLeaderless || MayShrink(map, shard, 1, view.MissingMax));

    /// <summary>
    /// Whether the shard changes, or has fewer replicas on nodes that are well than it is to have and there is a node for
    /// another.
    /// </summary>
    public static bool AwaitsRepair(KeyspaceMap map, ShardPlacement shard, RepairView view) =>
        shard.IsChanging
        || (
            shard.Replicas.Count(replica =>
                ReplicaRepair.IsAlive(replica, view.Alive) && !view.Draining.Contains(replica.Node)
            ) < map.Settings.Replicas
            && Free(shard, view).Length > 0
        );

    /// <summary>What the keyspace has on nodes, one entry a node that has any.</summary>
    public static KeyspaceOnNode[] OnNodes(KeyspaceMap map, RepairView view) =>
        [
            .. map
                .Shards.SelectMany(shard => shard.Hosted)
                .CountBy(replica => replica.Node, StringComparer.Ordinal)
                .Select(counted => new KeyspaceOnNode
                {
                    Node = counted.Key,
                    Replicas = counted.Value,
                    Reasons = view.Draining.Contains(counted.Key) ? ReasonsOn(map, counted.Key, view) : [],
                }),
        ];

    /// <summary>
    /// Why the replicas of a node that drains do not move, and what to do; empty where they do, or there are none.
    /// </summary>
    public static string[] ReasonsOn(KeyspaceMap map, string node, RepairView view) =>
        [
            .. map
                .Shards.Where(shard => !shard.IsChanging && Array.Exists(shard.Replicas, one => one.Node == node))
                .Select(shard => WhyNot(map, shard, view))
                .OfType<string>()
                .CountBy(reason => reason, StringComparer.Ordinal)
                .Select(counted => $"Keyspace '{map.Name}', {counted.Value} of its shards: {counted.Key}"),
        ];

    /// <summary>
    /// Whether a leaderless shard may be sized by one replica less: reads of the smaller size meet whatever was acknowledged,
    /// and quorums of both sizes meet, for some replicas learn of it later than others.
    /// </summary>
    /// <param name="settings">The settings.</param>
    /// <param name="counted">Replicas by which it is sized now.</param>
    /// <param name="missingMax">On how many of them an acknowledged write may be missing.</param>
    public static bool MayShrink(KeyspaceSettings settings, int counted, int missingMax)
    {
        if (counted < 2)
        {
            return false;
        }
        var before = QuorumSizes.Of(settings, counted);
        var after = QuorumSizes.Of(settings, counted - 1);
        return (settings.Replication != ReplicationKind.Quorum || after.Read > missingMax)
            && before.Write + after.Read > counted
            && after.Write + before.Read > counted;
    }

    /// <summary>What keeps a shard from being changed of free will, as a sentence for a person; null where nothing does.</summary>
    private static string? WhyNot(KeyspaceMap map, ShardPlacement shard, RepairView view)
    {
        if (shard.IsChanging || shard.Lost > 0)
        {
            return "another change is under way.";
        }
        var living = shard.Replicas.Count(replica => ReplicaRepair.IsAlive(replica, view.Alive));
        if (living < KeyspaceRules.Majority(shard.Replicas.Length))
        {
            return "too few of its replicas are alive. Bring their nodes up.";
        }
        var isToShrink = shard.Replicas.Length > map.Settings.Replicas;
        if (map.IsLeaderless && !MayShrink(map, shard, isToShrink ? 0 : 1, view.MissingMax))
        {
            return "its writeQuorum and readQuorum, or those that it had before, do not allow that a replica takes another's "
                + "place while both are well. Set both to the default.";
        }
        return isToShrink || Free(shard, view).Length > 0
            ? null
            : "there is no other node that is alive and has none of its replicas. Start another node, or ask for fewer "
                + "replicas.";
    }

    private static bool MayShrink(KeyspaceMap map, ShardPlacement shard, int growth, int missingMax)
    {
        var counted = shard.Counted + growth;
        return MayShrink(
            map.Settings,
            counted,
            Math.Max(missingMax, counted - QuorumSizes.Of(map.Settings, counted).Write)
        );
    }

    /// <summary>The step for the sake of balance, where one is wished and can be made.</summary>
    private static ShardRepair Wished(KeyspaceMap map, int at, RepairView view, Dictionary<string, int> loads)
    {
        var shard = map.Shards[at];
        if (!MayBeBalanced(map, shard, view))
        {
            return new(at, [], []);
        }
        var free = Free(shard, view);
        foreach (var wish in view.Wishes.Moves.Where(wish => wish.ShardId == shard.ShardId))
        {
            if (
                Array.Find(shard.Replicas, replica => replica.Node == wish.From) is { } going
                && Array.Exists(free, node => node.Node == wish.To)
            )
            {
                loads[wish.To] = loads.GetValueOrDefault(wish.To) + 1;
                return new(at, map.IsLeaderless ? [] : [going], [wish.To]);
            }
        }
        return new(at, [], []);
    }

    private static PlacementNode[] Free(ShardPlacement shard, RepairView view) =>
        [.. view.Placeable.Where(node => !Array.Exists(shard.Hosted, replica => replica.Node == node.Node))];

    /// <summary>Whether all replicas that count serve by this map, and nothing that was begun by an earlier one goes on.</summary>
    private static bool AllServeBy(
        KeyspaceMap map,
        ShardPlacement shard,
        IReadOnlyCollection<ReplicaStatus> statuses
    ) =>
        Array.TrueForAll(
            shard.Replicas,
            replica =>
                statuses.Any(status =>
                    status.ReplicaId == replica.ReplicaId
                    && status is { Role: "replica", EarlierHaveEnded: true, Problem: "" }
                    && status.MapEpoch >= map.Epoch
                )
        );

    private static ReplicaPlacement FirstToGo(ShardPlacement shard, RepairView view) =>
        Array.FindLast(shard.Replicas, replica => view.Draining.Contains(replica.Node))
        ?? Array.Find(shard.Replicas, replica => IsWishedAway(shard, replica, view))
        ?? shard.Replicas[^1];

    private static bool IsWishedAway(ShardPlacement shard, ReplicaPlacement replica, RepairView view) =>
        Array.Exists(
            view.Wishes.Moves,
            wish =>
                wish.ShardId == shard.ShardId
                && wish.From == replica.Node
                && Array.Exists(shard.Replicas, other => other.Node == wish.To)
        );

    /// <summary>Leaders are handed over first, as far as there is another that stays.</summary>
    private static bool IsLedByOneThatGoes(ShardPlacement shard, IReadOnlySet<string> draining) =>
        draining.Contains(shard.Replicas[0].Node)
        && Array.Exists(shard.Replicas, replica => !draining.Contains(replica.Node));
}
