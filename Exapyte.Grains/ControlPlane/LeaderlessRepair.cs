using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Grains.ControlPlane;

/// <summary>The decisions of <see cref="ReplicaRepair"/> about leaderless shards. Pure.</summary>
/// <remarks>
/// Quorums of two epochs that are in use at the same time must meet. That holds where a joining replica takes the place of
/// a lost one, for the quorums' sizes stay; and where one is added, as long as one acknowledgement of the new replica,
/// which the readers of the epoch before do not ask, may be missing from a write quorum. Where the settings leave no such
/// room the shard passes through an epoch in which the new one is counted as lost: the sizes have grown then, and the new
/// one is neither asked nor counted on. A replica reports that it is caught up only for an epoch by which all others
/// serve, so no more than two epochs are ever in use.
/// </remarks>
internal static class LeaderlessRepair
{
    /// <summary>The repair of one shard.</summary>
    /// <param name="shard">The shard.</param>
    /// <param name="at">Its position in the map.</param>
    /// <param name="wanted">Replicas wanted.</param>
    /// <param name="view">What is known.</param>
    /// <param name="loads">Replicas by node; those that are added here are counted.</param>
    public static ShardRepair Of(
        ShardPlacement shard,
        int at,
        int wanted,
        RepairView view,
        Dictionary<string, int> loads
    ) => ReplicaRepair.Refilled(shard, at, wanted, view, Lost(shard, view), loads);

    /// <summary>
    /// The map with what the replicas have completed, at most one replica a shard: one that is joining is settled once it
    /// has reported, by this map, that it is caught up; one that is leaving goes once none is joining and it has passed on all
    /// that it took, by its own word, or its node is given up. Itself where nothing is done.
    /// </summary>
    public static KeyspaceMap Confirmed(
        KeyspaceMap map,
        IReadOnlyCollection<ReplicaStatus> statuses,
        IReadOnlySet<string> lost
    )
    {
        var reports = statuses.Where(status => status.MapEpoch >= map.Epoch).ToArray();
        var caughtUp = reports.Where(status => status.CaughtUp).Select(status => status.ReplicaId).ToHashSet();
        var emptied = reports
            .Where(status => status is { Role: "leaving", EarlierHaveEnded: true, PendingPushes: 0 })
            .Select(status => status.ReplicaId)
            .ToHashSet();
        ShardPlacement[] shards =
        [
            .. map.Shards.Select(shard =>
                Released(
                    Settled(map.Settings, shard, caughtUp),
                    replica => emptied.Contains(replica.ReplicaId) || lost.Contains(replica.Node)
                )
            ),
        ];
        return shards.SequenceEqual(map.Shards) ? map : map with { Shards = shards };
    }

    /// <summary>Whether another replica of the shard has what was written: then the new one can copy it.</summary>
    public static bool CanSpare(KeyspaceMap map, long replicaId)
    {
        var shard = Array.Find(
            map.Shards,
            one => Array.Exists(one.Replicas, replica => replica.ReplicaId == replicaId)
        );
        return shard is null
            || Array.Exists(
                shard.Replicas,
                replica => ReplicaRepair.IsMember(replica) && replica.ReplicaId != replicaId
            );
    }

    private static ShardPlacement Settled(KeyspaceSettings settings, ShardPlacement shard, HashSet<long> caughtUp)
    {
        var next = Array.FindIndex(shard.Replicas, replica => replica.Joining && caughtUp.Contains(replica.ReplicaId));
        if (next < 0)
        {
            return shard;
        }
        if (shard.Lost == 0 && !MayGrow(settings, shard.Counted))
        {
            return shard with { Lost = 1 };
        }
        var replicas = (ReplicaPlacement[])shard.Replicas.Clone();
        replicas[next] = replicas[next] with { Joining = false };
        return shard with { Replicas = replicas, Lost = Math.Max(0, shard.Lost - 1) };
    }

    /// <summary>One that is leaving stays as long as another is on its way into its place, and has not got all it took.</summary>
    private static ShardPlacement Released(ShardPlacement shard, Predicate<ReplicaPlacement> mayGo) =>
        shard.Leaving is { Length: > 0 } leaving
        && !Array.Exists(shard.Replicas, replica => replica.Joining)
        && Array.Exists(leaving, mayGo)
            ? shard with
            {
                Leaving = Array.FindAll(leaving, replica => !mayGo(replica)),
            }
            : shard;

    /// <summary>Whether the quorums of that many replicas meet those of one more, the new one left out.</summary>
    private static bool MayGrow(KeyspaceSettings settings, int counted)
    {
        var before = QuorumSizes.Of(settings, counted);
        var after = QuorumSizes.Of(settings, counted + 1);
        return before.Read + after.Write - 1 > counted && before.Write + after.Read - 1 > counted;
    }

    /// <summary>
    /// Replicas on nodes that were given up. One that counts is, only while a majority is alive: what the others do not
    /// have may still come back with it. That holds while the shard changes too, for the one that joins waits for it.
    /// </summary>
    private static IEnumerable<ReplicaPlacement> Lost(ShardPlacement shard, RepairView view)
    {
        var living = shard.Replicas.Count(replica =>
            ReplicaRepair.IsMember(replica) && ReplicaRepair.IsAlive(replica, view.Alive)
        );
        var mayDrop = living >= KeyspaceRules.Majority(shard.Counted);
        return shard.Replicas.Where(replica =>
            view.Lost.Contains(replica.Node) && living > 0 && (replica.Joining || mayDrop)
        );
    }
}
