using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// What a balance of the cluster wishes of a keyspace. Kept in memory only, and only as long as it is repeated: who wishes it
/// keeps the plan, and wishes that nobody stands behind any more are to come to nothing. For one caller at a time.
/// </summary>
internal sealed class WishedMoves(TimeProvider time)
{
    private static readonly TimeSpan HeardWithin = TimeSpan.FromSeconds(30);
    private static readonly RebalancePlan Nothing = new();

    private RebalancePlan wishes = Nothing;
    private long heardAt;

    /// <summary>What is wished now.</summary>
    public RebalancePlan Current => time.GetElapsedTime(heardAt) > HeardWithin ? Nothing : wishes;

    /// <summary>Takes what is wished from now on; whether that is something else than before.</summary>
    public bool Take(RebalancePlan wished)
    {
        var before = Current;
        (wishes, heardAt) = (wished, time.GetTimestamp());
        return !before.Moves.SequenceEqual(wished.Moves) || !before.Leaders.SequenceEqual(wished.Leaders);
    }

    /// <summary>
    /// The map with leaders preferred as is wished, of shards that do not change; itself where none is wished that can be.
    /// </summary>
    public static KeyspaceMap WithLeaders(KeyspaceMap map, RebalancePlan wishes)
    {
        if (map.IsLeaderless || wishes.Leaders.Length == 0)
        {
            return map;
        }
        var shards = Array.ConvertAll(map.Shards, shard => Led(shard, wishes));
        return shards.SequenceEqual(map.Shards) ? map : map with { Shards = shards };
    }

    private static ShardPlacement Led(ShardPlacement shard, RebalancePlan wishes) =>
        !shard.IsChanging
        && Array.Find(wishes.Leaders, wish => wish.ShardId == shard.ShardId) is { } wish
        && shard.Replicas.Length > 0
        && shard.Replicas[0].Node == wish.From
        && Array.Exists(shard.Replicas, replica => replica.Node == wish.To)
            ? shard with
            {
                Replicas = [.. shard.Replicas.OrderBy(replica => replica.Node != wish.To)],
            }
            : shard;
}
