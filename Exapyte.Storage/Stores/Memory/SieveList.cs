namespace Exapyte.Storage.Stores.Memory;

/// <summary>
/// Chooses what to evict by SIEVE (Zhang et al., "SIEVE is Simpler than LRU", NSDI 2024, section 3.1): entries queue in
/// the order they came; a hand walks from the oldest to the newest, spares once whoever was read since it last came
/// by, and evicts the first who was not.
/// </summary>
/// <remarks>
/// A read only sets a mark, so readers need no lock, and a scan, which sets none, cannot flush what is hot. Used by the
/// one writer only.
/// </remarks>
internal sealed class SieveList
{
    MemoryEntry? _newest;
    MemoryEntry? _oldest;
    MemoryEntry? _hand;

    public void Add(MemoryEntry entry)
    {
        entry.Older = _newest;
        entry.Newer = null;
        if (_newest is null)
            _oldest = entry;
        else
            _newest.Newer = entry;
        _newest = entry;
    }

    public void Remove(MemoryEntry entry)
    {
        if (_hand == entry)
            _hand = entry.Newer;
        if (entry.Newer is null)
            _newest = entry.Older;
        else
            entry.Newer.Older = entry.Older;
        if (entry.Older is null)
            _oldest = entry.Newer;
        else
            entry.Older.Newer = entry.Newer;
        entry.Newer = entry.Older = null;
    }

    /// <summary>Puts an entry in the place of the one it overwrites; the write counts as a visit.</summary>
    public void Replace(MemoryEntry old, MemoryEntry entry)
    {
        entry.Newer = old.Newer;
        entry.Older = old.Older;
        if (old.Newer is null)
            _newest = entry;
        else
            old.Newer.Older = entry;
        if (old.Older is null)
            _oldest = entry;
        else
            old.Older.Newer = entry;
        if (_hand == old)
            _hand = entry;
        old.Newer = old.Older = null;
        entry.Visit();
    }

    /// <summary>The entry to evict next, still in the list; <see langword="null"/> when the list is empty.</summary>
    public MemoryEntry? FindVictim()
    {
        MemoryEntry? candidate = _hand ?? _oldest;
        while (candidate is { Visited: true })
        {
            candidate.Unvisit();
            candidate = candidate.Newer ?? _oldest;
        }
        return _hand = candidate;
    }

    public void Clear() => _newest = _oldest = _hand = null;
}
