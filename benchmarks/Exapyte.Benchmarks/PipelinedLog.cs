using BenchmarkDotNet.Attributes;

namespace Exapyte.Benchmarks;

/// <summary>
/// Sixty-four appends of one entry in flight, as a busy node has them: whoever finds the log syncing gathers into the
/// next batch. Beside it the best that could be made of them, sixty-four to a sync with nothing around it. An operation
/// is an entry.
/// </summary>
[MemoryDiagnoser]
public class PipelinedLog : IDisposable
{
    private const int InFlight = 64;
    private const int Entries = 4_096;

    private BenchmarkFolder folder = null!;
    private WarmLog log = null!;
    private BareFile bare = null!;

    [GlobalSetup]
    public void Open()
    {
        folder = new();
        log = new(folder.Path, "log", InFlight);
        bare = new(folder.Path, log.BatchBytes(InFlight));
    }

    [GlobalCleanup]
    public void Dispose()
    {
        log.Dispose();
        bare.Dispose();
        folder.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Entries)]
    public void BareSync()
    {
        for (var i = 0; i < Entries / InFlight; i++)
        {
            bare.WriteBatch();
        }
    }

    [Benchmark(OperationsPerInvoke = Entries)]
    public void NodeLog() => log.Flow(Entries);
}
