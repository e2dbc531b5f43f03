namespace Exapyte.Storage.Stores.Memory;

/// <summary>A batch as a list of changes whose keys and values are the arrays that the store will keep.</summary>
internal sealed class MemoryBatch(MemoryStore store) : StoreBatch
{
    readonly List<Change> _changes = [];
    long _bytes;

    public MemoryStore Store => store;

    public IReadOnlyList<Change> Changes => _changes;

    public override int Count => _changes.Count;

    public override long Bytes => _bytes;

    public override void Put(ReadOnlySpan<byte> key, in StoredEntry entry, long replacedExpiresMs = 0)
    {
        // A default entry has no content type at all; readers are promised a string.
        StoredEntry owned = entry with
        {
            Value = entry.Value.ToArray(),
            ContentType = entry.ContentType ?? "",
        };
        Add(new Change(ChangeKind.Put, key.ToArray(), owned, null));
    }

    public override void Delete(ReadOnlySpan<byte> key, long replacedExpiresMs = 0) =>
        Add(new Change(ChangeKind.Delete, key.ToArray(), default, null));

    public override void PutMeta(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        ThrowIfNoMetaKey(key);
        Add(new Change(ChangeKind.PutMeta, key.ToArray(), default, value.ToArray()));
    }

    public override void DeleteMeta(ReadOnlySpan<byte> key)
    {
        ThrowIfNoMetaKey(key);
        Add(new Change(ChangeKind.DeleteMeta, key.ToArray(), default, null));
    }

    private protected override void ClearChanges()
    {
        _changes.Clear();
        _bytes = 0;
    }

    void Add(in Change change)
    {
        _changes.Add(change);
        _bytes += change.Key.Length + change.Entry.Value.Length + (change.Meta?.Length ?? 0);
    }

    internal enum ChangeKind
    {
        Put,
        Delete,
        PutMeta,
        DeleteMeta,
    }

    internal readonly record struct Change(ChangeKind Kind, byte[] Key, StoredEntry Entry, byte[]? Meta);
}
