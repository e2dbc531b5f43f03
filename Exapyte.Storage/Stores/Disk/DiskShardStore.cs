using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>The part of a <see cref="DiskStore"/> that is one shard replica: a view of a prefix.</summary>
internal sealed class DiskShardStore : IShardStore
{
    const int CountSampleMax = 4096;

    readonly RocksEngine _engine;
    readonly Action _onFull;
    readonly Action _onWritten;
    readonly Lock _writes = new();
    Box<KeyRange> _bounds;
    ulong _appliedIndex;
    long _sweptToMs;
    volatile bool _deleted;

    public DiskShardStore(RocksEngine engine, StoreView view, Action onFull, Action onWritten)
    {
        _engine = engine;
        _onFull = onFull;
        _onWritten = onWritten;
        Prefix = view.Prefix;
        Shard = view.Shard;
        _bounds = new(view.Bounds);
        StoreMigration.RunIfNeeded(engine, view);
        _appliedIndex = ReadAppliedIndex(persistedOnly: false);
    }

    public ulong Prefix { get; }

    /// <summary>Whose metadata it is.</summary>
    public ulong Shard { get; }

    public KeyRange Bounds
    {
        get => Volatile.Read(ref _bounds).Value;
        set => Volatile.Write(ref _bounds, new(value));
    }

    public ulong AppliedIndex => Volatile.Read(ref _appliedIndex);

    public long ApproximateEntryBytes => _engine.ApproximateBytes(EntryKey(Bounds.Start.Span), EntryEnd(Bounds));

    public long ApproximateBytes =>
        ApproximateEntryBytes
        + _engine.ApproximateBytes(RowKey.BuildMeta(Prefix, Shard, default), RowKey.MetaEnd(Prefix, Shard));

    /// <summary>
    /// Counts up to <see cref="CountSampleMax"/> entries; where there are more, the bytes that those take are put in
    /// proportion to the bytes of all.
    /// </summary>
    public long ApproximateCount
    {
        get
        {
            byte[] first = EntryKey(Bounds.Start.Span);
            byte[] end = EntryEnd(Bounds);
            using RocksIterator iterator = _engine.OpenIterator(first, end);
            byte[] key = new byte[64];
            int length = 0;
            for (int count = 0; count < CountSampleMax; count++)
            {
                int next = iterator.Move(reverse: false, ref key);
                if (next < 0)
                    return count;
                length = next;
            }
            long sampleBytes = _engine.ApproximateBytes(first, key.AsSpan(0, length));
            long allBytes = _engine.ApproximateBytes(first, end);
            double share = sampleBytes > 0 ? Math.Max(1, (double)allBytes / sampleBytes) : 1;
            return (long)(CountSampleMax * share);
        }
    }

    public ulong ReadFlushedIndex() => ReadAppliedIndex(persistedOnly: true);

    public StoreBatch NewBatch() => new DiskBatch(this, Prefix, Shard);

    public void Apply(StoreBatch batch)
    {
        if (batch is not DiskBatch mine || mine.Store != this)
            throw new ArgumentException("The batch was made by another store.", nameof(batch));
        if (mine.IsEmpty)
            return;
        lock (_writes)
        {
            ThrowIfDeleted();
            Write(mine);
            _sweptToMs = Math.Min(_sweptToMs, mine.FirstDueMs);
            if (mine.AppliedIndex is { } index)
                Volatile.Write(ref _appliedIndex, index);
        }
    }

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => TryGet(key, true, out entry);

    public bool TryGetHeader(ReadOnlySpan<byte> key, out StoredEntry entryWithoutValue) =>
        TryGet(key, false, out entryWithoutValue);

    public byte[]? GetMeta(ReadOnlySpan<byte> key)
    {
        Span<byte> buffer = stackalloc byte[RowKey.StackBytesMax];
        using PinnedRow row = _engine.Get(RowKey.BuildMeta(buffer, Prefix, Shard, key));
        ThrowIfDeleted();
        return row.IsFound ? DecodeMeta(row.Value, key) : null;
    }

    public void ScanMeta(ReadOnlySpan<byte> prefix, MetaVisitor visitor, ReadOnlySpan<byte> from = default)
    {
        using RocksIterator iterator = OpenMeta(prefix, from);
        byte[] row = new byte[64];
        int length;
        while ((length = iterator.Move(reverse: false, ref row)) >= 0)
        {
            ReadOnlySpan<byte> key = row.AsSpan(RowKey.MetaHeadBytes, length - RowKey.MetaHeadBytes);
            if (key.IsEmpty)
                continue;
            byte[] value = iterator.Read(
                new MetaRow(this, key),
                static (bytes, meta) => meta.Store.DecodeMeta(bytes, meta.Key)
            );
            if (!visitor(key, value))
                return;
        }
    }

