namespace Exapyte.Storage.Stores;

/// <summary>
/// What all memory stores of a node may take together. A store that grows beyond it has the largest store evict, whichever that
/// is, so that a full one does not keep a new one from holding anything. Thread-safe.
/// </summary>
/// <remarks>
/// No two stores are locked at one time. Tombstones are not evicted, so they alone may exceed the bound. Room for a part more
/// is made each time, so that not every write has to look at all stores.
/// </remarks>
public sealed class MemoryBudget
{
    /// <summary>Of the bound, the part that is made free at one time.</summary>
    const int SlackDivisor = 64;

    readonly Lock _gate = new();
    readonly List<MemoryStore> _stores = [];
    long _bytes;

    /// <summary>Makes a budget.</summary>
    /// <param name="bytesMax">Bytes of entries, as <see cref="MemoryStoreOptions.BytesMax"/> counts them; at least 1.</param>
    public MemoryBudget(long bytesMax)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bytesMax, 1);
        BytesMax = bytesMax;
    }

    /// <summary>The bound in bytes.</summary>
    public long BytesMax { get; }

    /// <summary>What all stores take now, in bytes.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    internal void Enter(MemoryStore store)
    {
        lock (_gate)
            _stores.Add(store);
    }

    internal void Leave(MemoryStore store)
    {
        lock (_gate)
            _stores.Remove(store);
    }

    internal void Add(long bytes) => Interlocked.Add(ref _bytes, bytes);

    /// <summary>Has stores evict until all of them fit. The caller holds no store's lock.</summary>
    internal void Settle()
    {
        if (Bytes <= BytesMax)
            return;
        lock (_gate)
        {
            long target = BytesMax - (BytesMax / SlackDivisor);
            HashSet<MemoryStore> exhausted = [];
            while (Bytes > target && Largest(exhausted) is { } largest)
            {
                long second = Largest([.. exhausted, largest])?.ApproximateBytes ?? 0;
                long excess = Bytes - target;
                // Down to the next largest first, and then in turn.
                long wanted = Math.Min(excess, Math.Max(largest.ApproximateBytes - second, (excess / 8) + 1));
                if (largest.Evict(wanted) == 0)
                    exhausted.Add(largest);
            }
        }
    }

    MemoryStore? Largest(HashSet<MemoryStore> exhausted) =>
        _stores.Where(store => !exhausted.Contains(store)).MaxBy(store => store.ApproximateBytes);
}
