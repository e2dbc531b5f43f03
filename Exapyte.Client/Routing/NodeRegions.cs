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
    /// <summary>The greatest distance: in another region, or in none that is known.</summary>
    public const int Elsewhere = 2;

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

    /// <summary>0: this node; 1: this region; <see cref="Elsewhere"/>.</summary>
    public int DistanceTo(string node)
    {
        if (options.LocalNode.Length > 0 && node == options.LocalNode)
        {
            return 0;
        }
        return options.Region.Length > 0 && regions.TryGetValue(node, out var region) && region == options.Region
            ? 1
            : Elsewhere;
    }

    /// <summary>Whether the node is known to be in another region than this.</summary>
    public bool IsOfAnother(string node) =>
        options.Region.Length > 0 && regions.TryGetValue(node, out var region) && region != options.Region;

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
