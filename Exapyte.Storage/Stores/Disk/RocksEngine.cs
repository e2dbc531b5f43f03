using System.Runtime.InteropServices;
using static Exapyte.Storage.Stores.Disk.RocksNative;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// One open RocksDB. Every native call holds a pass of the gate, and every iterator is known here, so that disposing
/// waits for the calls, frees the iterators left open and only then closes: used in any other order the library ends
/// the process.
/// </summary>
internal sealed unsafe class RocksEngine : IDisposable
{
    readonly RocksSettings _settings;
    readonly nint _db;
    readonly nint _columnFamily;
    readonly HashSet<RocksIterator> _iterators = [];
    readonly Lock _iteratorsLock = new();
    bool _disposed;
    volatile string? _damage;

    RocksEngine(string folder, RocksSettings settings, nint db)
    {
        Folder = folder;
        Gate = new CallGate($"The store {folder}");
        _settings = settings;
        _db = db;
        _columnFamily = DefaultColumnFamily(db);
    }

    public string Folder { get; }

    public CallGate Gate { get; }

    /// <summary>
    /// What RocksDB met in its files while it wrote, after which it writes nothing any more; null while all is well.
    /// </summary>
    public string? Damage => _damage;

    public static RocksEngine Open(string folder, DiskStoreOptions options) => Open(folder, options, readOnly: false);

    /// <summary>Opens without a lock and without changing a file; writes fail.</summary>
    public static RocksEngine OpenReadOnly(string folder, DiskStoreOptions options) =>
        Open(folder, options, readOnly: true);

    static RocksEngine Open(string folder, DiskStoreOptions options, bool readOnly)
    {
        var settings = new RocksSettings(options);
        byte* error = null;
        byte* path = (byte*)Marshal.StringToCoTaskMemUTF8(folder);
        nint db = readOnly
            ? OpenForReadOnly(settings.Database, path, failIfLogExists: 0, &error)
            : RocksNative.Open(settings.Database, path, &error);
        Marshal.FreeCoTaskMem((nint)path);
        if (error is null)
            return new RocksEngine(folder, settings, db);
        settings.Dispose();
        RocksError.ThrowIfSet(error, folder);
        throw new InvalidOperationException("An error that is set is thrown.");
    }

    /// <summary>Writes a batch in RocksDB's own representation.</summary>
    public void Write(ReadOnlySpan<byte> representation)
    {
        using CallGate.Pass pass = Gate.Enter();
        fixed (byte* bytes = representation)
            WriteAndDestroy(WriteBatchCreateFrom(bytes, (nuint)representation.Length));
    }

