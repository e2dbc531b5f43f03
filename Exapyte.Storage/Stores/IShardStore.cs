namespace Exapyte.Storage.Stores;

/// <summary>Receives one row of metadata; the spans are valid during the call only. False ends the visit.</summary>
public delegate bool MetaVisitor(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

/// <summary>
/// The state of one shard replica, a view (<see cref="StoreView"/>): its entries, ordered by key, rows of metadata beside
/// them, and the index of the log up to which both are applied.
/// </summary>
/// <remarks>
/// Invariants: a batch is applied as a whole, with its applied index, or not at all; after a crash a store holds
/// exactly the batches up to some applied index, never a later one without an earlier one.
/// Thread-safety: any number of readers beside any number of writers; writers are taken one at a time. A call after
/// the store was disposed throws <see cref="ObjectDisposedException"/>.
/// Failures: <see cref="StoreDamagedException"/> where a checksum does not hold, <see cref="StoreFullException"/>
/// where the disk is full, else <see cref="StoreFailedException"/>.
/// </remarks>
public interface IShardStore
{
    /// <summary>The keys that are the shard's: entries outside of them are not there, in reads, scans, counts and sweeps.</summary>
    KeyRange Bounds
    {
        get => KeyRange.All;
        set
        {
            if (!value.Start.IsEmpty || value.End is not null)
                throw new NotSupportedException("This store has no bounds.");
        }
    }

    /// <summary>The log index up to which this store is applied, in memory.</summary>
    ulong AppliedIndex { get; }

    /// <summary>
    /// The log index that would be found after a crash now: the log may be compacted up to it, no further. A store
    /// in memory answers 0.
    /// </summary>
    ulong ReadFlushedIndex();

    /// <summary>A batch for this store, to be filled, applied, cleared and filled again.</summary>
    StoreBatch NewBatch();

    /// <summary>Applies a batch that this store made: all of it, atomically.</summary>
    void Apply(StoreBatch batch);

    /// <summary>Reads an entry; tombstones and expired entries too.</summary>
    bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry);

    /// <summary>
    /// Reads an entry without its value (<see cref="StoredEntry.Value"/> is empty), which saves its copy; the checksum
    /// is verified all the same.
    /// </summary>
    bool TryGetHeader(ReadOnlySpan<byte> key, out StoredEntry entryWithoutValue);

    /// <summary>Reads a row of metadata; <see langword="null"/> when there is none.</summary>
    byte[]? GetMeta(ReadOnlySpan<byte> key);

    /// <summary>
    /// Visits the rows of metadata whose key begins with <paramref name="prefix"/>, in order; those before
    /// <paramref name="from"/> are passed over unseen.
    /// </summary>
    void ScanMeta(ReadOnlySpan<byte> prefix, MetaVisitor visitor, ReadOnlySpan<byte> from = default);

    /// <summary>Opens a scan over the state of this moment; later writes do not show in it.</summary>
    IStoreScan Scan(KeyRange range, bool reverse);

    /// <summary>
    /// Opens a scan over metadata and entries of this moment; later writes do not show in it. A store on disk reads past
    /// its cache what is not in it, and leaves the cache as it is. Nothing may be applied while it is opened.
    /// </summary>
    IStateScan ScanState() => new CopiedStateScan(this);

    /// <summary>
    /// Finds entries that have ended at <paramref name="atMs"/> (Unix milliseconds): those that ended first, at most
    /// <paramref name="entriesMax"/>.
    /// </summary>
    IReadOnlyList<byte[]> FindExpired(long atMs, int entriesMax);

    /// <summary>
    /// Deletes entries that had expired at <paramref name="appliedStampMs"/> (Unix milliseconds), at most
    /// <paramref name="entriesMax"/> rows a call, and returns how many entries went.
    /// </summary>
    long SweepExpired(long appliedStampMs, int entriesMax);

    /// <summary>About how many entries there are, tombstones and expired ones included.</summary>
    long ApproximateCount { get; }

    /// <summary>About how many bytes they take, where they are stored.</summary>
    long ApproximateBytes { get; }

    /// <summary>The same of its entries alone, without metadata.</summary>
    long ApproximateEntryBytes => ApproximateBytes;

    /// <summary>Removes every entry and every row of metadata and sets the applied index to 0.</summary>
    void Clear();
}

/// <summary>
/// A cursor over the state that a store had when the scan was opened. One thread at a time; dispose it soon, for it
/// keeps the old state alive.
/// </summary>
public interface IStoreScan : IDisposable
{
    /// <summary>Moves to the next entry. False at the end; damage or an I/O error met on the way throws.</summary>
    bool MoveNext();

    /// <summary>
    /// Moves to the first entry at or behind the key, in a reverse scan to the first before it, without looking at what lies in
    /// between. The key lies ahead of the cursor. Answers as <see cref="MoveNext"/> does.
    /// </summary>
    bool MoveTo(ReadOnlySpan<byte> key);

    /// <summary>The key at the cursor, valid until the next <see cref="MoveNext"/>.</summary>
    ReadOnlySpan<byte> CurrentKey { get; }

    /// <summary>The entry at the cursor with a copy of its value; its checksum is verified.</summary>
    StoredEntry Current { get; }

    /// <summary>The entry at the cursor without its value, of which only the length is told; its checksum is verified.</summary>
    EntryHeader CurrentHeader { get; }
}
