namespace Exapyte.Storage.Stores.Memory;

/// <summary>
/// Expiring entries, the first to expire on top: a binary heap whose entries know their place, so that one that is
/// overwritten or deleted leaves at once and takes its value with it. Used by the one writer only.
/// </summary>
internal sealed class ExpiryQueue
{
    readonly List<MemoryEntry> _heap = [];

    public int Count => _heap.Count;

    /// <summary>The first to expire.</summary>
    public MemoryEntry? First => _heap.Count > 0 ? _heap[0] : null;

    public void Add(MemoryEntry entry)
    {
        _heap.Add(entry);
        Rise(entry, _heap.Count - 1);
    }

    /// <summary>Removes an entry if it is in the queue.</summary>
    public void Remove(MemoryEntry entry)
    {
        int at = entry.ExpiryAt;
        if (at < 0)
            return;
        entry.ExpiryAt = -1;
        MemoryEntry last = _heap[^1];
        _heap.RemoveAt(_heap.Count - 1);
        if (last == entry)
            return;
        // The last one may belong above or below the gap that it fills.
        Rise(last, at);
        Sink(last, last.ExpiryAt);
    }

    public void Clear() => _heap.Clear();

    void Rise(MemoryEntry entry, int at)
    {
        while (at > 0)
        {
            int parent = (at - 1) / 2;
            if (_heap[parent].Entry.ExpiresMs <= entry.Entry.ExpiresMs)
                break;
            Place(_heap[parent], at);
            at = parent;
        }
        Place(entry, at);
    }

    void Sink(MemoryEntry entry, int at)
    {
        while (true)
        {
            int child = (2 * at) + 1;
            if (child >= _heap.Count)
                break;
            if (child + 1 < _heap.Count && _heap[child + 1].Entry.ExpiresMs < _heap[child].Entry.ExpiresMs)
                child++;
            if (_heap[child].Entry.ExpiresMs >= entry.Entry.ExpiresMs)
                break;
            Place(_heap[child], at);
            at = child;
        }
        Place(entry, at);
    }

    void Place(MemoryEntry entry, int at)
    {
        _heap[at] = entry;
        entry.ExpiryAt = at;
    }
}
