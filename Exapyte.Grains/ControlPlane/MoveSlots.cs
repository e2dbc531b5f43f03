namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Shares out over the keyspaces how many shards may be moved at one time. Kept in memory only: it spares the cluster load,
/// and nothing depends on its being exact. For one caller at a time.
/// </summary>
/// <param name="max">Most shards that may be moving.</param>
/// <param name="time">The clock.</param>
internal sealed class MoveSlots(int max, TimeProvider time)
{
    /// <summary>A keyspace that has not been heard of for that long is taken for done: it asks with every look.</summary>
    private static readonly TimeSpan HeardWithin = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, (int Shards, long At)> taken = new(StringComparer.Ordinal);

    /// <summary>How many more shards the keyspace may begin to move.</summary>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="underWay">Its shards that are changing now.</param>
    /// <param name="wanted">How many more it would move.</param>
    public int Take(string keyspace, int underWay, int wanted)
    {
        foreach (var silent in taken.Where(one => time.GetElapsedTime(one.Value.At) > HeardWithin).ToArray())
        {
            taken.Remove(silent.Key);
        }
        taken.Remove(keyspace);
        var free = max - taken.Values.Sum(one => one.Shards) - underWay;
        var granted = Math.Clamp(free, 0, Math.Max(wanted, 0));
        if (underWay + granted > 0)
        {
            taken[keyspace] = (underWay + granted, time.GetTimestamp());
        }
        return granted;
    }
}
