using Exapyte.Storage.Stores;

namespace Exapyte.Simulation.Stores;

internal enum ModelChangeKind : byte
{
    Put,
    Delete,
    PutMeta,
    DeleteMeta,
}

internal readonly record struct ModelChange(ModelChangeKind Kind, byte[] Key, StoredEntry Entry, byte[]? Meta);

/// <summary>A batch as a list of changes.</summary>
internal sealed class ModelBatch(ModelShard shard) : StoreBatch
{
    private readonly List<ModelChange> changes = [];

    public ModelShard Shard => shard;

    public List<ModelChange> Changes => changes;

    public override int Count => changes.Count;

    public override long Bytes => changes.Count;

    public override void Put(ReadOnlySpan<byte> key, in StoredEntry entry, long replacedExpiresMs = 0) =>
        changes.Add(new(ModelChangeKind.Put, key.ToArray(), entry with { Value = entry.Value.ToArray() }, null));

    public override void Delete(ReadOnlySpan<byte> key, long replacedExpiresMs = 0) =>
        changes.Add(new(ModelChangeKind.Delete, key.ToArray(), default, null));

    public override void PutMeta(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) =>
        changes.Add(new(ModelChangeKind.PutMeta, key.ToArray(), default, value.ToArray()));

    public override void DeleteMeta(ReadOnlySpan<byte> key) =>
        changes.Add(new(ModelChangeKind.DeleteMeta, key.ToArray(), default, null));

    private protected override void ClearChanges() => changes.Clear();
}

/// <summary>A scan over a copy.</summary>
internal sealed class ModelScan(List<KeyedEntry> found, bool reverse) : IStoreScan
{
    private int at = -1;

    public ReadOnlySpan<byte> CurrentKey => found[at].Key.Span;

    public StoredEntry Current => found[at].Entry;

    public EntryHeader CurrentHeader => new(found[at].Entry with { Value = default }, found[at].Entry.Value.Length);

    public bool MoveNext() => ++at < found.Count;

    public bool MoveTo(ReadOnlySpan<byte> key)
    {
        while (MoveNext())
        {
            var order = CurrentKey.SequenceCompareTo(key);
            if (reverse ? order < 0 : order >= 0)
            {
                return true;
            }
        }
        return false;
    }

    public void Dispose() { }
}

/// <summary>Keys in the order of their bytes.</summary>
internal sealed class KeyOrder : IComparer<byte[]>
{
    public static readonly KeyOrder Instance = new();

    public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);

    public static int FirstNotLess(IList<byte[]> keys, ReadOnlySpan<byte> key)
    {
        int low = 0,
            high = keys.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (keys[middle].AsSpan().SequenceCompareTo(key) < 0)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }
        return low;
    }
}
