using System.Diagnostics.Metrics;
using Exapyte.Grains.Replicas.Scrubs;

namespace Exapyte.Grains.Nodes;

/// <summary>The node's instruments, meter <c>Exapyte.Node</c>. An instrument that nobody listens to costs a branch.</summary>
internal sealed partial class NodeMeter : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Exapyte.Node";

    private readonly Meter meter;
    private readonly Counter<long> scrubs;
    private readonly Counter<long> scrubbedBytes;
    private readonly Counter<long> damaged;

    public NodeMeter(IMeterFactory? factory)
    {
        meter = factory?.Create(Name) ?? new Meter(Name);
        scrubs = meter.CreateCounter<long>(
            "exapyte.scrubs",
            "{scrub}",
            "Scrubs of replicas of this node, by outcome."
        );
        scrubbedBytes = meter.CreateCounter<long>("exapyte.scrubs.read", "By", "Bytes of state read by scrubs.");
        damaged = meter.CreateCounter<long>(
            "exapyte.replicas.damaged",
            "{replica}",
            "Replicas of this node that were found damaged."
        );
    }

    public void Scrubbed(ScrubOutcome outcome)
    {
        if (scrubs.Enabled)
        {
            scrubs.Add(1, new KeyValuePair<string, object?>("outcome", outcome.ToName()));
        }
    }

    public void ScrubRead(long bytes) => scrubbedBytes.Add(bytes);

    public void FoundDamaged() => damaged.Add(1);

    public void Dispose() => meter.Dispose();
}
