using Exapyte.Keyspaces;

namespace Exapyte.Grains.ControlPlane;

/// <summary>What a keyspace's grain remembers. Immutable: a change makes another, which counts once it is stored.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.keyspace-state")]
public sealed record KeyspaceState
{
    /// <summary>
    /// Deleted keyspaces of this name that are remembered until their nodes know; more are forgotten, oldest first: a node
    /// asks for those it hosts in any case when it is back.
    /// </summary>
    public const int DeletedMax = 16;

    /// <summary>The keyspace's map, the intent; null where there is no such keyspace.</summary>
    [Id(0)]
    public KeyspaceMap? Map { get; init; }

    /// <summary>Whether its creation has been reported as done: a majority of every shard's nodes had it.</summary>
    [Id(1)]
    public bool Created { get; init; }

    /// <summary>The node epoch by which its replicas were placed.</summary>
    [Id(2)]
    public long PlacedAtNodeEpoch { get; init; }

    /// <summary>The name is entered and every placed node has the map of this epoch: nothing is left to do for it.</summary>
    [Id(3)]
    public long SettledEpoch { get; init; }

    /// <summary>
    /// Highest epoch of any keyspace of this name that is remembered. Lives of a name are told apart by the keyspace's id,
    /// and only maps of one id by their epoch.
    /// </summary>
    [Id(4)]
    public long LastEpoch { get; init; }

    /// <summary>Maps of deleted keyspaces of this name that live nodes, or nodes that host replicas, have yet to be told of.</summary>
    [Id(5)]
    public KeyspaceMap[] Deleted { get; init; } = [];

    /// <summary>
    /// The largest <see cref="QuorumHistory.MissingMax"/> of the maps that the keyspace has had before this one; 0 also where
    /// that was not recorded, and then this map is taken to be all there was.
    /// </summary>
    [Id(10)]
    public int MissingBefore { get; init; }

    /// <summary>On how many replicas of its shard an acknowledged write may be missing, at most.</summary>
    public int MissingMax => Map is null ? 0 : Math.Max(MissingBefore, QuorumHistory.MissingMax(Map));

    /// <summary>Whether something is left to do.</summary>
    public bool IsUnfinished => Deleted.Length > 0 || IsMapUnfinished;

    /// <summary>Whether something is left to do for the map.</summary>
    public bool IsMapUnfinished => Map is not null && (!Created || SettledEpoch != Map.Epoch);

    /// <summary>With a new keyspace as the intent. The map's epoch must be above <see cref="LastEpoch"/>.</summary>
    public KeyspaceState WithNew(KeyspaceMap map, long nodeEpoch) =>
        this with
        {
            Map = map,
            Created = false,
            PlacedAtNodeEpoch = nodeEpoch,
            SettledEpoch = 0,
            LastEpoch = map.Epoch,
            MissingBefore = 0,
        };

    /// <summary>With the map changed, at the next epoch.</summary>
    public KeyspaceState WithChanged(KeyspaceMap map) =>
        this with
        {
            Map = map with { Epoch = LastEpoch + 1 },
            LastEpoch = LastEpoch + 1,
            MissingBefore = MissingMax,
        };

    /// <summary>With the keyspace deleted, at the next epoch.</summary>
    public KeyspaceState WithoutMap()
    {
        var deleted = Map! with { Deleted = true, Epoch = LastEpoch + 1 };
        return this with
        {
            Map = null,
            Created = false,
            LastEpoch = LastEpoch + 1,
            Deleted = [.. Deleted.TakeLast(DeletedMax - 1), deleted],
        };
    }

    /// <summary>
    /// Without the replicas that were placed on a node before <paramref name="nodeEpoch"/>, at the next epoch; itself where
    /// there are none. They are not leaving: what they held is gone, and nobody needs to keep it. In a leaderless shard those
    /// that counted are lost: its quorums stay what they were.
    /// </summary>
    public KeyspaceState WithoutNode(string node, long nodeEpoch)
    {
        return Without(replica =>
            replica.Node == node && (replica.NodeEpoch > 0 ? replica.NodeEpoch : PlacedAtNodeEpoch) < nodeEpoch
        );
    }

    /// <summary>Without one replica, at the next epoch; itself where it is not there. It is not leaving, it is gone.</summary>
    public KeyspaceState WithoutReplica(long replicaId) => Without(replica => replica.ReplicaId == replicaId);

    private KeyspaceState Without(Predicate<ReplicaPlacement> isGone) =>
        Map is null || !Array.Exists(Map.Shards, shard => Array.Exists(shard.Hosted, isGone))
            ? this
            : WithChanged(
                Map with
                {
                    Shards = Array.ConvertAll(
                        Map.Shards,
                        shard =>
                            shard with
                            {
                                Lost =
                                    shard.Lost
                                    + (Map.IsLeaderless ? shard.Replicas.Count(one => !one.Joining && isGone(one)) : 0),
                                Replicas = Array.FindAll(shard.Replicas, replica => !isGone(replica)),
                                Leaving = Array.FindAll(shard.Leaving ?? [], replica => !isGone(replica)),
                            }
                    ),
                }
            );
}
