using System.Collections.Concurrent;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Carries messages from this node's replicas to those of other nodes: one lane a node, messages of all groups in one
/// batch. Messages may be lost (a full lane, a node that is away): who needs an answer asks again. Thread-safe.
/// </summary>
internal sealed class PeerTransport(
    string nodeId,
    IGrainFactory grains,
    TimeProvider time,
    PeerClocks clocks,
    Func<string, bool> isAlive
)
{
    private long unsent;
    private readonly ConcurrentDictionary<string, PeerLane> lanes = new(StringComparer.Ordinal);

    /// <summary>Whether the cluster counts the node as alive now.</summary>
    public bool IsAlive(string node) => isAlive(node);

    /// <summary>Queues a message for a node; never waits. One for a node that is away is lost at once.</summary>
    public void Send(string node, PeerMessage message)
    {
        if (!isAlive(node))
        {
            Interlocked.Increment(ref unsent);
            return;
        }
        (lanes.TryGetValue(node, out var lane) ? lane : lanes.GetOrAdd(node, CreateLane)).Send(message);
    }

    /// <summary>Messages that were dropped or not delivered, over all lanes.</summary>
    public long Lost => Volatile.Read(ref unsent) + lanes.Values.Sum(lane => lane.Lost);

    /// <summary>Batches sent, over all lanes.</summary>
    public long Batches => lanes.Values.Sum(lane => lane.Batches);

    /// <summary>Messages sent, over all lanes.</summary>
    public long Messages => lanes.Values.Sum(lane => lane.Messages);

    private PeerLane CreateLane(string node) =>
        new(node, grains.GetGrain<INodeGrain>(NodeKey.Of(node)), nodeId, time, clocks);
}
