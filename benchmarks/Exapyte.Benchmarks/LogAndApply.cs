using BenchmarkDotNet.Attributes;

namespace Exapyte.Benchmarks;

/// <summary>
/// What a durable write costs below consensus: one batch of entries appended to the node log and synced, then applied to
/// the store as one batch. Operations are entries, so the mean is the cost of one. Processor time, which a mean hides
/// where it is spent on other threads, is told by <see cref="WriteCost"/>.
/// </summary>
[MemoryDiagnoser]
public class LogAndApply : IDisposable
{
    private const int Entries = 64;

    private BenchmarkFolder folder = null!;
    private WarmLog log = null!;
    private WarmStore store = null!;

    [GlobalSetup]
    public void Open()
    {
        folder = new();
        log = new(folder.Path);
        store = new(folder.Path);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        log.Dispose();
        store.Dispose();
        folder.Dispose();
    }

    [Benchmark(OperationsPerInvoke = Entries)]
    public void Append() => log.Append(Entries);

    [Benchmark(OperationsPerInvoke = Entries)]
    public void Apply() => store.Apply(Entries);

    [Benchmark(OperationsPerInvoke = Entries)]
    public void AppendAndApply()
    {
        log.Append(Entries);
        store.Apply(Entries);
    }
}
