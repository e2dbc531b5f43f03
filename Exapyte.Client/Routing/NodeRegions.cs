using System.Collections.Frozen;
using Exapyte.Topology;

namespace Exapyte.Client.Routing;

/// <summary>
/// How far nodes are from here: this node, this region, elsewhere. Regions come from the cluster's topology, which is
/// read in the background when it is first needed and again once it is old. Thread-safe.
/// </summary>
internal sealed class NodeRegions(
    ExapyteClientOptions options,
    MonotonicClock clock,
    Func<Task<ClusterTopology?>> readTopology
)
{
    private const int RefreshMs = 30_000;

    private volatile FrozenDictionary<string, string> regions = FrozenDictionary<string, string>.Empty;
    private long refreshAtMs;
    private volatile int version;

    /// <summary>Rises when a region became known.</summary>
    public int Version
    {
        get
        {
            if (options.Region.Length > 0)
            {
                RefreshIfOld();
            }
            return version;
        }
    }

    /// <summary>0: this node; 1: this region; 2: elsewhere or unknown.</summary>
    public int DistanceTo(string node)
    {
        if (options.LocalNode.Length > 0 && node == options.LocalNode)
        {
            return 0;
        }
        return options.Region.Length > 0 && regions.TryGetValue(node, out var region) && region == options.Region
            ? 1
            : 2;
    }

    /// <summary>Takes the regions of a topology that was read.</summary>
    public void Offer(ClusterTopology topology)
    {
        regions = topology.Nodes.ToFrozenDictionary(node => node.Registration.Node, node => node.Registration.Region);
        Interlocked.Increment(ref version);
    }

    private void RefreshIfOld()
    {
        var now = clock.NowMs;
        var due = Volatile.Read(ref refreshAtMs);
        if (now < due || Interlocked.CompareExchange(ref refreshAtMs, now + RefreshMs, due) != due)
        {
            return;
        }
        ThreadPool.UnsafeQueueUserWorkItem(static self => _ = self.RefreshAsync(), this, preferLocal: false);
    }

    private async Task RefreshAsync()
    {
        if (await readTopology() is { } topology)
        {
            Offer(topology);
        }
    }
}
