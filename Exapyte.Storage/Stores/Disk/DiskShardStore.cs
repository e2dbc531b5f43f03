using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>The part of a <see cref="DiskStore"/> that is one shard replica.</summary>
internal sealed class DiskShardStore : IShardStore
{
    const int CountSampleMax = 4096;

    readonly RocksEngine _engine;
    readonly Action _onFull;
    readonly Action _onWritten;
    readonly Lock _writes = new();
    readonly byte[] _start;
    readonly byte[] _end;
    ulong _appliedIndex;
    long _sweptToMs;
    volatile bool _deleted;

    public DiskShardStore(RocksEngine engine, ulong prefix, Action onFull, Action onWritten)
    {
        _engine = engine;
        _onFull = onFull;
        _onWritten = onWritten;
        Prefix = prefix;
        _start = RowKey.ShardStart(prefix);
        _end = RowKey.ShardEnd(prefix);
        _appliedIndex = ReadAppliedIndex(persistedOnly: false);
    }

    public ulong Prefix { get; }

    public ulong AppliedIndex => Volatile.Read(ref _appliedIndex);

    public long ApproximateBytes => _engine.ApproximateBytes(_start, _end);

    /// <summary>
    /// Counts up to <see cref="CountSampleMax"/> entries; where there are more, the bytes that those take are put in
    /// proportion to the bytes of all.
    /// </summary>
    public long ApproximateCount
    {
        get
        {
            byte[] first = RowKey.Build(Prefix, RowSpace.Entry, ReadOnlySpan<byte>.Empty);
            byte[] end = RowKey.SpaceEnd(Prefix, RowSpace.Entry);
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

    public StoreBatch NewBatch() => new DiskBatch(this, Prefix);

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
        using PinnedRow row = _engine.Get(RowKey.Build(buffer, Prefix, RowSpace.Meta, key));
        ThrowIfDeleted();
        return row.IsFound ? DecodeMeta(row.Value, key) : null;
    }

    public void ScanMeta(ReadOnlySpan<byte> prefix, MetaVisitor visitor)
    {
        using RocksIterator iterator = OpenIterator(RowSpace.Meta, KeyRange.Prefix(prefix));
        byte[] row = new byte[64];
        int length;
        while ((length = iterator.Move(reverse: false, ref row)) >= 0)
        {
            ReadOnlySpan<byte> key = row.AsSpan(RowKey.HeadBytes, length - RowKey.HeadBytes);
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

    public IStoreScan Scan(KeyRange range, bool reverse) =>
        new DiskScan(this, OpenIterator(RowSpace.Entry, range), reverse);

    public IStateScan ScanState() =>
        new DiskStateScan(
            this,
            NotOfDeleted(_engine.OpenIterator(_start, RowKey.SpaceEnd(Prefix, RowSpace.Entry), fillsCache: false))
        );

    /// <inheritdoc/>
    /// <remarks>
    /// Walks the expiry index up to the stamp. A row that is due is deleted together with its entry, or alone, if the
    /// entry was written again since and has another row or none. Writers wait meanwhile, so that no entry is written
    /// between being looked at and being deleted.
    /// </remarks>
    public long SweepExpired(long appliedStampMs, int entriesMax)
    {
        lock (_writes)
        {
            ThrowIfDeleted();
            var batch = new DiskBatch(this, Prefix);
            (long swept, long reachedMs) = CollectExpired(appliedStampMs, entriesMax, batch);
            if (!batch.IsEmpty)
                Write(batch);
            _sweptToMs = reachedMs;
            return swept;
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
        entry = row.IsFound ? Decode(row.Value, key, withValue) : default;
        return row.IsFound;
    }

    ulong ReadAppliedIndex(bool persistedOnly)
    {
        Span<byte> buffer = stackalloc byte[RowKey.HeadBytes];
        ReadOnlySpan<byte> rowKey = RowKey.Build(buffer, Prefix, RowSpace.Meta, ReadOnlySpan<byte>.Empty);
        using PinnedRow row = _engine.Get(rowKey, persistedOnly);
        return row.IsFound ? BinaryPrimitives.ReadUInt64LittleEndian(DecodeMeta(row.Value, default)) : 0;
    }

    (long Swept, long ReachedMs) CollectExpired(long stampMs, int rowsMax, DiskBatch batch)
    {
        Span<byte> due = stackalloc byte[RowKey.DueBytes];
        BinaryPrimitives.WriteInt64BigEndian(due, _sweptToMs);
        byte[] from = RowKey.Build(Prefix, RowSpace.Expiry, due);
        using RocksIterator iterator = _engine.OpenIterator(from, RowKey.SpaceEnd(Prefix, RowSpace.Expiry));
        byte[] row = new byte[64];
        long swept = 0;
        long reachedMs = _sweptToMs;
        for (int rows = 0; rows < rowsMax; rows++)
        {
            int length = iterator.Move(reverse: false, ref row);
            if (length < 0)
                break;
            ReadOnlySpan<byte> dueAndKey = row.AsSpan(RowKey.HeadBytes, length - RowKey.HeadBytes);
            long dueMs = BinaryPrimitives.ReadInt64BigEndian(dueAndKey);
            if (dueMs > stampMs)
                break;
            reachedMs = dueMs;
            ReadOnlySpan<byte> key = dueAndKey[RowKey.DueBytes..];
            batch.DeleteExpiryRow(dueAndKey);
            if (!TryGetHeader(key, out StoredEntry entry) || !IsIndexedAt(dueMs, entry))
                continue;
            batch.Delete(key);
            swept++;
        }
        return (swept, reachedMs);
    }

    static bool IsIndexedAt(long dueMs, in StoredEntry entry) =>
        entry.ExpiresMs != 0 && ExpiryIndex.DueMs(entry.ModifiedMs, entry.ExpiresMs) == dueMs;

    RocksIterator OpenIterator(RowSpace space, KeyRange range)
    {
        byte[] start = RowKey.Build(Prefix, space, range.Start.Span);
        byte[] end = range.End is { } last ? RowKey.Build(Prefix, space, last.Span) : RowKey.SpaceEnd(Prefix, space);
        // RocksDB wants its bounds in order; a range that ends before it starts is the empty one at its start.
        return NotOfDeleted(_engine.OpenIterator(start, end.AsSpan().SequenceCompareTo(start) < 0 ? start : end));
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
        _engine.DeleteRange(_start, _end);
        _sweptToMs = 0;
        Volatile.Write(ref _appliedIndex, 0);
    }

    static void DeleteFiles(RocksEngine engine, ulong prefix) =>
        engine.DeleteFiles(RowKey.ShardStart(prefix), RowKey.ShardEnd(prefix));

    public byte[] DecodeMeta(ReadOnlySpan<byte> row, ReadOnlySpan<byte> key) =>
        ChecksummedRow.TryRead(row, key, out ReadOnlySpan<byte> value)
            ? value.ToArray()
            : throw Damaged("metadata", key, "the checksum does not hold");

    StoreDamagedException Damaged(string what, ReadOnlySpan<byte> key, string damage) =>
        new($"The {what} with the key 0x{Convert.ToHexString(key)} in shard {Prefix} of {_engine.Folder}: {damage}.");

    /// <summary>Readers ask after they have read: what was read before the shard was marked was there.</summary>
    void ThrowIfDeleted()
    {
        if (_deleted)
            throw new StoreDeletedException($"Shard {Prefix} of {_engine.Folder} has been deleted.");
    }

    readonly ref struct MetaRow(DiskShardStore store, ReadOnlySpan<byte> key)
    {
        public DiskShardStore Store { get; } = store;
        public ReadOnlySpan<byte> Key { get; } = key;
    }
}
