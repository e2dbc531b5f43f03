namespace Exapyte.Client.Routing;

/// <summary>
/// The order in which one operation visits the replicas of its shard: where it was directed, else by preference, those
/// under suspicion or on lost nodes last, none twice before all were visited.
/// </summary>
internal struct ReplicaSelector(Preference preference)
{
    private uint visited;
    private int directed = -1;

    /// <summary>Goes to this replica next.</summary>
    public void Direct(int lane) => directed = lane;

    /// <summary>The map changed: nothing was visited yet.</summary>
    public void Restart()
    {
        visited = 0;
        directed = -1;
    }

    /// <summary>Passes over what is left on nodes that are lost: no answer is to be had there.</summary>
    public void PassOverLost(ShardRoute route)
    {
        for (var at = 0; at < route.Lanes.Length; at++)
        {
            visited |= route.Lanes[at].IsLost ? 1u << at : 0;
        }
    }

    /// <summary>Whether no replica of the shard is left to try.</summary>
    public readonly bool HasVisitedAll(ShardRoute route)
    {
        var all = (1u << route.Lanes.Length) - 1;
        return (visited & all) == all;
    }

    /// <summary>The position of the lane to try now; -1 where the shard has no replica.</summary>
    public int Next(ShardRoute route, long nowMs)
    {
        var next = directed;
        directed = -1;
        if (next < 0)
        {
            next = Choose(route, nowMs);
        }
        if (next >= 0)
        {
            visited |= 1u << next;
        }
        return next;
    }

    private int Choose(ShardRoute route, long nowMs)
    {
        var lanes = route.Lanes;
        if (HasVisitedAll(route))
        {
            visited = 0;
        }
        var last = -1;
        for (var rank = 0; rank < lanes.Length; rank++)
        {
            var at = route.Ranked(preference, rank);
            if ((visited & (1u << at)) != 0)
            {
                continue;
            }
            if (!lanes[at].IsLost && !lanes[at].CircuitBreaker.StaysAway(nowMs))
            {
                return at;
            }
            if (last < 0)
            {
                last = at;
            }
        }
        return last;
    }
}
