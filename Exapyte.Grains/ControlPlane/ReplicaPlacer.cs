namespace Exapyte.Grains.ControlPlane;

/// <summary>A node that may take replicas.</summary>
/// <param name="Node">Its id.</param>
/// <param name="Zone">Its failure zone (region and zone); nodes that name none share one.</param>
/// <param name="Weight">How much it is to carry beside the others, at least 1.</param>
internal readonly record struct PlacementNode(string Node, string Zone, int Weight = 1)
{
    /// <summary>What it would carry with one replica more than it has, by its weight.</summary>
    public double LoadWithOneMore(int replicas) => (replicas + 1.0) / Weight;
}

/// <summary>
/// Chooses the nodes of a keyspace's shards. Pure and deterministic. Of each shard the nodes are distinct and stand in
/// as many zones as there can be; over the shards each node of a zone gets as many replicas as the others by its weight, give or
/// take one; and the preferred leaders are spread as evenly as the chosen replicas allow.
/// </summary>
internal static class ReplicaPlacer
{
    /// <summary>Places every shard.</summary>
    /// <param name="nodes">The nodes that are alive, in any order, none twice.</param>
    /// <param name="shards">Number of shards.</param>
    /// <param name="replicas">Wanted replicas a shard; with fewer nodes there are as many as nodes.</param>
    /// <param name="seed">Turns the order in which equal nodes are taken, so that small keyspaces do not all start with the same ones.</param>
    /// <returns>The node ids of each shard, the preferred leader first.</returns>
    public static string[][] Place(IReadOnlyCollection<PlacementNode> nodes, int shards, int replicas, long seed)
    {
        if (nodes.Count == 0)
        {
            throw new ArgumentException("There is no node to place on.", nameof(nodes));
        }
        PlacementNode[] ordered = [.. nodes.OrderBy(node => node.Node, StringComparer.Ordinal)];
        var turn = (int)((ulong)seed % (ulong)ordered.Length);
        ordered = [.. ordered[turn..], .. ordered[..turn]];

        var loads = new int[ordered.Length];
        var chosen = new int[shards][];
        for (var shard = 0; shard < shards; shard++)
        {
            chosen[shard] = ChooseNodes(ordered, loads, Math.Min(replicas, ordered.Length));
        }
        LeaderSpread.Even(chosen, Array.ConvertAll(ordered, node => node.Weight));
        return Array.ConvertAll(chosen, members => Array.ConvertAll(members, member => ordered[member].Node));
    }

    /// <summary>The nodes of one shard: fewest of its replicas in the zone first, then fewest replicas at all, then order.</summary>
    private static int[] ChooseNodes(PlacementNode[] nodes, int[] loads, int replicas)
    {
        List<int> members = new(replicas);
        Dictionary<string, int> inZone = new(StringComparer.Ordinal);
        while (members.Count < replicas)
        {
            var best = Enumerable
                .Range(0, nodes.Length)
                .Where(node => !members.Contains(node))
                .MinBy(node =>
                    (inZone.GetValueOrDefault(nodes[node].Zone), nodes[node].LoadWithOneMore(loads[node]), node)
                );
            members.Add(best);
            loads[best]++;
            inZone[nodes[best].Zone] = inZone.GetValueOrDefault(nodes[best].Zone) + 1;
        }
        return [.. members];
    }
}
