namespace Exapyte.Grains.Balance;

/// <summary>
/// What a change does to a placement; a change for the better has a negative first figure that is not zero. In this order: how unevenly
/// shards stand in zones; by how many replicas keyspaces leave the band between the whole numbers around each node's
/// fair share; how unevenly replicas are spread over nodes by weight; the same of bytes.
/// </summary>
internal readonly record struct BalanceGain(long Zones, long Keyspace, double Replicas, double Bytes)
{
    private const double Rounding = 1e-9;

    /// <summary>Whether zones, keyspaces and counts stand better after it.</summary>
    public bool IsBetter => Zones < 0 || (Zones == 0 && (Keyspace < 0 || (Keyspace == 0 && Replicas < -Rounding)));

    /// <summary>Whether none of zones, keyspaces and counts stands worse after it.</summary>
    public bool IsNoWorse => Zones <= 0 && Keyspace <= 0 && Replicas <= Rounding;

    /// <summary>Whether it is to be preferred to another; of equal ones neither.</summary>
    public bool IsBefore(in BalanceGain other) =>
        Zones != other.Zones ? Zones < other.Zones
        : Keyspace != other.Keyspace ? Keyspace < other.Keyspace
        : Math.Abs(Replicas - other.Replicas) > Rounding ? Replicas < other.Replicas
        : Bytes < other.Bytes;
}

/// <summary>
/// A placement that is tried out: who has which replica, and what follows for the loads. Nodes and shards are numbered. For
/// one caller at a time.
/// </summary>
internal sealed class BalanceLoads
{
    /// <summary>A node takes replicas until they fill this part of what was free on its disk.</summary>
    private const double RoomUsedMax = 0.8;

    private readonly BalanceNode[] nodes;
    private readonly BalanceShard[] shards;
    private readonly int[] zoneOf;
    private readonly List<int>[] members;
    private readonly int[] keyspaceOf;
    private readonly int[][] inKeyspace;
    private readonly (int Least, int Most)[][] bands;
    private readonly long[] incoming;

    public BalanceLoads(BalanceNode[] nodes, BalanceShard[] shards)
    {
        this.nodes = nodes;
        this.shards = shards;
        var zones = nodes.Select(node => node.Zone).Distinct(StringComparer.Ordinal).ToList();
        zoneOf = Array.ConvertAll(nodes, node => zones.IndexOf(node.Zone));
        var index = nodes.Select((node, at) => (node.Node, at)).ToDictionary(one => one.Node, one => one.at);
        members = Array.ConvertAll(
            shards,
            shard => shard.Nodes.Select(node => index.GetValueOrDefault(node, -1)).Where(at => at >= 0).ToList()
        );
        MayMove = [.. shards.Select((shard, at) => shard.MayMove && members[at].Count == shard.Nodes.Length)];
        Replicas = new int[nodes.Length];
        Bytes = new double[nodes.Length];
        incoming = new long[nodes.Length];
        Dictionary<string, int> keyspaces = new(StringComparer.Ordinal);
        keyspaceOf = Array.ConvertAll(
            shards,
            shard => keyspaces.TryAdd(shard.Keyspace, keyspaces.Count) ? keyspaces.Count - 1 : keyspaces[shard.Keyspace]
        );
        inKeyspace = [.. keyspaces.Select(_ => new int[nodes.Length])];
        for (var shard = 0; shard < shards.Length; shard++)
        {
            foreach (var node in members[shard])
            {
                Replicas[node]++;
                Bytes[node] += shards[shard].Bytes;
                inKeyspace[keyspaceOf[shard]][node]++;
            }
        }
        WeightTotal = nodes.Sum(node => (double)node.Weight);
        bands = Array.ConvertAll(inKeyspace, counts => BandsOf(counts.Sum()));
    }

    /// <summary>Replicas of each node.</summary>
    public int[] Replicas { get; }

    /// <summary>Bytes of each node.</summary>
    public double[] Bytes { get; }

    /// <summary>Weights of all nodes together.</summary>
    public double WeightTotal { get; }

