namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// For how long nodes have been away. Kept in memory only: who asks anew begins to count anew, so that a node is rather
/// given up too late than too early. For one caller at a time.
/// </summary>
internal sealed class Absences(TimeProvider time)
{
    private readonly Dictionary<string, long> since = new(StringComparer.Ordinal);

    /// <summary>Takes a look: those who are away now, and no others, count as away.</summary>
    /// <param name="nodes">The nodes that matter.</param>
    /// <param name="alive">The nodes that are alive.</param>
    public void Look(IEnumerable<string> nodes, IReadOnlyCollection<string> alive)
    {
        var away = nodes.Except(alive, StringComparer.Ordinal).ToHashSet(StringComparer.Ordinal);
        foreach (var returned in since.Keys.Where(node => !away.Contains(node)).ToArray())
        {
            since.Remove(returned);
        }
        foreach (var node in away)
        {
            since.TryAdd(node, time.GetTimestamp());
        }
    }

    /// <summary>The nodes that have been away for at least that long, without a break that was seen.</summary>
    public HashSet<string> LongerThan(TimeSpan span) =>
        since
            .Where(entry => time.GetElapsedTime(entry.Value) >= span)
            .Select(entry => entry.Key)
            .ToHashSet(StringComparer.Ordinal);
}
