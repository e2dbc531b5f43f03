using BenchmarkDotNet.Attributes;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;

namespace Exapyte.Benchmarks;

/// <summary>
/// What a durable write costs below consensus: one batch of entries appended to the node log and synced, then applied to
/// the store as one batch. Operations are entries, so the mean is the cost of one.
/// </summary>
[MemoryDiagnoser]
public class LogAndApply
{
    private const int Entries = 64;
    private const int ValueBytes = 256;
    private static readonly GroupId Group = new(1);

    private readonly byte[][] keys =
    [
        .. Enumerable.Range(0, Entries).Select(i => BitConverter.GetBytes((long)i * 7_919)),
    ];
    private readonly byte[] value = new byte[ValueBytes];
    private readonly Landing landing = new();
    private string folder = "";
    private NodeLog log = null!;
    private DiskStore store = null!;
    private IShardStore shard = null!;
    private StoreBatch batch = null!;
    private ulong index;

    [GlobalSetup]
    public void Open()
    {
        folder = Directory.CreateTempSubdirectory("exapyte-benchmark-").FullName;
        log = NodeLog.Open(Path.Combine(folder, "log"), new(), PosixFiles.Instance, out _);
        store = DiskStore.Open(Path.Combine(folder, "store"), new());
        shard = store.OpenShard(1);
        batch = shard.NewBatch();
        Random.Shared.NextBytes(value);
        log.SetDescriptor(Group, new byte[16], landing);
        landing.Wait();
    }

    [GlobalCleanup]
    public void Close()
    {
        log.Dispose();
        store.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Benchmark(OperationsPerInvoke = Entries)]
    public void Append() => AppendBatch();

    [Benchmark(OperationsPerInvoke = Entries)]
    public void Apply() => ApplyBatch();

    [Benchmark(OperationsPerInvoke = Entries)]
    public void AppendAndApply()
    {
        AppendBatch();
        ApplyBatch();
    }

    private void AppendBatch()
    {
        var append = new GroupAppend { Group = Group, Completion = landing };
        for (var i = 0; i < Entries; i++)
        {
            append.Entries.Add(new(1, ++index, 0, value));
        }
        log.Append(append);
        landing.Wait();
        if (index % 65_536 == 0)
        {
            log.Compact(Group, index - Entries, 1);
        }
    }

    private void ApplyBatch()
    {
        for (var i = 0; i < Entries; i++)
        {
            batch.Put(keys[i], new(new(index, 0), 0, 0, EntryFlags.None, "", value));
        }
        shard.Apply(batch);
        batch.Clear();
    }

    private sealed class Landing : ILogCompletion
    {
        private readonly object landed = new();
        private int count;

        public void Complete(LogAppendResult result)
        {
            if (!result.IsOk)
            {
                Environment.FailFast(result.Reason);
            }
            lock (landed)
            {
                count++;
                Monitor.Pulse(landed);
            }
        }

        public void Wait()
        {
            lock (landed)
            {
                while (count == 0)
                {
                    Monitor.Wait(landed);
                }
                count--;
            }
        }
    }
}
