namespace Exapyte.Storage.Stores;

/// <summary>How a <see cref="DiskStore"/> uses its node.</summary>
public sealed record DiskStoreOptions
{
    /// <summary>
    /// How many write buffers there are at most: one that is written and the others on their way to disk.
    /// </summary>
    internal const int WriteBuffers = 4;

    const long WriteBufferBytesMin = 1024 * 1024;
    const int OpenFilesMin = 16;
    const long WriteBufferBytesMax = 64 * 1024 * 1024;

    /// <summary>
    /// The memory of the store for the whole node, in bytes: half of it caches blocks, and up to half holds what is not
    /// flushed yet. At least 8 MiB; 256 MiB when not set.
    /// </summary>
    public long MemoryBytesMax { get; init; } = 256L * 1024 * 1024;

    /// <summary>How many table files are kept open at most.</summary>
    public int OpenFilesMax { get; init; } = 1024;

    /// <summary>
    /// The size of the ballast, in bytes: a file that only takes space, and is deleted when the disk is full so that
    /// what is in memory can still be flushed. 0 means none; the most that can be unflushed when not set.
    /// </summary>
    public long? BallastBytes { get; init; }

    /// <summary>
    /// Whether disposing flushes what is in memory, which makes the next start replay less of the log. Off, disposing
    /// leaves the folder as a crash would.
    /// </summary>
    public bool FlushesOnDispose { get; init; } = true;

    internal long BlockCacheBytes => MemoryBytesMax / 2;

    internal long WriteBufferBytes =>
        Math.Clamp(MemoryBytesMax / 2 / WriteBuffers, WriteBufferBytesMin, WriteBufferBytesMax);

    internal long BallastBytesOrDefault => BallastBytes ?? WriteBufferBytes * WriteBuffers;

    /// <summary>What is wrong with these options; <see langword="null"/> when nothing is.</summary>
    internal string? FindFault()
    {
        if (MemoryBytesMax < 8 * WriteBufferBytesMin)
            return $"{nameof(MemoryBytesMax)} is {MemoryBytesMax}; it takes at least 8 MiB.";
        if (OpenFilesMax < OpenFilesMin)
            return $"{nameof(OpenFilesMax)} is {OpenFilesMax}; it takes at least {OpenFilesMin}.";
        return BallastBytes < 0 ? $"{nameof(BallastBytes)} is {BallastBytes}; it cannot be negative." : null;
    }
}
