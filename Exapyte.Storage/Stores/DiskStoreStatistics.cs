namespace Exapyte.Storage.Stores;

/// <summary>What a <see cref="DiskStore"/> holds and does at a moment.</summary>
/// <param name="MemtableBytes">What is in write buffers, flushed or not, in bytes.</param>
/// <param name="BlockCacheBytes">What the block cache holds, in bytes.</param>
/// <param name="TableFileBytes">What the live table files take on disk, in bytes.</param>
/// <param name="TableFileBytesWithObsolete">The same with files that are kept only for scans still open.</param>
/// <param name="EstimatedRows">About how many rows there are, of every kind.</param>
/// <param name="PendingCompactionBytes">About how much compaction lags, in bytes.</param>
/// <param name="RunningFlushes">Flushes under way.</param>
/// <param name="RunningCompactions">Compactions under way.</param>
/// <param name="BackgroundErrors">How often flushes and compactions have failed since the store was opened.</param>
/// <param name="IsWriteStopped">Whether writes wait for flushes or compactions.</param>
public sealed record DiskStoreStatistics(
    long MemtableBytes,
    long BlockCacheBytes,
    long TableFileBytes,
    long TableFileBytesWithObsolete,
    long EstimatedRows,
    long PendingCompactionBytes,
    long RunningFlushes,
    long RunningCompactions,
    long BackgroundErrors,
    bool IsWriteStopped
);
