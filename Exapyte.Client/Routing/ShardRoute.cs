using Exapyte.Client.Lanes;
using Exapyte.Keyspaces;

namespace Exapyte.Client.Routing;

/// <summary>Which replica an operation would rather go to.</summary>
internal enum Preference : byte
{
    /// <summary>The one on this node, else one in this region, else any.</summary>
    Nearest,

    /// <summary>The one that leads; where that is in another region, and one is in this region, the nearest.</summary>
    AnyMember,

    /// <summary>The one that leads.</summary>
    Leader,
}

/// <summary>
/// A shard's replicas and what is believed about them. Believed only: every replica checks for itself, and a wrong belief
/// costs a detour. Thread-safe.
/// </summary>
internal sealed class ShardRoute(ShardPlacement placement, ReplicaBatcher[] lanes, int leader, NodeRegions regions)
{
    private volatile Nearness? nearness;
    private volatile int leader = leader;

    public ShardPlacement Placement => placement;

    public ReplicaBatcher[] Lanes => lanes;

    /// <summary>The replica id of the believed leader; 0 where none is known.</summary>
    public long LeaderReplicaId
    {
        get
        {
            var at = leader;
            return at < 0 ? 0 : lanes[at].Key.ReplicaId;
        }
    }

    /// <summary>The replica led when it answered, or another one says so.</summary>
    public void LeaderIs(int lane)
    {
        if (leader != lane)
        {
            leader = lane;
        }
    }

    /// <summary>A member of the group says that the replica has come to lead it: nobody else does.</summary>
    public void LeaderHasBecome(int lane)
    {
        LeaderIs(lane);
        for (var other = 0; other < lanes.Length; other++)
        {
            if (other != lane)
            {
                lanes[other].LeaderMoved();
            }
        }
    }

    /// <summary>The replica does not lead, or does not answer.</summary>
    public void LeaderIsNot(int lane)
    {
        if (leader == lane)
        {
            leader = -1;
        }
    }

    /// <summary>Whether the believed leader is in another region, and another replica is in this one.</summary>
    public bool IsLeaderFar
    {
        get
        {
            var at = leader;
            return at >= 0 && Nearest().AreFar[at];
        }
    }

    /// <summary>Whether the replica would be asked in place of the believed leader, which is in another region.</summary>
    public bool IsAskedForLeader(int lane) => lane != leader && IsLeaderFar;

    /// <summary>The position of a replica; -1 where the shard has no such replica.</summary>
    public int IndexOf(long replicaId) => Array.FindIndex(lanes, lane => lane.Key.ReplicaId == replicaId);

    /// <summary>The lane to try at <paramref name="rank"/>, 0 being the best.</summary>
    public int Ranked(Preference preference, int rank)
    {
        if (preference == Preference.Nearest || (preference == Preference.AnyMember && IsLeaderFar))
        {
            return Nearest().Order[rank];
        }
        var first = leader;
        if (first <= 0)
        {
            return rank;
        }
        // The leader, then the others as they are placed.
        if (rank == 0)
        {
            return first;
        }
        return rank <= first ? rank - 1 : rank;
    }

    private Nearness Nearest()
    {
        var known = nearness;
        var version = regions.Version;
        if (known is null || known.Version != version)
        {
            // A stable order: replicas that are equally near stay as they are placed.
            var distances = Array.ConvertAll(lanes, lane => regions.DistanceTo(lane.Key.Node));
            int[] order = [.. Enumerable.Range(0, lanes.Length).OrderBy(at => distances[at])];
            nearness = known = new(
                version,
                order,
                Array.ConvertAll(
                    lanes,
                    lane => distances[order[0]] < NodeRegions.Elsewhere && regions.IsOfAnother(lane.Key.Node)
                )
            );
        }
        return known;
    }

    /// <param name="Version">That of the regions by which it was judged.</param>
    /// <param name="Order">The lanes, the nearest first.</param>
    /// <param name="AreFar">For each lane, whether it is in another region, and another one is not.</param>
    private sealed record Nearness(int Version, int[] Order, bool[] AreFar);
}
