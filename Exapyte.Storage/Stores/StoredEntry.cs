namespace Exapyte.Storage.Stores;

/// <summary>What an entry is, beside its value.</summary>
[Flags]
public enum EntryFlags : byte
{
    /// <summary>An ordinary entry.</summary>
    None = 0,

    /// <summary>A delete that is remembered so that an older write cannot bring the key back.</summary>
    Tombstone = 1,
}

/// <summary>
/// An entry as a store holds it. A store returns tombstones and expired entries too: whether they are visible is
/// decided by its caller, who knows the applied stamp (<see cref="IsLive"/>).
/// </summary>
/// <param name="Version">The version of the write.</param>
/// <param name="ModifiedMs">When it was written, in Unix milliseconds.</param>
/// <param name="ExpiresMs">When it expires, in Unix milliseconds; 0 means never.</param>
/// <param name="Flags">What the entry is.</param>
/// <param name="ContentType">The media type of the value; empty means none.</param>
/// <param name="Value">
/// The value. Memory that a store returns is never written again and may be kept as long as one likes.
/// </param>
public readonly record struct StoredEntry(
    EntryVersion Version,
    long ModifiedMs,
    long ExpiresMs,
    EntryFlags Flags,
    string ContentType,
    ReadOnlyMemory<byte> Value
)
{
    /// <summary>Whether this is a remembered delete.</summary>
    public bool IsTombstone => (Flags & EntryFlags.Tombstone) != EntryFlags.None;

    /// <summary>
    /// Whether the entry has expired at <paramref name="nowMs"/>: it is hidden from that millisecond on.
    /// </summary>
    public bool IsExpired(long nowMs) => ExpiresMs != 0 && ExpiresMs <= nowMs;

    /// <summary>Whether a reader whose time is <paramref name="nowMs"/> may see the entry.</summary>
    public bool IsLive(long nowMs) => !IsTombstone && !IsExpired(nowMs);
}

/// <summary>A key with its entry.</summary>
public readonly record struct KeyedEntry(ReadOnlyMemory<byte> Key, StoredEntry Entry);

/// <summary>An entry without its value, and the value's length in bytes.</summary>
public readonly record struct EntryHeader(StoredEntry Entry, int ValueBytes);
