using System.Diagnostics.Metrics;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>The client's instruments, meter <c>Exapyte.Client</c>. An instrument that nobody listens to costs a branch.</summary>
internal sealed class ClientMeter : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Exapyte.Client";

    private static readonly KeyValuePair<string, object?>[] OutcomeTags =
    [
        .. Enum.GetValues<OutcomeKind>().Select(kind => new KeyValuePair<string, object?>("outcome", kind.ToString())),
    ];

    private static readonly KeyValuePair<string, object?> HitTag = new("result", "hit");
    private static readonly KeyValuePair<string, object?> MissTag = new("result", "miss");

    private readonly Meter meter;
    private readonly Counter<long> operations;
    private readonly Counter<long> retries;
    private readonly Histogram<int> batchOperations;
    private readonly Counter<long> cacheReads;
    private readonly Counter<long> cacheFills;
    private readonly Counter<long> cacheInvalidations;
    private readonly Counter<long> cacheHealed;

    public ClientMeter(IMeterFactory? factory)
    {
        meter = factory?.Create(Name) ?? new Meter(Name);
        operations = meter.CreateCounter<long>("exapyte.client.operations", "{operation}", "Operations by outcome.");
        retries = meter.CreateCounter<long>("exapyte.client.retries", "{retry}", "Tries after the first one.");
        batchOperations = meter.CreateHistogram<int>(
            "exapyte.client.batch.operations",
            "{operation}",
            "Operations in one call to a replica."
        );
        cacheReads = meter.CreateCounter<long>(
            "exapyte.client.cache.reads",
            "{read}",
            "Reads that a cache was asked for, by result: hit or miss."
        );
        cacheFills = meter.CreateCounter<long>("exapyte.client.cache.fills", "{entry}", "Entries that were kept.");
        cacheInvalidations = meter.CreateCounter<long>(
            "exapyte.client.cache.invalidations",
            "{entry}",
            "Entries that were let go because they had changed."
        );
        cacheHealed = meter.CreateCounter<long>(
            "exapyte.client.cache.healed",
            "{entry}",
            "Entries that a read found to be older than the shard's, before word of the change had come."
        );
    }

    public void Ended(OutcomeKind kind, int count = 1)
    {
        if (operations.Enabled)
        {
            operations.Add(count, OutcomeTags[(int)kind]);
        }
    }

    public void Retried() => retries.Add(1);

    public void Sent(int count) => batchOperations.Record(count);

    public void CacheHit() => cacheReads.Add(1, HitTag);

    public void CacheMissed() => cacheReads.Add(1, MissTag);

    public void CacheFilled() => cacheFills.Add(1);

    public void CacheInvalidated() => cacheInvalidations.Add(1);

    public void CacheHealed() => cacheHealed.Add(1);

    public void Dispose() => meter.Dispose();
}
