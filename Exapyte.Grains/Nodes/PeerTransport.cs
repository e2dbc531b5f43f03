using System.Collections.Concurrent;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Carries messages from this node's replicas to those of other nodes: one lane a node, messages of all groups in one
/// batch. Messages may be lost (a full lane, a node that is away): who needs an answer asks again. Thread-safe.
/// </summary>
internal sealed class PeerTransport(string nodeId, IGrainFactory grains, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, PeerLane> lanes = new(StringComparer.Ordinal);

    /// <summary>Queues a message for a node; never waits.</summary>
    public void Send(string node, PeerMessage message) => lanes.GetOrAdd(node, CreateLane).Send(message);

    /// <summary>Messages that were dropped or not delivered, over all lanes.</summary>
    public long Lost => lanes.Values.Sum(lane => lane.Lost);

    /// <summary>Batches sent, over all lanes.</summary>
    public long Batches => lanes.Values.Sum(lane => lane.Batches);

    /// <summary>Messages sent, over all lanes.</summary>
    public long Messages => lanes.Values.Sum(lane => lane.Messages);

    private PeerLane CreateLane(string node) => new(grains.GetGrain<INodeGrain>(NodeKey.Of(node)), nodeId, time);
}
