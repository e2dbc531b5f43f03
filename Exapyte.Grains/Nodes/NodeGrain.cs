using Exapyte.Grains.Placement;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;
using Orleans.Concurrency;
using Orleans.GrainDirectory;

namespace Exapyte.Grains.Nodes;

/// <summary>The node's own grain: its face towards the control plane and other nodes.</summary>
[OnNode, GrainDirectory("node"), Reentrant, KeepAlive]
internal sealed class NodeGrain(NodeHost host, NodeDeparture departure) : Grain, INodeGrain
{
    /// <inheritdoc/>
    public async ValueTask<ApplyMapReply> ApplyMap(KeyspaceMap map) => await host.ApplyMap(map);

    /// <inheritdoc/>
    public ValueTask<DeliverReply> Deliver(PeerBatch batch) => ValueTask.FromResult(host.Deliver(batch));

    /// <inheritdoc/>
    public ValueTask<ReplicaStatus[]> Replicas(long keyspaceId) => ValueTask.FromResult(host.StatusOf(keyspaceId));

    /// <inheritdoc/>
    public ValueTask<ShardUse[]> Uses(long keyspaceId) => ValueTask.FromResult(host.UsesOf(keyspaceId));

    /// <inheritdoc/>
    public ValueTask<NodeLoad> Load() => ValueTask.FromResult(host.LoadOf());

    /// <inheritdoc/>
    public ValueTask<NodeSizes> Sizes() => ValueTask.FromResult(host.SizesOf());

    /// <inheritdoc/>
    public ValueTask Invalidate(ChangedKeys[] changes)
    {
        Array.ForEach(changes, host.Services.News.Changes.Tell);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<byte[]?> MiddleKey(long keyspaceId, long shardId) => host.MiddleKeyOf(keyspaceId, shardId);

    /// <inheritdoc/>
    public ValueTask Leave()
    {
        departure.Leave();
        return ValueTask.CompletedTask;
    }
}
