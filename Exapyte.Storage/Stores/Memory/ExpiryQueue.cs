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

    /// <summary>The keys of the first to expire, of those that have expired at a time, Unix milliseconds.</summary>
    public List<byte[]> FindDue(long atMs, int entriesMax)
    {
        List<byte[]> found = [];
        var open = new PriorityQueue<int, long>();
        Offer(0);
        while (found.Count < entriesMax && open.TryDequeue(out int at, out _))
        {
            found.Add(_heap[at].Key);
            Offer((2 * at) + 1);
            Offer((2 * at) + 2);
        }
        return found;

        void Offer(int at)
        {
            if (at < _heap.Count && _heap[at].Entry.IsExpired(atMs))
                open.Enqueue(at, _heap[at].Entry.ExpiresMs);
        }
    }

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
