using Exapyte.Storage.Stores;

namespace Exapyte.Benchmarks;

/// <summary>
/// A store of a million entries that are overwritten in an order without pattern, so that what is applied has to be
/// flushed and compacted away as in a node's life. For one caller at a time.
/// </summary>
internal sealed class WarmStore : IDisposable
{
    private const int Keys = 1_000_000;
    private const int FillEntries = 1_000;

    /// <summary>Coprime to the number of keys: a walk by it meets every key once a round.</summary>
    private const int Stride = 379_009;

    private static readonly TimeSpan SettledCheck = TimeSpan.FromMilliseconds(20);

    private readonly DiskStore store;
    private readonly IShardStore shard;
    private readonly StoreBatch batch;
    private readonly byte[] key = new byte[16];
    private readonly byte[] value = new byte[WarmLog.PayloadBytes];
    private ulong index;
    private int at;

    /// <summary>Opens a store in an empty folder and writes every entry once.</summary>
    public WarmStore(string folder)
    {
        store = DiskStore.Open(Path.Combine(folder, "store"), new());
        shard = store.OpenShard(1);
        batch = shard.NewBatch();
        Random.Shared.NextBytes(value);
        for (var entries = 0; entries < Keys; entries += FillEntries)
        {
            Apply(FillEntries);
        }
        Settle();
    }

    /// <summary>Applies entries as one batch.</summary>
    public void Apply(int entries)
    {
        for (var i = 0; i < entries; i++)
        {
            at = (at + Stride) % Keys;
            key.AsSpan().Clear();
            BitConverter.TryWriteBytes(key, (long)at);
            batch.Put(key, new(new(++index, 0), 0, 0, EntryFlags.None, "", value));
        }
        shard.Apply(batch);
        batch.Clear();
    }

    /// <summary>Flushes, and returns when nothing goes on in the background.</summary>
    public void Settle()
    {
        store.Flush();
        while (store.Statistics is { RunningFlushes: > 0 } or { RunningCompactions: > 0 })
        {
            Thread.Sleep(SettledCheck);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => store.Dispose();
}
