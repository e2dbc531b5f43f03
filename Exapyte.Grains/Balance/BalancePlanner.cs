using Exapyte.Topology;

namespace Exapyte.Grains.Balance;

/// <summary>
/// Plans which replicas are to move so that nodes carry what their weight says. Pure and deterministic.
/// </summary>
/// <remarks>
/// <list type="bullet">
/// <item>A shard's replicas lie on different nodes, and no shard stands in fewer zones after the plan, or less evenly in them.</item>
/// <item>First the counts: of the node that carries the most the replica moves that helps most (<see cref="BalanceGain"/>), until
/// no single move helps. Each makes the placement strictly better by the first of its measures that it changes, so it ends,
/// and where it has ended it has nothing to plan: a plan that was carried out is followed by none.</item>
/// <item>Then the bytes, only where a node has a fifth more than its share: a move that makes no count worse, or two shards
/// change places.</item>
/// <item>What moved twice moves once, from where it was to where it ended.</item>
/// <item>A shard that is short of replicas, changes, or has one on a node that takes none counts as a load and stays.</item>
/// </list>
/// </remarks>
internal static class BalancePlanner
{
    /// <summary>A node with that much more bytes than its share is relieved.</summary>
    public const double BytesRatioMax = 1.2;

    /// <summary>Once it is relieved, down to this.</summary>
    public const double BytesRatioWanted = 1.1;

    /// <summary>Less than that above its share is no reason to move anything.</summary>
    public const long BytesMin = 64 << 20;

    private const int ExchangesMax = 256;

    /// <summary>Shards of about the right size that are looked at for an exchange.</summary>
    private const int PartnersMax = 16;

    /// <summary>The moves, by keyspace and shard; none where the placement is as even as it can be made.</summary>
    /// <param name="nodes">The nodes that may take replicas, in any order.</param>
    /// <param name="shards">All shards, in any order.</param>
    public static ReplicaMove[] Plan(IReadOnlyCollection<BalanceNode> nodes, IReadOnlyCollection<BalanceShard> shards)
    {
        BalanceNode[] ordered = [.. nodes.OrderBy(node => node.Node, StringComparer.Ordinal)];
        BalanceShard[] all =
        [
            .. shards.OrderBy(shard => shard.Keyspace, StringComparer.Ordinal).ThenBy(shard => shard.ShardId),
        ];
        if (ordered.Length < 2 || all.Length == 0)
        {
            return [];
        }
        var loads = new BalanceLoads(ordered, all);
        var before = all.Select((_, at) => loads.MembersOf(at).ToArray()).ToArray();
        do
        {
            EvenCounts(ordered, loads);
        } while (EvenBytes(ordered, all, loads));
        return
        [
            .. all.SelectMany(
                (shard, at) =>
                    Pairs(ordered, before[at], loads.MembersOf(at))
                        .Select(pair => new ReplicaMove
                        {
                            Keyspace = shard.Keyspace,
                            ShardId = shard.ShardId,
                            From = ordered[pair.From].Node,
                            To = ordered[pair.To].Node,
                            Bytes = shard.Bytes,
                        })
            ),
        ];
    }

    private static void EvenCounts(BalanceNode[] nodes, BalanceLoads loads)
    {
        while (true)
        {
            var fullest = Enumerable
                .Range(0, nodes.Length)
                .OrderByDescending(node => (double)loads.Replicas[node] / nodes[node].Weight);
            if (!fullest.Any(node => TryRelieve(node, nodes.Length, loads)))
            {
                return;
            }
        }
    }

    /// <summary>Makes the move away from the node that helps most; false where none does.</summary>
    private static bool TryRelieve(int from, int nodes, BalanceLoads loads)
    {
        (BalanceGain Gain, int Shard, int To)? best = null;
        foreach (var shard in loads.ShardsOn(from))
        {
            for (var to = 0; to < nodes; to++)
            {
                var gain = to == from ? default : loads.GainOf(shard, from, to);
                if (gain.IsBetter && (best is not { } so || gain.IsBefore(so.Gain)) && loads.Fits(shard, to))
                {
                    best = (gain, shard, to);
                }
            }
        }
        if (best is not { } chosen)
        {
            return false;
        }
        loads.Move(chosen.Shard, from, chosen.To);
        return true;
    }