    /// <summary>Which shards may change.</summary>
    public bool[] MayMove { get; }

    /// <summary>The nodes of a shard.</summary>
    public IReadOnlyList<int> MembersOf(int shard) => members[shard];

    /// <summary>The shards that may change of which a node has a replica.</summary>
    public IEnumerable<int> ShardsOn(int node)
    {
        for (var shard = 0; shard < shards.Length; shard++)
        {
            if (MayMove[shard] && members[shard].Contains(node))
            {
                yield return shard;
            }
        }
    }

    /// <summary>Whether a replica of the shard may be on the node, which has none.</summary>
    public bool Fits(int shard, int to) =>
        !members[shard].Contains(to) && incoming[to] + shards[shard].Bytes <= nodes[to].FreeBytes * RoomUsedMax;

    /// <summary>What a move does.</summary>
    public BalanceGain GainOf(int shard, int from, int to)
    {
        var of = keyspaceOf[shard];
        return new(
            ZonesGain(shard, from, to),
            BandGain(of, from, -1) + BandGain(of, to, 1),
            (((2.0 * Replicas[to]) + 1) / nodes[to].Weight) - (((2.0 * Replicas[from]) - 1) / nodes[from].Weight),
            BytesGain(from, to, shards[shard].Bytes)
        );
    }

    /// <summary>What an exchange does: one shard's replica goes, another's comes.</summary>
    public BalanceGain GainOf(int shard, int other, int from, int to)
    {
        var (of, back) = (keyspaceOf[shard], keyspaceOf[other]);
        var keyspaces =
            of == back
                ? 0
                : BandGain(of, from, -1) + BandGain(of, to, 1) + BandGain(back, to, -1) + BandGain(back, from, 1);
        // Of neither shard the zones may stand worse, whatever the other gains.
        var (away, home) = (ZonesGain(shard, from, to), ZonesGain(other, to, from));
        return new(
            Math.Max(away, home) > 0 ? 1 : away + home,
            keyspaces,
            0,
            BytesGain(from, to, shards[shard].Bytes - shards[other].Bytes)
        );
    }

    /// <summary>Makes a move.</summary>
    public void Move(int shard, int from, int to)
    {
        members[shard][members[shard].IndexOf(from)] = to;
        Replicas[from]--;
        Replicas[to]++;
        Bytes[from] -= shards[shard].Bytes;
        Bytes[to] += shards[shard].Bytes;
        inKeyspace[keyspaceOf[shard]][from]--;
        inKeyspace[keyspaceOf[shard]][to]++;
        incoming[to] += shards[shard].Bytes;
    }

    /// <summary>A node's bytes beside what its weight says; 1 where they are just that.</summary>
    public double BytesRatio(int node) =>
        Bytes.Sum() is > 0 and var all ? Bytes[node] / (all * nodes[node].Weight / WeightTotal) : 1;

    private (int Least, int Most)[] BandsOf(int replicas) =>
        Array.ConvertAll(
            nodes,
            node =>
                ((int)(replicas * node.Weight / WeightTotal), (int)Math.Ceiling(replicas * node.Weight / WeightTotal))
        );

    private long BandGain(int keyspace, int node, int change)
    {
        var (least, most) = bands[keyspace][node];
        var before = inKeyspace[keyspace][node];
        return Outside(before + change) - Outside(before);

        long Outside(int count) => Math.Max(0, Math.Max(count - most, least - count));
    }

    private long ZonesGain(int shard, int from, int to)
    {
        if (zoneOf[from] == zoneOf[to])
        {
            return 0;
        }
        var (there, here) = (0, 0);
        foreach (var member in members[shard])
        {
            there += zoneOf[member] == zoneOf[to] ? 1 : 0;
            here += zoneOf[member] == zoneOf[from] ? 1 : 0;
        }
        return (2 * (there - here)) + 2;
    }

    private double BytesGain(int from, int to, double bytes) =>
        (((2 * Bytes[to]) + bytes) * bytes / nodes[to].Weight)
        - (((2 * Bytes[from]) - bytes) * bytes / nodes[from].Weight);
}
