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

    private readonly Meter meter;
    private readonly Counter<long> operations;
    private readonly Counter<long> retries;
    private readonly Histogram<int> batchOperations;

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

    public void Dispose() => meter.Dispose();
}
