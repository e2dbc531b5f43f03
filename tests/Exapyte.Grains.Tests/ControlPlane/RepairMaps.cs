using Exapyte.Grains.ControlPlane;
using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Grains.Tests.ControlPlane;

/// <summary>Maps and nodes as tests of the control plane's decisions need them, and what their replicas report.</summary>
internal static class RepairMaps
{
    /// <summary>Most shards of a keyspace that change at once.</summary>
    public const int ShardsMax = 4;

    /// <summary>What the replicas on these nodes, or on all, report that have done all that the map asks and they can.</summary>
    public static ReplicaStatus[] Reports(KeyspaceMap map, HashSet<string>? alive = null) =>
        [
            .. map
                .Shards.SelectMany(shard => shard.Hosted.Select(replica => (Shard: shard, Replica: replica)))
                .Where(one => alive?.Contains(one.Replica.Node) ?? true)
                .Select(one => new ReplicaStatus
                {
                    ReplicaId = one.Replica.ReplicaId,
                    Node = one.Replica.Node,
                    Role = RoleOf(map, one.Shard, one.Replica, alive),
                    MapEpoch = map.Epoch,
                    Voters = [.. one.Shard.Replicas.Select(replica => replica.ReplicaId)],
                    CaughtUp =
                        one.Replica.Joining
                        && one.Shard.Replicas.All(other => other.Joining || (alive?.Contains(other.Node) ?? true)),
                    EarlierHaveEnded = true,
                }),
        ];

    public static string RoleOf(
        KeyspaceMap map,
        ShardPlacement shard,
        ReplicaPlacement replica,
        HashSet<string>? alive
    ) =>
        map.IsLeaderless
            ? replica.Joining
                ? "joining"
                : shard.Replicas.Contains(replica)
                    ? "replica"
                    : "leaving"
            : replica == shard.Replicas.FirstOrDefault(one => alive?.Contains(one.Node) ?? true)
                ? "leader"
                : "follower";

    public static NodeInfo NodeOf(string id, bool isAlive) =>
        new()
        {
            Registration = new()
            {
                Node = id,
                StoreId = 1,
                Region = "r",
                Zone = "z",
            },
            FirstSeenMs = 1,
            RegisteredMs = 1,
            Alive = isAlive,
        };

    /// <summary>The map with the repairs that are due; its new replicas have ids from the first on.</summary>
    public static KeyspaceMap Repaired(KeyspaceMap map, string[] alive, HashSet<string> lost, long firstId)
    {
        var plan = Plan(map, Living(alive), lost, ShardsMax);
        return ReplicaRepair.With(map, plan, firstId, nodeEpoch: 7) with { Epoch = map.Epoch + 1 };
    }

    public static List<ShardRepair> Plan(KeyspaceMap map, PlacementNode[] alive, HashSet<string> lost, int shardsMax) =>
        ReplicaRepair.Plan(
            map,
            new()
            {
                Alive = alive,
                Lost = lost,
                ShardsMax = shardsMax,
            }
        );

    /// <summary>Nodes that are alive, each without a zone.</summary>
    public static PlacementNode[] Living(params string[] nodes) =>
        Array.ConvertAll(nodes, node => new PlacementNode(node, ""));

    public static KeyspaceSettings OfRaft(int replicas) => new() { Replicas = replicas };

    public static KeyspaceSettings Quorum(int replicas) =>
        new() { Replication = ReplicationKind.Quorum, Replicas = replicas };

    public static KeyspaceSettings Async(int replicas) =>
        new() { Replication = ReplicationKind.Async, Replicas = replicas };

    public static KeyspaceMap MapOf(KeyspaceSettings settings, params string[][] shards)
    {
        long id = 100;
        return new()
        {
            Name = "k",
            KeyspaceId = 1,
            Epoch = 3,
            Settings = settings with { Shards = shards.Length },
            Shards = Array.ConvertAll(
                shards,
                nodes => new ShardPlacement
                {
                    ShardId = id++,
                    FirstSlot = 0,
                    Replicas = Array.ConvertAll(nodes, node => new ReplicaPlacement { ReplicaId = id++, Node = node }),
                }
            ),
        };
    }
}
