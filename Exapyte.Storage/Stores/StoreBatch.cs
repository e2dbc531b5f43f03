namespace Exapyte.Storage.Stores;

/// <summary>
/// Changes that a store applies as one. Keys and values are copied as they are added, so the caller's buffers are free
/// at once. A batch belongs to the store that made it, is used by one thread at a time, and is meant to be reused.
/// </summary>
public abstract class StoreBatch
{
    private protected StoreBatch() { }

    /// <summary>
    /// The log index that the store will have applied with this batch; <see langword="null"/> leaves it as it is.
    /// </summary>
    public ulong? AppliedIndex { get; set; }

    /// <summary>How many changes the batch holds, without the applied index.</summary>
    public abstract int Count { get; }

    /// <summary>About how many bytes the batch holds.</summary>
    public abstract long Bytes { get; }

    /// <summary>Whether applying it would change nothing.</summary>
    public bool IsEmpty => Count == 0 && AppliedIndex is null;

    /// <summary>Writes an entry, over whatever the key held.</summary>
    /// <param name="key">The key.</param>
    /// <param name="entry">What it is to hold.</param>
    /// <param name="replacedExpiresMs">
    /// When the entry that is there ends, Unix milliseconds, so that it leaves the expiry index; 0: it does not, or there is none.
    /// </param>
    public abstract void Put(ReadOnlySpan<byte> key, in StoredEntry entry, long replacedExpiresMs = 0);

    /// <summary>Removes the entry of a key, if there is one, without a trace.</summary>
    /// <param name="key">The key.</param>
    /// <param name="replacedExpiresMs">As in <see cref="Put"/>.</param>
    public abstract void Delete(ReadOnlySpan<byte> key, long replacedExpiresMs = 0);

    /// <summary>Writes a row of metadata. The key must not be empty.</summary>
    public abstract void PutMeta(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>Removes a row of metadata, if there is one. The key must not be empty.</summary>
    public abstract void DeleteMeta(ReadOnlySpan<byte> key);

    /// <summary>
    /// Writes a row of metadata of another view of the same prefix: what a split gives the shard that it makes. Before that
    /// view is opened only. The key must not be empty.
    /// </summary>
    /// <param name="shard">Whose row it is.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    public virtual void PutMetaOf(ulong shard, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => throw OneView();

    /// <summary>Writes the applied index that another view of the same prefix begins with; see <see cref="PutMetaOf"/>.</summary>
    /// <param name="shard">Whose it is.</param>
    /// <param name="index">The index, from 1.</param>
    public virtual void PutAppliedIndexOf(ulong shard, ulong index) => throw OneView();

    /// <summary>Empties the batch for its next use.</summary>
    public void Clear()
    {
        AppliedIndex = null;
        ClearChanges();
    }

    private protected abstract void ClearChanges();

    static NotSupportedException OneView() => new("The entries of this store have one view.");

    /// <summary>The empty key of the metadata is the applied index's own.</summary>
    private protected static void ThrowIfNoMetaKey(ReadOnlySpan<byte> key)
    {
        if (key.IsEmpty)
            throw new ArgumentException("A row of metadata has a key.", nameof(key));
    }
}
