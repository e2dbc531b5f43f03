using Exapyte.Topology;

namespace Exapyte.Grains.Balance;

/// <summary>
/// Plans which shards are to be led by another of their replicas so that nodes lead as many as their weight says. Pure and
/// deterministic. A keyspace's own leaders stay as even as they are: what <see cref="ControlPlane.LeaderSpread"/> would take
/// back is not planned.
/// </summary>
internal static class LeaderPlanner
{
    private const double Rounding = 1e-9;

    /// <summary>The hand-overs, by keyspace and shard.</summary>
    /// <param name="nodes">The nodes that may lead, in any order.</param>
    /// <param name="shards">All shards, in any order.</param>
    public static ReplicaMove[] Plan(IReadOnlyCollection<BalanceNode> nodes, IReadOnlyCollection<BalanceShard> shards)
    {
        var weights = nodes.ToDictionary(node => node.Node, node => node.Weight, StringComparer.Ordinal);
        Led[] led =
        [
            .. shards
                .Where(shard => shard is { IsLed: true, Nodes.Length: > 0 })
                .OrderBy(shard => shard.Keyspace, StringComparer.Ordinal)
                .ThenBy(shard => shard.ShardId)
                .Select(shard => new Led(shard)),
        ];
        var all = CountsOf(led);
        var own = led.GroupBy(one => one.Shard.Keyspace, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, CountsOf, StringComparer.Ordinal);
        while (Best() is { Led: { } one, To: { } to })
        {
            foreach (var counts in new[] { all, own[one.Shard.Keyspace] })
            {
                counts[one.By]--;
                counts[to] = counts.GetValueOrDefault(to) + 1;
            }
            one.By = to;
        }
        return
        [
            .. led.Where(one => one.By != one.Shard.Nodes[0])
                .Select(one => new ReplicaMove
                {
                    Keyspace = one.Shard.Keyspace,
                    ShardId = one.Shard.ShardId,
                    From = one.Shard.Nodes[0],
                    To = one.By,
                }),
        ];

        (Led? Led, string? To) Best()
        {
            var best = (Gain: -Rounding, Led: (Led?)null, To: (string?)null);
            foreach (var one in led.Where(one => one.Shard.MayMove && weights.ContainsKey(one.By)))
            {
                foreach (var to in one.Shard.Nodes.Where(to => to != one.By && weights.ContainsKey(to)))
                {
                    var gain = GainOf(all, weights, one.By, to);
                    if (gain < best.Gain && MayTake(own[one.Shard.Keyspace], weights, one.By, to))
                    {
                        best = (gain, one, to);
                    }
                }
            }
            return (best.Led, best.To);
        }
    }

    private static Dictionary<string, int> CountsOf(IEnumerable<Led> led) =>
        led.CountBy(one => one.By, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);

    private static double GainOf(
        Dictionary<string, int> led,
        Dictionary<string, int> weights,
        string from,
        string to
    ) => (((2.0 * led.GetValueOrDefault(to)) + 1) / weights[to]) - (((2.0 * led[from]) - 1) / weights[from]);

    /// <summary>Whether the keyspace's own leaders do not stand worse: as many more of them are led from here as the weights allow.</summary>
    private static bool MayTake(Dictionary<string, int> led, Dictionary<string, int> weights, string from, string to) =>
        (long)led[from] * weights[to] >= (led.GetValueOrDefault(to) + 1L) * weights[from];

    private sealed class Led(BalanceShard shard)
    {
        public BalanceShard Shard { get; } = shard;

        public string By { get; set; } = shard.Nodes[0];
    }
}
