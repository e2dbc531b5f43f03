using BenchmarkDotNet.Attributes;

namespace Exapyte.Benchmarks;

/// <summary>
/// What the node log adds to the disk: a batch appended in lock step, each waiting until it is durable, beside the same
/// number of bytes written and synced with nothing around it. An operation is a batch.
/// </summary>
[MemoryDiagnoser]
public class LogBesideBareSync : IDisposable
{
    private BenchmarkFolder folder = null!;
    private WarmLog log = null!;
    private BareFile bare = null!;

    /// <summary>Entries of 256 bytes in a batch.</summary>
    [Params(1, 8, 64)]
    public int Entries { get; set; }

    [GlobalSetup]
    public void Open()
    {
        folder = new();
        log = new(folder.Path);
        bare = new(folder.Path, log.BatchBytes(Entries));
    }

    [GlobalCleanup]
    public void Dispose()
    {
        log.Dispose();
        bare.Dispose();
        folder.Dispose();
    }

    [Benchmark(Baseline = true)]
    public void BareSync() => bare.WriteBatch();

    [Benchmark]
    public void NodeLog() => log.Append(Entries);
}
