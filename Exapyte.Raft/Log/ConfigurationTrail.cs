namespace Exapyte.Raft;

/// <summary>
/// The configuration entries of the log that are not applied yet, oldest first. A leader adds one only when there is none,
/// but a follower that learns late can hold several.
/// </summary>
sealed class ConfigurationTrail
{
    readonly List<LogEntry> entries = [];

    public bool IsEmpty => entries.Count == 0;

    /// <summary>Whether one of them is known to be committed.</summary>
    public bool HasCommitted(LogIndex committed) => entries.Count > 0 && entries[0].Index <= committed;

    public void Add(in LogEntry entry) => entries.Add(entry);

    public void Clear() => entries.Clear();

    public void TruncateFrom(LogIndex index)
    {
        while (entries.Count > 0 && entries[^1].Index >= index)
        {
            entries.RemoveAt(entries.Count - 1);
        }
    }

    /// <summary>Takes out the newest of those up to an index; the older ones it replaces go too.</summary>
    public bool TakeThrough(LogIndex index, out LogEntry newest)
    {
        var count = 0;
        newest = default;
        while (count < entries.Count && entries[count].Index <= index)
        {
            newest = entries[count];
            count++;
        }

        entries.RemoveRange(0, count);
        return count > 0;
    }
}
