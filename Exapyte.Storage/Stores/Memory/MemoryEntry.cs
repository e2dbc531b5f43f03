namespace Exapyte.Storage.Stores.Memory;

/// <summary>
/// An entry in memory. Readers see key and entry, which never change, and set <see cref="Visited"/>; all else belongs
/// to the writer.
/// </summary>
internal sealed class MemoryEntry(byte[] key, in StoredEntry entry)
{
    /// <summary>
    /// What an entry takes beside its bytes: this object, the headers of two arrays, its place in the tree.
    /// </summary>
    public const int OverheadBytes = 192;

    readonly StoredEntry _entry = entry;

    public byte[] Key { get; } = key;

    public ref readonly StoredEntry Entry => ref _entry;

    public long Bytes { get; } = OverheadBytes + key.Length + entry.Value.Length;

    /// <summary>Whether it was read since the eviction hand last passed it.</summary>
    public bool Visited { get; private set; }

    /// <summary>The neighbour that was added later.</summary>
    public MemoryEntry? Newer { get; set; }

    /// <summary>The neighbour that was added earlier.</summary>
    public MemoryEntry? Older { get; set; }

    /// <summary>The place in the expiry queue; -1 outside it.</summary>
    public int ExpiryAt { get; set; } = -1;

    /// <summary>Marks a read.</summary>
    /// <remarks>Looked at first, so that a hot entry's cache line is not written by every reader.</remarks>
    public void Visit()
    {
        if (!Visited)
            Visited = true;
    }

    public void Unvisit() => Visited = false;
}