    /// <summary>Deletes all rows from <paramref name="start"/> up to, not including, <paramref name="end"/>.</summary>
    public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        using CallGate.Pass pass = Gate.Enter();
        nint batch = WriteBatchCreate();
        fixed (byte* from = start)
        fixed (byte* to = end)
            WriteBatchDeleteRange(batch, from, (nuint)start.Length, to, (nuint)end.Length);
        WriteAndDestroy(batch);
    }

    /// <summary>
    /// Drops the files all of whose rows lie between the two keys, unread, but for those of the first level. What is left of
    /// the range may show older rows again: it must have been deleted before, or be deleted next and never read.
    /// </summary>
    public void DeleteFiles(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        using CallGate.Pass pass = Gate.Enter();
        byte* error = null;
        fixed (byte* from = start)
        fixed (byte* to = end)
            DeleteFilesInRange(_db, from, (nuint)start.Length, to, (nuint)end.Length, &error);
        ThrowIfWriteFailed(error);
    }

    /// <summary>
    /// Reads a row, from disk only when <paramref name="persistedOnly"/> is set. The row holds a pass: dispose it
    /// before anything else is asked of the store.
    /// </summary>
    public PinnedRow Get(ReadOnlySpan<byte> key, bool persistedOnly = false)
    {
        CallGate.Pass pass = Gate.Enter();
        byte* error = null;
        nint slice;
        fixed (byte* bytes = key)
        {
            nint options = persistedOnly ? _settings.ReadPersisted : _settings.Read;
            slice = GetPinned(_db, options, bytes, (nuint)key.Length, &error);
        }
        if (error is null)
            return new PinnedRow(slice, pass);
        pass.Dispose();
        RocksError.ThrowIfSet(error, Folder);
        return default;
    }

    public RocksIterator OpenIterator(byte[] start, byte[] end, bool fillsCache = true)
    {
        using CallGate.Pass pass = Gate.Enter();
        var iterator = new RocksIterator(this, _db, start, end, fillsCache);
        lock (_iteratorsLock)
            _iterators.Add(iterator);
        return iterator;
    }

    public void Forget(RocksIterator iterator)
    {
        lock (_iteratorsLock)
            _iterators.Remove(iterator);
    }

    public void Flush()
    {
        using CallGate.Pass pass = Gate.Enter();
        byte* error = null;
        RocksNative.Flush(_db, _settings.Flush, &error);
        ThrowIfWriteFailed(error);
    }

    public void Compact(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        using CallGate.Pass pass = Gate.Enter();
        fixed (byte* from = start)
        fixed (byte* to = end)
            CompactRange(_db, _settings.Compact, from, (nuint)start.Length, to, (nuint)end.Length);
    }

    /// <summary>Reads a numeric property of RocksDB; 0 when it does not know it.</summary>
    public long Property(string name)
    {
        using CallGate.Pass pass = Gate.Enter();
        ulong value = 0;
        return PropertyInt(_db, name, &value) == 0 ? (long)value : 0;
    }

    /// <summary>About how many bytes the rows between two keys take in files and memory.</summary>
    public long ApproximateBytes(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        using CallGate.Pass pass = Gate.Enter();
        ulong size = 0;
        byte* error = null;
        fixed (byte* from = start)
        fixed (byte* to = end)
        {
            byte* startKey = from;
            byte* endKey = to;
            nuint startLength = (nuint)start.Length;
            nuint endLength = (nuint)end.Length;
            const byte Everything = SizeOfMemtables | SizeOfFiles;
            ApproximateSizes(
                _db,
                _columnFamily,
                1,
                &startKey,
                &startLength,
                &endKey,
                &endLength,
                Everything,
                &size,
                &error
            );
        }
        RocksError.ThrowIfSet(error, Folder);
        return (long)size;
    }

    public long CacheBytes()
    {
        using CallGate.Pass pass = Gate.Enter();
        return (long)CacheUsage(_settings.Cache);
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, true))
            return;
        if (Gate.TryEnter(out CallGate.Pass pass))
        {
            DisableManualCompaction(_db);
            pass.Dispose();
        }
        Gate.Close();
        foreach (RocksIterator iterator in _iterators)
            iterator.Free();
        _iterators.Clear();
        ColumnFamilyDestroy(_columnFamily);
        Close(_db);
        _settings.Dispose();
    }

    void WriteAndDestroy(nint batch)
    {
        byte* error = null;
        RocksNative.Write(_db, _settings.Write, batch, &error);
        WriteBatchDestroy(batch);
        ThrowIfWriteFailed(error);
    }

    /// <summary>
    /// Damage that a write meets is none of the rows written: a flush or compaction has met it, and RocksDB refuses all
    /// writes from then on.
    /// </summary>
    void ThrowIfWriteFailed(byte* error)
    {
        try
        {
            RocksError.ThrowIfSet(error, Folder);
        }
        catch (StoreDamagedException met)
        {
            _damage ??= met.Message;
            throw new StoreBrokenException(met.Message, met);
        }
    }
}

/// <summary>A row where RocksDB holds it: valid until disposed.</summary>
internal readonly unsafe ref struct PinnedRow(nint slice, CallGate.Pass pass)
{
    readonly CallGate.Pass _pass = pass;

    public bool IsFound => slice != 0;

    public ReadOnlySpan<byte> Value
    {
        get
        {
            nuint length;
            byte* value = PinnableSliceValue(slice, &length);
            return new ReadOnlySpan<byte>(value, (int)length);
        }
    }

    public void Dispose()
    {
        if (slice != 0)
            PinnableSliceDestroy(slice);
        _pass.Dispose();
    }
}
