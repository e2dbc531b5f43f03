using Exapyte.Storage.Stores.Disk;

namespace Exapyte.Storage.Stores;

/// <summary>
/// The state of all shard replicas of a node whose keyspaces are stored on disk: one RocksDB, where every row is
/// prefixed with the id of its shard replica.
/// </summary>
/// <remarks>
/// There is no write-ahead log: what was applied and not flushed is gone after a crash, whole batches at a time and
/// the latest first, and is replayed from the log behind <see cref="IShardStore.AppliedIndex"/>. The log may be
/// compacted up to <see cref="IShardStore.ReadFlushedIndex"/> only.
/// Thread-safety: everything may be called from any thread. Disposing waits for calls under way and ends the scans
/// that are open; calls after it throw <see cref="ObjectDisposedException"/>.
/// </remarks>
public sealed class DiskStore : IDisposable
{
    /// <summary>Given up for opening only: writes may have used up the ballast before the process ended.</summary>
    const int OpeningReserveBytes = 4 * 1024 * 1024;

    const int BallastSpareFactor = 4;

    readonly RocksEngine _engine;
    readonly Ballast _ballast;
    readonly Ballast _openingReserve;
    volatile bool _isFull;
    readonly Dictionary<(ulong Prefix, ulong Shard), DiskShardStore> _shards = [];
    readonly Lock _shardsLock = new();

    DiskStore(RocksEngine engine, Ballast ballast, Ballast openingReserve)
    {
        _engine = engine;
        _ballast = ballast;
        _openingReserve = openingReserve;
    }

    /// <summary>Whether the last write or flush found no space.</summary>
    public bool IsFull => _isFull;

    /// <summary>
    /// What made the store refuse all writes for good (<see cref="StoreBrokenException"/>), with file and offset as RocksDB
    /// tells; null while it takes them.
    /// </summary>
    public string? Damage => _engine.Damage;

    /// <summary>The folder of the store.</summary>
    public string Folder => _engine.Folder;

    /// <summary>What the store holds and does now.</summary>
    public DiskStoreStatistics Statistics =>
        new(
            _engine.Property("rocksdb.cur-size-all-mem-tables"),
            _engine.CacheBytes(),
            _engine.Property("rocksdb.live-sst-files-size"),
            _engine.Property("rocksdb.total-sst-files-size"),
            _engine.Property("rocksdb.estimate-num-keys"),
            _engine.Property("rocksdb.estimate-pending-compaction-bytes"),
            _engine.Property("rocksdb.num-running-flushes"),
            _engine.Property("rocksdb.num-running-compactions"),
            _engine.Property("rocksdb.background-errors"),
            _engine.Property("rocksdb.is-write-stopped") != 0
        );

    /// <summary>Opens the store in <paramref name="folder"/>, which is made if it is not there.</summary>
    /// <exception cref="StoreFormatException">A later version wrote it.</exception>
    /// <exception cref="StoreInUseException">The folder is open already, in this process or another one.</exception>
    /// <exception cref="StoreDamagedException">The files are damaged.</exception>
    /// <exception cref="StoreFullException">The disk is full, even without the ballast.</exception>
    /// <exception cref="StoreFailedException">The files cannot be read or written.</exception>
    public static DiskStore Open(string folder, DiskStoreOptions options)
    {
        if (options.FindFault() is { } fault)
            throw new ArgumentException(fault, nameof(options));
        string path = Path.GetFullPath(folder);
        Directory.CreateDirectory(path);
        var ballast = new Ballast(path, "ballast", options.BallastBytesOrDefault, BallastSpareFactor);
        var reserve = new Ballast(path, "reserve", options.BallastBytes == 0 ? 0 : OpeningReserveBytes, spareFactor: 1);
        RocksEngine engine = OpenEngine(path, options, ballast, reserve);
        try
        {
            StoreFormat.Require(engine);
        }
        catch
        {
            engine.Dispose();
            throw;
        }
        reserve.Create();
        ballast.Create();
        return new DiskStore(engine, ballast, reserve);
    }

    /// <summary>
    /// The store of a shard replica that has a prefix of its own: the view of all its keys. The same object each time, until
    /// the prefix is deleted.
    /// </summary>
    public IShardStore OpenShard(ulong prefix, ulong shard = 0) => OpenView(StoreView.Whole(prefix, shard));

