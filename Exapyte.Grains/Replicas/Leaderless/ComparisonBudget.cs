using Exapyte.Grains.Nodes;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What comparing and copying may use of a node at one time. Thread-safe.</summary>
/// <remarks>
/// A comparison waits for scans, its own and those of other nodes; a scan waits for nobody. So the two have places of
/// their own, and nodes that wait for each other's scans cannot wait forever.
/// </remarks>
internal sealed class ComparisonBudget(ReplicaOptions options)
{
    /// <summary>Places of comparisons that this node leads.</summary>
    public SemaphoreSlim Comparisons { get; } = new(options.ComparisonsMax, options.ComparisonsMax);

    /// <summary>Places of digests being computed.</summary>
    public SemaphoreSlim Scans { get; } = new(options.CompareScansMax, options.CompareScansMax);

    /// <summary>Places of replicas being filled from others.</summary>
    public SemaphoreSlim Copies { get; } = new(options.CompareScansMax, options.CompareScansMax);
}

/// <summary>Holds a reader of a store back to so many bytes a second. For one reader.</summary>
internal struct ReadingPace(TimeProvider time, long bytesPerSecond)
{
    private readonly long started = time.GetTimestamp();
    private long bytes;

    /// <summary>Waits until as much time has passed as reading these bytes besides may take.</summary>
    public readonly Task Wait(CancellationToken stop)
    {
        var ahead = TimeSpan.FromSeconds((double)bytes / bytesPerSecond) - time.GetElapsedTime(started);
        return ahead > TimeSpan.FromMilliseconds(1) ? Task.Delay(ahead, time, stop) : Task.CompletedTask;
    }

    /// <summary>So many bytes more were read.</summary>
    public void Add(long read) => bytes += read;
}
