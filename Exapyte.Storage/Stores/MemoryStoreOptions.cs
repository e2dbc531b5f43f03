namespace Exapyte.Storage.Stores;

/// <summary>The bounds of a <see cref="MemoryStore"/>.</summary>
public sealed record MemoryStoreOptions
{
    /// <summary>How many entries it holds at most, tombstones among them.</summary>
    public long EntriesMax { get; init; } = long.MaxValue;

    /// <summary>
    /// How many bytes its entries take at most: keys, values, and what the store needs to keep them. Metadata is not
    /// counted. 256 MiB when not set; a <see cref="MemoryBudget"/> bounds it together with others.
    /// </summary>
    public long BytesMax { get; init; } = 256L * 1024 * 1024;

    /// <summary>
    /// Whether tombstones are spared by eviction, so that a delete is never forgotten before its time; live entries go
    /// instead, and tombstones alone may exceed the bounds. An expired entry is evicted down to a tombstone then.
    /// </summary>
    public bool KeepTombstones { get; init; } = true;

    /// <summary>What is wrong with these options; <see langword="null"/> when nothing is.</summary>
    internal string? FindFault()
    {
        if (EntriesMax < 1)
            return $"{nameof(EntriesMax)} is {EntriesMax}; it takes at least one.";
        return BytesMax < 1 ? $"{nameof(BytesMax)} is {BytesMax}; it takes at least one." : null;
    }
}

/// <summary>What a <see cref="MemoryStore"/> holds and has done since it was made.</summary>
/// <param name="Entries">Entries held, tombstones and expired ones included.</param>
/// <param name="Bytes">Bytes counted against <see cref="MemoryStoreOptions.BytesMax"/>.</param>
/// <param name="Tombstones">Tombstones held.</param>
/// <param name="EvictedEntries">Entries evicted for space.</param>
/// <param name="EvictedBytes">Bytes given back by eviction.</param>
/// <param name="SweptEntries">Entries removed because they had expired.</param>
public readonly record struct MemoryStoreStatistics(
    long Entries,
    long Bytes,
    long Tombstones,
    long EvictedEntries,
    long EvictedBytes,
    long SweptEntries
);
