using System.Collections.Immutable;
using Exapyte.Storage.Stores.Memory;

namespace Exapyte.Storage.Stores;

/// <summary>
/// The state of one shard replica in memory: ordered, swept by expiry, bounded in entries and bytes.
/// </summary>
/// <remarks>
/// Writers are taken one at a time and publish a new tree that shares what did not change with the old one; readers
/// and scans work on the tree they find and never wait. Beyond the bounds entries are evicted by SIEVE (see
/// <see cref="SieveList"/>), within the batch that exceeds them. An entry that alone exceeds the bound in bytes is not
/// kept.
/// </remarks>
public sealed class MemoryStore : IShardStore, IDisposable
{
    readonly MemoryStoreOptions _options;
    readonly TimeProvider _time;
    readonly MemoryBudget? _budget;
    readonly Lock _writes = new();
    readonly SieveList _evictable = new();
    readonly ExpiryQueue _expiring = new();
    State _state = State.Empty;
    long _edits;
    long _entries;
    long _bytes;
    long _tombstones;
    long _evictedEntries;
    long _evictedBytes;
    long _sweptEntries;
    bool _hasLeft;

    /// <summary>Makes an empty store.</summary>
    /// <param name="options">Its own bounds.</param>
    /// <param name="time">The clock by which it looks whether an entry has expired.</param>
    /// <param name="budget">What it may take together with others; none: its own bounds alone count.</param>
    public MemoryStore(MemoryStoreOptions options, TimeProvider time, MemoryBudget? budget = null)
    {
        if (options.FindFault() is { } fault)
            throw new ArgumentException(fault, nameof(options));
        _options = options;
        _time = time;
        _budget = budget;
        budget?.Enter(this);
    }

    /// <summary>The bounds it was made with.</summary>
    public MemoryStoreOptions Options => _options;

    /// <summary>What the store holds and has done.</summary>
    public MemoryStoreStatistics Statistics
    {
        get
        {
            lock (_writes)
                return new(_entries, _bytes, _tombstones, _evictedEntries, _evictedBytes, _sweptEntries);
        }
    }

    /// <inheritdoc/>
    public ulong AppliedIndex => Volatile.Read(ref _state).AppliedIndex;

    /// <inheritdoc/>
    public long ApproximateCount => Volatile.Read(ref _entries);

    /// <inheritdoc/>
    public long ApproximateBytes => Volatile.Read(ref _bytes);

    long NowMs => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public ulong ReadFlushedIndex() => 0;

    /// <inheritdoc/>
    public StoreBatch NewBatch() => new MemoryBatch(this);

    /// <inheritdoc/>
    public void Apply(StoreBatch batch)
    {
        if (batch is not MemoryBatch mine || mine.Store != this)
            throw new ArgumentException("The batch was made by another store.", nameof(batch));
        if (mine.IsEmpty)
            return;
        lock (_writes)
        {
            var editor = new TreeEditor(_state.Root, ++_edits);
            ImmutableSortedDictionary<byte[], byte[]> meta = _state.Meta;
            foreach (MemoryBatch.Change change in mine.Changes)
                meta = Apply(change, editor, meta);
            EvictBeyondBounds(editor);
            Publish(new State(editor.Root, meta, mine.AppliedIndex ?? _state.AppliedIndex));
        }
        _budget?.Settle();
    }

