using Exapyte.Simulation.Stores;
using Exapyte.Storage.Stores;

namespace Exapyte.Simulation.Planted;

/// <summary>A store that does not show everything.</summary>
internal sealed class AlteredStore(
    ModelShard shard,
    Func<StoredEntry, bool> hides,
    AlteredStore.KeepsMeta keepsMeta,
    Action<ModelBatch>? alters = null
) : IShardStore
{
    public delegate bool KeepsMeta(ReadOnlySpan<byte> key);

    public KeyRange Bounds
    {
        get => shard.Bounds;
        set => shard.Bounds = value;
    }

    public ulong AppliedIndex => shard.AppliedIndex;

    public long ApproximateCount => shard.ApproximateCount;

    public long ApproximateBytes => shard.ApproximateBytes;

    public ulong ReadFlushedIndex() => shard.ReadFlushedIndex();

    public StoreBatch NewBatch() => shard.NewBatch();

    public void Apply(StoreBatch batch)
    {
        alters?.Invoke((ModelBatch)batch);
        shard.Apply(batch);
    }

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => shard.TryGet(key, out entry) && !hides(entry);

    public bool TryGetHeader(ReadOnlySpan<byte> key, out StoredEntry entryWithoutValue) =>
        shard.TryGetHeader(key, out entryWithoutValue) && !hides(entryWithoutValue);

    public byte[]? GetMeta(ReadOnlySpan<byte> key) => keepsMeta(key) ? shard.GetMeta(key) : null;

    public void ScanMeta(ReadOnlySpan<byte> prefix, MetaVisitor visitor, ReadOnlySpan<byte> from = default) =>
        shard.ScanMeta(prefix, visitor, from);

    public IReadOnlyList<byte[]> FindExpired(long atMs, int entriesMax) => shard.FindExpired(atMs, entriesMax);

    public IStoreScan Scan(KeyRange range, bool reverse) => shard.Scan(range, reverse);

    public long SweepExpired(long appliedStampMs, int entriesMax) => shard.SweepExpired(appliedStampMs, entriesMax);

    public void Clear() => shard.Clear();
}