    public IStoreScan Scan(KeyRange range, bool reverse) => new DiskScan(this, OpenEntries(range), reverse);

    public IStateScan ScanState()
    {
        RocksIterator meta = OpenMeta(default, default, fillsCache: false);
        try
        {
            return new DiskStateScan(this, meta, OpenEntries(KeyRange.All, fillsCache: false));
        }
        catch
        {
            meta.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> FindExpired(long atMs, int entriesMax)
    {
        lock (_writes)
        {
            ThrowIfDeleted();
            return VisitExpired(atMs, entriesMax, new DiskBatch(this, Prefix, Shard));
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Walks the expiry index up to the stamp. Writers wait meanwhile, so that no entry is written between being looked at
    /// and being deleted.
    /// </remarks>
    public long SweepExpired(long appliedStampMs, int entriesMax)
    {
        lock (_writes)
        {
            ThrowIfDeleted();
            var batch = new DiskBatch(this, Prefix, Shard);
            return VisitExpired(appliedStampMs, entriesMax, batch, deletes: true).Count;
        }
    }

    public void Clear()
    {
        lock (_writes)
        {
            ThrowIfDeleted();
            DeleteRows();
        }
    }

    /// <summary>
    /// Removes all rows and refuses reads and writes from now on. Files first: where the disk is full that may make room for
    /// the rest, and older rows that it uncovers are of nobody's any more.
    /// </summary>
    public void Delete()
    {
        lock (_writes)
        {
            _deleted = true;
            DeleteFiles(_engine, Prefix);
            DeleteRows();
        }
    }

    /// <summary>Removes all rows of a shard that is not open. None is read, for they may be damaged.</summary>
    public static void Delete(RocksEngine engine, ulong prefix)
    {
        DeleteFiles(engine, prefix);
        engine.DeleteRange(RowKey.ShardStart(prefix), RowKey.ShardEnd(prefix));
    }

    public StoredEntry Decode(ReadOnlySpan<byte> row, ReadOnlySpan<byte> key, bool withValue) =>
        DecodeSized(row, key, withValue).Entry;

    public EntryHeader DecodeSized(ReadOnlySpan<byte> row, ReadOnlySpan<byte> key, bool withValue)
    {
        string? damage = EntryCodec.ReadSized(row, key, withValue, out EntryHeader header);
        return damage is null ? header : throw Damaged("entry", key, damage);
    }

    bool TryGet(ReadOnlySpan<byte> key, bool withValue, out StoredEntry entry)
    {
        Span<byte> buffer = stackalloc byte[RowKey.StackBytesMax];
        using PinnedRow row = _engine.Get(RowKey.Build(buffer, Prefix, RowSpace.Entry, key));
        ThrowIfDeleted();
        if (!Bounds.Contains(key))
        {
            entry = default;
            return false;
        }
        entry = row.IsFound ? Decode(row.Value, key, withValue) : default;
        return row.IsFound;
    }

    ulong ReadAppliedIndex(bool persistedOnly)
    {
        Span<byte> buffer = stackalloc byte[RowKey.MetaHeadBytes];
        ReadOnlySpan<byte> rowKey = RowKey.BuildMeta(buffer, Prefix, Shard, ReadOnlySpan<byte>.Empty);
        using PinnedRow row = _engine.Get(rowKey, persistedOnly);
        return row.IsFound ? BinaryPrimitives.ReadUInt64LittleEndian(DecodeMeta(row.Value, default)) : 0;
    }

    /// <summary>
    /// Visits what has ended, the first first. A row of the index whose entry is gone or ends at another time is deleted: a
    /// batch that wrote a key twice leaves one. What is visited begins where the visit before began, but for writes since.
    /// </summary>
    List<byte[]> VisitExpired(long atMs, int entriesMax, DiskBatch batch, bool deletes = false)
    {
        Span<byte> due = stackalloc byte[RowKey.DueBytes];
        BinaryPrimitives.WriteInt64BigEndian(due, _sweptToMs);
        byte[] from = RowKey.Build(Prefix, RowSpace.Expiry, due);
        using RocksIterator iterator = _engine.OpenIterator(from, RowKey.SpaceEnd(Prefix, RowSpace.Expiry));
        byte[] row = new byte[64];
        KeyRange bounds = Bounds;
        List<byte[]> found = [];
        long reachedMs = _sweptToMs;
        for (int rows = 0; rows < entriesMax; rows++)
        {
            int length = iterator.Move(reverse: false, ref row);
            if (length < 0)
                break;
            ReadOnlySpan<byte> dueAndKey = row.AsSpan(RowKey.HeadBytes, length - RowKey.HeadBytes);
            long dueMs = BinaryPrimitives.ReadInt64BigEndian(dueAndKey);
            if (dueMs > atMs)
                break;
            ReadOnlySpan<byte> key = dueAndKey[RowKey.DueBytes..];
            reachedMs = found.Count == 0 || deletes ? dueMs : reachedMs;
            if (!bounds.Contains(key))
                rows--;
            else if (!TryGetHeader(key, out StoredEntry entry) || !IsIndexedAt(dueMs, entry))
                batch.DeleteExpiryRow(dueAndKey);
            else
            {
                found.Add(key.ToArray());
                if (deletes)
                    batch.Delete(key, entry.ExpiresMs);
            }
        }
        if (!batch.IsEmpty)
            Write(batch);
        _sweptToMs = reachedMs;
        return found;
    }

    static bool IsIndexedAt(long dueMs, in StoredEntry entry) =>
        entry.ExpiresMs != 0 && DiskBatch.DueMs(entry.ExpiresMs) == dueMs;

    byte[] EntryKey(ReadOnlySpan<byte> key) => RowKey.Build(Prefix, RowSpace.Entry, key);

    byte[] EntryEnd(KeyRange range) =>
        range.End is { } end ? EntryKey(end.Span) : RowKey.SpaceEnd(Prefix, RowSpace.Entry);

    RocksIterator OpenEntries(KeyRange range, bool fillsCache = true)
    {
        range = range.Within(Bounds);
        byte[] start = EntryKey(range.Start.Span);
        byte[] end = EntryEnd(range);
        // RocksDB wants its bounds in order; a range that ends before it starts is the empty one at its start.
        return NotOfDeleted(
            _engine.OpenIterator(start, end.AsSpan().SequenceCompareTo(start) < 0 ? start : end, fillsCache)
        );
    }

    RocksIterator OpenMeta(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> from, bool fillsCache = true)
    {
        KeyRange range = KeyRange.Prefix(prefix);
        ReadOnlySpan<byte> first = from.SequenceCompareTo(prefix) > 0 ? from : prefix;
        byte[] start = RowKey.BuildMeta(Prefix, Shard, first);
        byte[] end = range.End is { } last ? RowKey.BuildMeta(Prefix, Shard, last.Span) : RowKey.MetaEnd(Prefix, Shard);
        return NotOfDeleted(
            _engine.OpenIterator(start, end.AsSpan().SequenceCompareTo(start) < 0 ? start : end, fillsCache)
        );
    }

    /// <summary>What an iterator shows is the state of when it was opened, whatever is deleted later.</summary>
    RocksIterator NotOfDeleted(RocksIterator opened)
    {
        if (_deleted)
            opened.Dispose();
        ThrowIfDeleted();
        return opened;
    }

    void Write(DiskBatch batch)
    {
        try
        {
            batch.WriteTo(_engine);
            _onWritten();
        }
        catch (StoreFullException)
        {
            _onFull();
            throw;
        }
    }

    void DeleteRows()
    {
        _engine.DeleteRange(RowKey.ShardStart(Prefix), RowKey.ShardEnd(Prefix));
        _sweptToMs = 0;
        Volatile.Write(ref _appliedIndex, 0);
    }

    static void DeleteFiles(RocksEngine engine, ulong prefix) =>
        engine.DeleteFiles(RowKey.ShardStart(prefix), RowKey.ShardEnd(prefix));

    public byte[] DecodeMeta(ReadOnlySpan<byte> row, ReadOnlySpan<byte> key)
    {
        Span<byte> buffer = stackalloc byte[RowKey.StackBytesMax];
        ReadOnlySpan<byte> rowKey = RowKey.BuildMeta(buffer, Prefix, Shard, key);
        return ChecksummedRow.TryRead(row, rowKey[RowKey.HeadBytes..], out ReadOnlySpan<byte> value)
            ? value.ToArray()
            : throw Damaged("metadata", key, "the checksum does not hold");
    }

    StoreDamagedException Damaged(string what, ReadOnlySpan<byte> key, string damage) =>
        new($"The {what} with the key 0x{Convert.ToHexString(key)} in shard {Prefix} of {_engine.Folder}: {damage}.");

    /// <summary>Readers ask after they have read: what was read before the shard was marked was there.</summary>
    void ThrowIfDeleted()
    {
        if (_deleted)
            throw new StoreDeletedException($"Shard {Prefix} of {_engine.Folder} has been deleted.");
    }

    /// <summary>A value that is swapped whole.</summary>
    sealed class Box<T>(T value)
    {
        public T Value => value;
    }

    readonly ref struct MetaRow(DiskShardStore store, ReadOnlySpan<byte> key)
    {
        public DiskShardStore Store { get; } = store;
        public ReadOnlySpan<byte> Key { get; } = key;
    }
}
