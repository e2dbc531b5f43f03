using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Grains.Balance;

/// <summary>Tells from the maps how far moves are. Pure.</summary>
internal static class RebalanceProgress
{
    /// <summary>Whether the move is over.</summary>
    public static bool IsOver(ReplicaMove move) => move.State is not (MoveState.Pending or MoveState.Moving);

    /// <summary>The move of a replica as it is by a map; null: the keyspace is gone.</summary>
    /// <param name="move">The move as it was last known.</param>
    /// <param name="map">The map.</param>
    /// <param name="nodes">The nodes that may take replicas, those included that are away for a while.</param>
    /// <param name="cancelled">Nothing that has not begun is to begin.</param>
    public static ReplicaMove Of(ReplicaMove move, KeyspaceMap? map, IReadOnlySet<string> nodes, bool cancelled) =>
        IsOver(move) ? move : move with { State = StateOf(move, ShardOf(move, map), nodes, cancelled) };

    /// <summary>The same of a leader's hand-over.</summary>
    public static ReplicaMove OfLeader(ReplicaMove move, KeyspaceMap? map, bool cancelled) =>
        IsOver(move)
            ? move
            : move with
            {
                State =
                    ShardOf(move, map)?.Replicas is not { Length: > 0 } replicas ? MoveState.Skipped
                    : replicas[0].Node == move.To ? MoveState.Done
                    : replicas[0].Node != move.From || !Has(replicas, move.To) ? MoveState.Skipped
                    : cancelled ? MoveState.Cancelled
                    : MoveState.Pending,
            };

    private static ShardPlacement? ShardOf(ReplicaMove move, KeyspaceMap? map) =>
        map is null ? null : Array.Find(map.Shards, one => one.ShardId == move.ShardId);

    private static MoveState StateOf(
        ReplicaMove move,
        ShardPlacement? shard,
        IReadOnlySet<string> nodes,
        bool cancelled
    )
    {
        if (shard is null)
        {
            return MoveState.Skipped;
        }
        var isThere = Has(shard.Replicas, move.To);
        var isHere = Has(shard.Replicas, move.From);
        if (isThere)
        {
            // Before the old one is gone, or the new one counts, it may yet come otherwise.
            return isHere || shard.IsChanging ? MoveState.Moving : MoveState.Done;
        }
        if (!isHere)
        {
            return MoveState.Skipped;
        }
        return cancelled ? MoveState.Cancelled
            : nodes.Contains(move.To) && nodes.Contains(move.From) ? MoveState.Pending
            : MoveState.Skipped;
    }

    private static bool Has(ReplicaPlacement[] replicas, string node) =>
        Array.Exists(replicas, replica => replica.Node == node);
}
