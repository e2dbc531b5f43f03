using System.Collections.Concurrent;
using Exapyte.Grains.Placement;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Concurrency;
using Orleans.Configuration;
using Orleans.GrainDirectory;

namespace Exapyte.Grains.Tests.ControlPlane;

/// <summary>What the nodes of a cluster under test were told, and how they are to behave.</summary>
public sealed class NodeRecorder
{
    /// <summary>Maps that each node accepted, in order.</summary>
    public ConcurrentDictionary<string, ConcurrentQueue<KeyspaceMap>> Accepted { get; } = new();

    /// <summary>Nodes that refuse every map.</summary>
    public ConcurrentDictionary<string, bool> Refusing { get; } = new();

    /// <summary>Nodes that were told to end.</summary>
    public ConcurrentDictionary<string, bool> Left { get; } = new();

    /// <summary>The latest map of the keyspace's name that the node accepted.</summary>
    public KeyspaceMap? LatestOf(string node, string keyspace) =>
        Accepted.TryGetValue(node, out var maps) ? maps.LastOrDefault(map => map.Name == keyspace) : null;

    /// <summary>Makes this the only node grain of the silo.</summary>
    public void AddTo(ISiloBuilder silo)
    {
        silo.Services.AddSingleton(this);
        silo.Services.PostConfigure<GrainTypeOptions>(options =>
            options.Classes.RemoveWhere(type =>
                type != typeof(RecordingNodeGrain) && typeof(INodeGrain).IsAssignableFrom(type)
            )
        );
    }
}

/// <summary>Stands in for a node where the control plane is under test: accepts maps as a node must, and records them.</summary>
[OnNode, GrainDirectory(NodeGrainDirectory.Name), Reentrant, KeepAlive]
internal sealed class RecordingNodeGrain(NodeRecorder recorder) : Grain, INodeGrain
{
    private readonly Dictionary<long, long> epochs = [];

    public ValueTask<ApplyMapReply> ApplyMap(KeyspaceMap map)
    {
        var node = NodeKey.NodeIn(this.GetPrimaryKeyString()).ToString();
        var seen = epochs.GetValueOrDefault(map.KeyspaceId);
        if (recorder.Refusing.ContainsKey(node))
        {
            return new(
                new ApplyMapReply
                {
                    Accepted = false,
                    Epoch = seen,
                    Reason = "it was told to refuse.",
                }
            );
        }
        if (map.Epoch < seen)
        {
            return new(
                new ApplyMapReply
                {
                    Accepted = false,
                    Epoch = seen,
                    Reason = "it has seen a newer map.",
                }
            );
        }
        epochs[map.KeyspaceId] = map.Epoch;
        recorder.Accepted.GetOrAdd(node, _ => new()).Enqueue(map);
        return new(new ApplyMapReply { Accepted = true, Epoch = map.Epoch });
    }

    public ValueTask<DeliverReply> Deliver(PeerBatch batch) => new(new DeliverReply { Accepted = 0 });

    public ValueTask<ReplicaStatus[]> Replicas(long keyspaceId) => new([]);

    public ValueTask<ShardUse[]> Uses(long keyspaceId) => new([]);

    public ValueTask<NodeLoad> Load() => new(new NodeLoad { Leaders = 0, Bytes = 0 });

    public ValueTask<byte[]?> MiddleKey(long keyspaceId, long shardId) => ValueTask.FromResult<byte[]?>(null);

    public ValueTask<NodeSizes> Sizes() => new(new NodeSizes { Shards = [], FreeBytes = long.MaxValue });

    public ValueTask Invalidate(ChangedKeys[] changes) => default;

    public ValueTask Leave()
    {
        recorder.Left[NodeKey.NodeIn(this.GetPrimaryKeyString()).ToString()] = true;
        return default;
    }
}