    /// <summary>Relieves nodes that have too many bytes; whether anything moved.</summary>
    private static bool EvenBytes(BalanceNode[] nodes, BalanceShard[] shards, BalanceLoads loads)
    {
        if (!Enumerable.Range(0, nodes.Length).Any(node => IsTooFull(node, loads, BytesRatioMax)))
        {
            return false;
        }
        var exchanges = 0;
        while (
            exchanges < ExchangesMax
            && Enumerable
                .Range(0, nodes.Length)
                .Where(node => IsTooFull(node, loads, BytesRatioWanted))
                .OrderByDescending(loads.BytesRatio)
                .Any(node => TryExchange(node, nodes, shards, loads))
        )
        {
            exchanges++;
        }
        return exchanges > 0;
    }

    private static bool IsTooFull(int node, BalanceLoads loads, double ratioMax)
    {
        var ratio = loads.BytesRatio(node);
        return ratio > ratioMax && loads.Bytes[node] * (1 - (1 / ratio)) > BytesMin;
    }

    /// <summary>Moves a replica away from the node, or exchanges one for a smaller one, whichever evens bytes most.</summary>
    private static bool TryExchange(int from, BalanceNode[] nodes, BalanceShard[] shards, BalanceLoads loads)
    {
        // Less than this is not worth a copy.
        var gainMin =
            -Math.Pow(loads.Bytes[from] / loads.BytesRatio(from) * (BytesRatioWanted - 1) / 2, 2) / nodes[from].Weight;
        (double Gain, int Shard, int To, int Back)? best = null;
        int[] own = [.. loads.ShardsOn(from)];
        for (var to = 0; to < nodes.Length; to++)
        {
            if (to == from || loads.Bytes[to] / nodes[to].Weight >= loads.Bytes[from] / nodes[from].Weight)
            {
                continue;
            }
            int[] partners = [.. loads.ShardsOn(to).OrderBy(shard => shards[shard].Bytes)];
            var wanted =
                ((loads.Bytes[from] * nodes[to].Weight) - (loads.Bytes[to] * nodes[from].Weight))
                / (nodes[from].Weight + nodes[to].Weight);
            foreach (var shard in own.Where(shard => loads.Fits(shard, to)))
            {
                foreach (var back in Partners(partners, shards, shards[shard].Bytes - wanted))
                {
                    var gain = back < 0 ? loads.GainOf(shard, from, to) : loads.GainOf(shard, back, from, to);
                    if (
                        gain.IsNoWorse
                        && gain.Bytes < Math.Min(gainMin, best?.Gain ?? 0)
                        && (back < 0 || (back != shard && loads.Fits(back, from)))
                    )
                    {
                        best = (gain.Bytes, shard, to, back);
                    }
                }
            }
        }
        if (best is not { } chosen)
        {
            return false;
        }
        loads.Move(chosen.Shard, from, chosen.To);
        if (chosen.Back >= 0)
        {
            loads.Move(chosen.Back, chosen.To, from);
        }
        return true;
    }

    /// <summary>Shards of about that size, and -1: none.</summary>
    private static IEnumerable<int> Partners(int[] bySize, BalanceShard[] shards, double bytes)
    {
        var (low, high) = (0, bySize.Length);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = shards[bySize[middle]].Bytes < bytes ? (middle + 1, high) : (low, middle);
        }
        var first = Math.Max(0, low - (PartnersMax / 2));
        return bySize.Skip(first).Take(PartnersMax).Prepend(-1);
    }

    /// <summary>Who gives to whom: within a zone where that can be.</summary>
    private static IEnumerable<(int From, int To)> Pairs(
        BalanceNode[] nodes,
        IReadOnlyCollection<int> before,
        IReadOnlyCollection<int> after
    )
    {
        List<int> gone = [.. before.Except(after).Order()];
        foreach (var to in after.Except(before).Order())
        {
            var from = gone.OrderBy(node => nodes[node].Zone != nodes[to].Zone).First();
            gone.Remove(from);
            yield return (from, to);
        }
    }
}
