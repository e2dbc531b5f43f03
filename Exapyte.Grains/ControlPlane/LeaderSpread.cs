namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Chooses each shard's preferred leader among its replicas so that the fullest node, by its weight, leads as few shards as
/// possible.
/// </summary>
/// <remarks>
/// Starts greedily, then moves leaderships along augmenting paths (shard led by A that B could lead, shard led by B that
/// C could lead, ...) from a node to one that carries less even with one more, until there is none: with equal weights
/// one that leads at least two fewer, and the semi-matching that is
/// then reached is optimal (Harvey, Ladner, Lovasz, Tamir: Semi-matchings for bipartite graphs and load balancing, 2006,
/// section 4).
/// </remarks>
internal static class LeaderSpread
{
    /// <summary>Moves the chosen leader of each shard to the front of its members.</summary>
    /// <param name="shards">Members of each shard, as node indexes.</param>
    /// <param name="weights">Weights of the nodes, at least 1.</param>
    public static void Even(int[][] shards, int[] weights)
    {
        var led = new int[weights.Length];
        foreach (var members in shards)
        {
            MakeLeader(members, members.MinBy(member => (led[member] + 1.0) / weights[member]));
            led[members[0]]++;
        }
        while (TryImprove(shards, led, weights)) { }
    }

    /// <summary>The same from the leaders as they are, the first of each shard: no more of them move than must.</summary>
    /// <param name="shards">Members of each shard, at least one, as node indexes.</param>
    /// <param name="weights">Weights of the nodes, at least 1.</param>
    public static void Improve(int[][] shards, int[] weights)
    {
        var led = new int[weights.Length];
        foreach (var members in shards)
        {
            led[members[0]]++;
        }
        while (TryImprove(shards, led, weights)) { }
    }

    private static bool TryImprove(int[][] shards, int[] led, int[] weights)
    {
        var nodes = Enumerable.Range(0, led.Length);
        foreach (var fullest in nodes.OrderByDescending(node => (double)led[node] / weights[node]))
        {
            if (!nodes.Any(node => IsRelief(fullest, node)))
            {
                return false;
            }
            var cameBy = PathsFrom(fullest, shards, led.Length);
            var emptiest = nodes
                .Where(node => cameBy[node] >= 0 && IsRelief(fullest, node))
                .DefaultIfEmpty(-1)
                .MinBy(node => node < 0 ? 0 : (led[node] + 1.0) / weights[node]);
            if (emptiest < 0)
            {
                continue;
            }
            Shift(shards, cameBy, fullest, emptiest);
            led[fullest]--;
            led[emptiest]++;
            return true;
        }
        return false;

        bool IsRelief(int from, int to) => (led[to] + 1L) * weights[from] < (long)led[from] * weights[to];
    }

    /// <summary>For each node the shard whose leadership would move to it on a shortest path; -1 where none leads there.</summary>
    private static int[] PathsFrom(int start, int[][] shards, int nodes)
    {
        var cameBy = new int[nodes];
        Array.Fill(cameBy, -1);
        Queue<int> frontier = new([start]);
        while (frontier.TryDequeue(out var node))
        {
            for (var shard = 0; shard < shards.Length; shard++)
            {
                if (shards[shard][0] != node)
                {
                    continue;
                }
                foreach (var member in shards[shard].AsSpan(1))
                {
                    if (member != start && cameBy[member] < 0)
                    {
                        cameBy[member] = shard;
                        frontier.Enqueue(member);
                    }
                }
            }
        }
        return cameBy;
    }

    private static void Shift(int[][] shards, int[] cameBy, int from, int to)
    {
        while (to != from)
        {
            var members = shards[cameBy[to]];
            var previous = members[0];
            MakeLeader(members, to);
            to = previous;
        }
    }

    private static void MakeLeader(int[] members, int leader)
    {
        var at = Array.IndexOf(members, leader);
        (members[0], members[at]) = (members[at], members[0]);
    }
}
