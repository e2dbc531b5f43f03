using Exapyte.Storage.Stores;

namespace Exapyte.Simulation.Stores;

/// <summary>One shard of a <see cref="ModelDisk"/>.</summary>
internal sealed class ModelShard(ModelDisk disk) : IShardStore
{
    private readonly SortedList<byte[], StoredEntry> entries = new(KeyOrder.Instance);
    private readonly SortedList<byte[], byte[]> meta = new(KeyOrder.Instance);
    private ulong flushedIndex;

    /// <summary>Told after each batch that moved the applied index.</summary>
    public Action<ulong>? Applied { get; set; }

    public bool HasRows => entries.Count > 0 || meta.Count > 0 || AppliedIndex > 0;

    public ulong AppliedIndex { get; private set; }

    public long ApproximateCount => entries.Count;

    public long ApproximateBytes => entries.Count;

    public IList<byte[]> Keys => entries.Keys;

    public IList<StoredEntry> Entries => entries.Values;

    public ulong ReadFlushedIndex() => flushedIndex;

    public void Flushed() => flushedIndex = AppliedIndex;

    public StoreBatch NewBatch() => new ModelBatch(this);

    public void Apply(StoreBatch batch)
    {
        var mine = (ModelBatch)batch;
        if (mine.IsEmpty)
        {
            return;
        }
        disk.TakeSpace();
        var before = AppliedIndex;
        List<Replaced> replaced = new(mine.Changes.Count);
        foreach (var change in mine.Changes)
        {
            replaced.Add(Apply(change));
        }
        AppliedIndex = mine.AppliedIndex ?? before;
        disk.Remember(() => TakeBack(replaced, before));
        if (mine.AppliedIndex is { } index)
        {
            Applied?.Invoke(index);
        }
    }

    /// <inheritdoc/>
    public KeyRange Bounds { get; set; } = KeyRange.All;

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => entries.TryGetValue(key.ToArray(), out entry);

    public bool TryGetHeader(ReadOnlySpan<byte> key, out StoredEntry entryWithoutValue)
    {
        var found = TryGet(key, out var entry);
        entryWithoutValue = entry with { Value = default };
        return found;
    }

    public byte[]? GetMeta(ReadOnlySpan<byte> key) => meta.GetValueOrDefault(key.ToArray());

    public void ScanMeta(ReadOnlySpan<byte> prefix, MetaVisitor visitor, ReadOnlySpan<byte> from = default)
    {
        var first = from.SequenceCompareTo(prefix) > 0 ? from : prefix;
        for (var i = KeyOrder.FirstNotLess(meta.Keys, first); i < meta.Count; i++)
        {
            if (!meta.Keys[i].AsSpan().StartsWith(prefix) || !visitor(meta.Keys[i], meta.Values[i]))
            {
                return;
            }
        }
    }

    public IStoreScan Scan(KeyRange range, bool reverse)
    {
        List<KeyedEntry> found = [];
        foreach (var (key, entry) in entries)
        {
            if (range.Contains(key))
            {
                found.Add(new(key, entry));
            }
        }
        if (reverse)
        {
            found.Reverse();
        }
        return new ModelScan(found, reverse);
    }

    public IReadOnlyList<byte[]> FindExpired(long atMs, int entriesMax) =>
        [
            .. entries
                .Where(entry => entry.Value.IsExpired(atMs))
                .OrderBy(entry => entry.Value.ExpiresMs)
                .Take(entriesMax)
                .Select(entry => entry.Key),
        ];

    public long SweepExpired(long appliedStampMs, int entriesMax)
    {
        List<Replaced> replaced = [];
        if (disk.IsFull)
        {
            return 0;
        }
        for (var i = entries.Count - 1; i >= 0 && replaced.Count < entriesMax; i--)
        {
            if (entries.Values[i].IsExpired(appliedStampMs))
            {
                replaced.Add(Apply(new ModelChange(ModelChangeKind.Delete, entries.Keys[i], default, null)));
            }
        }
        var applied = AppliedIndex;
        disk.Remember(() => TakeBack(replaced, applied));
        return replaced.Count;
    }

    public void Clear()
    {
        var (rows, metaRows, applied) = (entries.ToArray(), meta.ToArray(), AppliedIndex);
        disk.Remember(() =>
        {
            entries.Clear();
            meta.Clear();
            Array.ForEach(rows, row => entries.Add(row.Key, row.Value));
            Array.ForEach(metaRows, row => meta.Add(row.Key, row.Value));
            AppliedIndex = applied;
        });
        entries.Clear();
        meta.Clear();
        AppliedIndex = 0;
    }

    /// <summary>Sets the applied index behind the store's back: for bugs that are planted.</summary>
    public void ForgetApplied(ulong index) => AppliedIndex = flushedIndex = index;

    private Replaced Apply(in ModelChange change)
    {
        var key = change.Key;
        if (change.Kind is ModelChangeKind.Put or ModelChangeKind.Delete)
        {
            var had = entries.TryGetValue(key, out var old);
            if (change.Kind == ModelChangeKind.Put)
            {
                entries[key] = change.Entry;
            }
            else
            {
                entries.Remove(key);
            }
            return new(key, IsMeta: false, had, old, null);
        }
        var oldMeta = meta.GetValueOrDefault(key);
        if (change.Kind == ModelChangeKind.PutMeta)
        {
            meta[key] = change.Meta!;
        }
        else
        {
            meta.Remove(key);
        }
        return new(key, IsMeta: true, oldMeta is not null, default, oldMeta);
    }

    private void TakeBack(List<Replaced> replaced, ulong applied)
    {
        for (var i = replaced.Count - 1; i >= 0; i--)
        {
            var (key, isMeta, had, old, oldMeta) = replaced[i];
            if (isMeta && had)
            {
                meta[key] = oldMeta!;
            }
            else if (isMeta)
            {
                meta.Remove(key);
            }
            else if (had)
            {
                entries[key] = old;
            }
            else
            {
                entries.Remove(key);
            }
        }
        AppliedIndex = applied;
    }

    private readonly record struct Replaced(byte[] Key, bool IsMeta, bool Had, StoredEntry Old, byte[]? OldMeta);
}
