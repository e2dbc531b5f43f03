using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Files;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>A copy whose log lies on a simulated disk and is written when the test says so.</summary>
internal sealed class LoggedCopy : IDisposable
{
    private static readonly GroupId Group = new(1);

    private static readonly NodeLogOptions Small = new()
    {
        SegmentBytes = 128 << 10,
        FillStepBytes = 16 << 10,
        BatchBytesMax = 32 << 10,
        AppendBytesMax = 64 << 10,
        DescriptorBytesMax = 4 << 10,
        CacheBytes = 32 << 10,
        RewriteSegmentsMin = 3,
        RewriteBatchBytesMax = 8 << 10,
    };

    public LoggedCopy()
    {
        Log = SteppedNodeLog.Open("/data/log", Small, Files, newLogId: 7, out _);
        Log.SetDescriptor(Group, "replica"u8.ToArray());
        Log.Step();
        Store = new(new MemoryStore(new(), TimeProvider.System));
        Copy = new(Store, Log, Log.OpenGroup(Group), Group);
    }

    public SimulatedFiles Files { get; } = new();

    public SteppedNodeLog Log { get; private set; }

    public StoreThatFills Store { get; private set; }

    public LocalCopy Copy { get; private set; }

    /// <summary>Has the log write what waits and waits for the verdict.</summary>
    public async Task<LocalVerdict> End(Task<LocalVerdict> write)
    {
        Log.Step();
        return await write.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    /// <summary>The process starts again; the store has lost everything, the log what was not synced.</summary>
    public void PowerCut()
    {
        Files.PowerCut(new Random(3));
        Log = SteppedNodeLog.Open("/data/log", Small, Files, newLogId: 7, out _);
        Store = new(new MemoryStore(new(), TimeProvider.System));
        Copy = new(Store, Log, Log.OpenGroup(Group), Group);
    }

    public void RefuseSyncs() =>
        Files.Before = operation =>
        {
            if (operation.Action == FileAction.Sync)
            {
                throw new DiskException("the disk is gone", DiskException.InputOutput);
            }
        };

    public void Dispose() => Log.Dispose();
}

/// <summary>A store in memory that can be made to refuse writes as one on a disk does.</summary>
internal sealed class StoreThatFills(IShardStore inner) : IShardStore
{
    public StoreFailedException? Refuses { get; set; }

    public ulong AppliedIndex => inner.AppliedIndex;

    public long ApproximateCount => inner.ApproximateCount;

    public long ApproximateBytes => inner.ApproximateBytes;

    public ulong ReadFlushedIndex() => inner.ReadFlushedIndex();

    public StoreBatch NewBatch() => inner.NewBatch();

    public void Apply(StoreBatch batch)
    {
        if (Refuses is { } failure)
        {
            throw failure;
        }
        inner.Apply(batch);
    }

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => inner.TryGet(key, out entry);

    public bool TryGetHeader(ReadOnlySpan<byte> key, out StoredEntry entryWithoutValue) =>
        inner.TryGetHeader(key, out entryWithoutValue);

    public byte[]? GetMeta(ReadOnlySpan<byte> key) => inner.GetMeta(key);

    public void ScanMeta(ReadOnlySpan<byte> prefix, MetaVisitor visitor, ReadOnlySpan<byte> from = default) =>
        inner.ScanMeta(prefix, visitor, from);

    public IReadOnlyList<byte[]> FindExpired(long atMs, int entriesMax) => inner.FindExpired(atMs, entriesMax);

    public IStoreScan Scan(KeyRange range, bool reverse) => inner.Scan(range, reverse);

    public long SweepExpired(long appliedStampMs, int entriesMax) => inner.SweepExpired(appliedStampMs, entriesMax);

    public void Clear() => inner.Clear();
}