    /// <inheritdoc/>
    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry)
    {
        MemoryEntry? found = TreeEditor.Find(Volatile.Read(ref _state).Root, key);
        found?.Visit();
        entry = found is null ? default : found.Entry;
        return found is not null;
    }

    /// <inheritdoc/>
    public bool TryGetHeader(ReadOnlySpan<byte> key, out StoredEntry entryWithoutValue)
    {
        bool isThere = TryGet(key, out StoredEntry entry);
        entryWithoutValue = entry with { Value = ReadOnlyMemory<byte>.Empty };
        return isThere;
    }

    /// <summary>Reads an entry that is visible by this store's own clock.</summary>
    public bool TryGetLive(ReadOnlySpan<byte> key, out StoredEntry entry) => this.TryGetLive(key, NowMs, out entry);

    /// <summary>Whether a key is visible by this store's own clock.</summary>
    public bool Exists(ReadOnlySpan<byte> key) => this.Exists(key, NowMs);

    /// <inheritdoc/>
    public byte[]? GetMeta(ReadOnlySpan<byte> key) =>
        Volatile.Read(ref _state).Meta.TryGetValue(key.ToArray(), out byte[]? value) ? (byte[])value.Clone() : null;

    /// <inheritdoc/>
    public void ScanMeta(ReadOnlySpan<byte> prefix, MetaVisitor visitor, ReadOnlySpan<byte> from = default)
    {
        foreach ((byte[] key, byte[] value) in Volatile.Read(ref _state).Meta)
        {
            bool isWanted = key.AsSpan().StartsWith(prefix) && key.AsSpan().SequenceCompareTo(from) >= 0;
            if (isWanted && !visitor(key, value))
                return;
        }
    }

    /// <inheritdoc/>
    public IStoreScan Scan(KeyRange range, bool reverse) =>
        new MemoryScan(Volatile.Read(ref _state).Root, range, reverse);

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> FindExpired(long atMs, int entriesMax)
    {
        lock (_writes)
            return _expiring.FindDue(atMs, entriesMax);
    }

    /// <summary>Deletes what has expired by this store's own clock.</summary>
    public long SweepExpired(int entriesMax) => SweepExpired(NowMs, entriesMax);

    /// <inheritdoc/>
    public long SweepExpired(long appliedStampMs, int entriesMax)
    {
        lock (_writes)
        {
            var editor = new TreeEditor(_state.Root, ++_edits);
            int swept = 0;
            while (swept < entriesMax && _expiring.First is { } first && first.Entry.IsExpired(appliedStampMs))
            {
                Remove(first.Key, editor);
                swept++;
            }
            _sweptEntries += swept;
            if (swept > 0)
                Publish(_state with { Root = editor.Root });
            return swept;
        }
    }

    /// <inheritdoc/>
    public void Clear()
    {
        lock (_writes)
        {
            _evictable.Clear();
            _expiring.Clear();
            Count(-_bytes);
            _entries = _tombstones = 0;
            Publish(State.Empty);
        }
    }

    /// <summary>What it took others may have. It can still be read.</summary>
    public void Dispose()
    {
        _budget?.Leave(this);
        lock (_writes)
        {
            if (!_hasLeft)
                _budget?.Add(-_bytes);
            _hasLeft = true;
        }
    }

    /// <summary>Evicts entries that take so many bytes, as far as there are any.</summary>
    /// <returns>The bytes that were given back.</returns>
    internal long Evict(long bytes)
    {
        lock (_writes)
        {
            var editor = new TreeEditor(_state.Root, ++_edits);
            long before = _bytes;
            while (before - _bytes < bytes && EvictOne(editor)) { }
            Publish(_state with { Root = editor.Root });
            return before - _bytes;
        }
    }

    ImmutableSortedDictionary<byte[], byte[]> Apply(
        in MemoryBatch.Change change,
        TreeEditor editor,
        ImmutableSortedDictionary<byte[], byte[]> meta
    )
    {
        switch (change.Kind)
        {
            case MemoryBatch.ChangeKind.Put:
                Put(new MemoryEntry(change.Key, change.Entry), editor);
                return meta;
            case MemoryBatch.ChangeKind.Delete:
                Remove(change.Key, editor);
                return meta;
            case MemoryBatch.ChangeKind.PutMeta:
                return meta.SetItem(change.Key, change.Meta!);
            default:
                return meta.Remove(change.Key);
        }
    }

    void Put(MemoryEntry entry, TreeEditor editor)
    {
        if (entry.Bytes > _options.BytesMax && IsEvictable(entry))
        {
            // Letting it in would drive out everything else first.
            Remove(entry.Key, editor);
            CountEviction(entry.Bytes);
            return;
        }
        MemoryEntry? replaced = editor.Set(entry);
        if (replaced is not null && IsEvictable(replaced) && IsEvictable(entry))
            _evictable.Replace(replaced, entry);
        else
            Enlist(replaced, entry);
        if (replaced is not null)
            Discount(replaced);
        _entries++;
        Count(entry.Bytes);
        _tombstones += entry.Entry.IsTombstone ? 1 : 0;
        if (entry.Entry.ExpiresMs != 0)
            _expiring.Add(entry);
    }

    void Enlist(MemoryEntry? replaced, MemoryEntry entry)
    {
        if (replaced is not null && IsEvictable(replaced))
            _evictable.Remove(replaced);
        if (IsEvictable(entry))
            _evictable.Add(entry);
    }

    void Remove(ReadOnlySpan<byte> key, TreeEditor editor)
    {
        if (editor.Remove(key) is not { } removed)
            return;
        if (IsEvictable(removed))
            _evictable.Remove(removed);
        Discount(removed);
    }

    void Discount(MemoryEntry gone)
    {
        _expiring.Remove(gone);
        _entries--;
        Count(-gone.Bytes);
        _tombstones -= gone.Entry.IsTombstone ? 1 : 0;
    }

    void EvictBeyondBounds(TreeEditor editor)
    {
        while ((_entries > _options.EntriesMax || _bytes > _options.BytesMax) && EvictOne(editor)) { }
    }

    bool EvictOne(TreeEditor editor)
    {
        if (_evictable.FindVictim() is not { } victim)
            return false;
        CountEviction(victim.Bytes);
        if (_options.KeepTombstones && victim.Entry.IsExpired(NowMs))
            Put(new MemoryEntry(victim.Key, AsTombstone(victim.Entry)), editor);
        else
            Remove(victim.Key, editor);
        return true;
    }

    void Count(long bytes)
    {
        _bytes += bytes;
        if (!_hasLeft)
            _budget?.Add(bytes);
    }

    void CountEviction(long bytes)
    {
        _evictedEntries++;
        _evictedBytes += bytes;
    }

    bool IsEvictable(MemoryEntry entry) => !(_options.KeepTombstones && entry.Entry.IsTombstone);

    void Publish(State state) => Volatile.Write(ref _state, state);

    static StoredEntry AsTombstone(in StoredEntry expired) =>
        expired with
        {
            Flags = expired.Flags | EntryFlags.Tombstone,
            ContentType = "",
            Value = ReadOnlyMemory<byte>.Empty,
        };

    /// <summary>What readers see: entries, metadata and applied index of one moment.</summary>
    sealed record State(TreeNode? Root, ImmutableSortedDictionary<byte[], byte[]> Meta, ulong AppliedIndex)
    {
        public static readonly State Empty = new(
            null,
            ImmutableSortedDictionary.Create<byte[], byte[]>(
                Comparer<byte[]>.Create(static (left, right) => left.AsSpan().SequenceCompareTo(right))
            ),
            0
        );
    }
}
