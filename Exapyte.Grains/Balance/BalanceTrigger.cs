using Exapyte.Topology;

namespace Exapyte.Grains.Balance;

/// <summary>
/// Tells when a balance is due unasked: after nodes have joined, gone, been drained or resumed, or changed their weight, once they have been the same and
/// alive or not for a while. A node that comes and goes puts it off. Nothing else does, least of all what the nodes carry: what is even as it was
/// planned is left alone. For one caller at a time.
/// </summary>
/// <param name="after">For how long.</param>
/// <param name="time">The clock.</param>
internal sealed class BalanceTrigger(TimeSpan after, TimeProvider time)
{
    private string seen = "";
    private long since;

    /// <summary>Takes a look; whether a balance is due.</summary>
    /// <param name="topology">The nodes.</param>
    /// <param name="balancedNodeEpoch">The node epoch of the latest plan that was made unasked.</param>
    public bool IsDue(ClusterTopology topology, long balancedNodeEpoch)
    {
        var now = $"{topology.NodeEpoch}: {string.Join(' ', topology.Nodes.Where(node => node.Alive).Select(Name))}";
        if (now != seen)
        {
            (seen, since) = (now, time.GetTimestamp());
        }
        return topology.NodeEpoch > balancedNodeEpoch
            && topology.Nodes.Count(node => node is { Alive: true, Draining: false }) > 1
            && time.GetElapsedTime(since) >= after;
    }

    private static string Name(NodeInfo node) => node.Registration.Node;
}