    /// <summary>
    /// A view; the same object each time, until the prefix is deleted. The first time its rows are brought to the present
    /// format.
    /// </summary>
    /// <exception cref="StoreFullException">There is no space for that.</exception>
    public IShardStore OpenView(StoreView view)
    {
        lock (_shardsLock)
        {
            if (!_shards.TryGetValue((view.Prefix, view.Shard), out DiskShardStore? shard))
                _shards[(view.Prefix, view.Shard)] = shard = NewShard(view);
            return shard;
        }
    }

    /// <summary>
    /// Removes everything under a prefix, unread: it may be damaged. The objects that were views of it refuse reads and
    /// writes from now on (<see cref="StoreDeletedException"/>). A part of it, or all, comes back after a crash unless <see cref="Flush"/> followed.
    /// </summary>
    public void DeleteShard(ulong prefix)
    {
        lock (_shardsLock)
        {
            DiskShardStore[] views = [.. _shards.Values.Where(shard => shard.Prefix == prefix)];
            foreach (DiskShardStore shard in views)
            {
                _shards.Remove((prefix, shard.Shard));
                shard.Delete();
            }
            if (views.Length == 0)
                DiskShardStore.Delete(_engine, prefix);
        }
    }

    /// <summary>The prefixes that have any row, in order.</summary>
    public IReadOnlyList<ulong> ListPrefixes()
    {
        var prefixes = new List<ulong>();
        byte[] start = RowKey.ShardEnd(RowKey.StorePrefix);
        using RocksIterator iterator = _engine.OpenIterator(start, RowKey.ShardEnd(ulong.MaxValue));
        byte[] row = new byte[64];
        while (iterator.Seek(start, ref row) >= 0)
        {
            ulong prefix = RowKey.PrefixOf(row);
            prefixes.Add(prefix);
            start = RowKey.ShardEnd(prefix);
        }
        return prefixes;
    }

    /// <summary>
    /// Writes what is in memory to disk and syncs it. Returns when everything applied before is durable.
    /// </summary>
    /// <exception cref="StoreFullException">
    /// There is no space. The ballast, if there was one, is given up; flushing again succeeds once RocksDB, which looks
    /// every few seconds, finds enough space.
    /// </exception>
    public void Flush()
    {
        try
        {
            _engine.Flush();
            _isFull = false;
            _openingReserve.Create();
            _ballast.Create();
        }
        catch (StoreFullException)
        {
            GiveUpBallast();
            throw;
        }
    }

    /// <summary>
    /// Rewrites the whole store without what was overwritten, deleted or swept, and returns when it is done. Reads and
    /// writes go on meanwhile. The store compacts itself as it is written to; this is for giving space back at once.
    /// </summary>
    public void Compact() => _engine.Compact(RowKey.ShardStart(0), RowKey.ShardEnd(ulong.MaxValue));

    /// <summary>Does what <see cref="Compact()"/> does for one shard replica.</summary>
    public void Compact(ulong prefix) => _engine.Compact(RowKey.ShardStart(prefix), RowKey.ShardEnd(prefix));

    /// <summary>
    /// Deletes entries of a shard replica that had expired at <paramref name="appliedStampMs"/> (Unix milliseconds);
    /// see <see cref="IShardStore.SweepExpired"/>.
    /// </summary>
    public long SweepExpired(ulong prefix, long appliedStampMs, int entriesMax) =>
        OpenShard(prefix).SweepExpired(appliedStampMs, entriesMax);

    /// <inheritdoc/>
    public void Dispose() => _engine.Dispose();

    DiskShardStore NewShard(StoreView view) =>
        new(_engine, view, onFull: GiveUpBallast, onWritten: () => _isFull = false);

    void GiveUpBallast()
    {
        _isFull = true;
        _ballast.Drop();
    }

    static RocksEngine OpenEngine(string path, DiskStoreOptions options, Ballast ballast, Ballast reserve)
    {
        try
        {
            return RocksEngine.Open(path, options);
        }
        catch (StoreFullException) when (ballast.Drop() | reserve.Drop())
        {
            return RocksEngine.Open(path, options);
        }
    }
}
