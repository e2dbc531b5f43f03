using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;

namespace Exapyte.Wire;

/// <summary>A node's own grain, pinned to it; its key is <see cref="NodeKey.Of"/>.</summary>
[Alias("exapyte.node")]
public interface INodeGrain : IGrainWithStringKey
{
    /// <summary>
    /// The control plane's command: host what the map places here, retire what it no longer does, remember the map
    /// durably. Idempotent; a map older than one already seen is refused.
    /// </summary>
    [Alias("apply-map")]
    ValueTask<ApplyMapReply> ApplyMap(KeyspaceMap map);

    /// <summary>Takes messages of another node's replicas. Unordered, duplicable: the messages say what they need.</summary>
    [Alias("deliver")]
    ValueTask<DeliverReply> Deliver(PeerBatch batch);

    /// <summary>How the node's replicas of a keyspace stand.</summary>
    [Alias("replicas")]
    ValueTask<ReplicaStatus[]> Replicas(long keyspaceId);

    /// <summary>How much the node's replicas of a keyspace hold; those that do not count it are missing.</summary>
    [Alias("uses")]
    ValueTask<ShardUse[]> Uses(long keyspaceId);

    /// <summary>What the node carries.</summary>
    [Alias("load")]
    ValueTask<NodeLoad> Load();

    /// <summary>What each of its replicas takes, and what there is room for.</summary>
    [Alias("sizes")]
    ValueTask<NodeSizes> Sizes();

    /// <summary>Tells of changes of which this node may keep the state before. May be lost.</summary>
    [Alias("invalidate")]
    ValueTask Invalidate(ChangedKeys[] changes);

    /// <summary>
    /// The key in the middle of a shard by the bytes of its entries, where this node leads it: where it is to be split; null where
    /// it does not, or there is no such key.
    /// </summary>
    [Alias("middle-key")]
    ValueTask<byte[]?> MiddleKey(long keyspaceId, long shardId);

    /// <summary>The node was removed from the cluster: its process is to end in good order. Idempotent.</summary>
    [Alias("leave")]
    ValueTask Leave();
}

/// <summary>The answer to <see cref="INodeGrain.ApplyMap"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.apply-map-reply")]
public sealed class ApplyMapReply
{
    /// <summary>Whether the node now serves by this map or a newer one.</summary>
    [Id(0)]
    public required bool Accepted { get; init; }

    /// <summary>The epoch the node serves by.</summary>
    [Id(1)]
    public required long Epoch { get; init; }

    /// <summary>Why it was not accepted.</summary>
    [Id(2)]
    public string? Reason { get; init; }
}

/// <summary>What kind of message a <see cref="PeerMessage"/> holds; an unknown kind is refused by name.</summary>
public enum PeerMessageKind : byte
{
    /// <summary>A message of the Raft core, in its own encoding.</summary>
    Raft = 1,

    /// <summary>A part of a snapshot.</summary>
    SnapshotChunk = 2,

    /// <summary>The answer to a part of a snapshot.</summary>
    SnapshotReply = 3,

    /// <summary>A leader's notice that its group is at rest.</summary>
    Rest = 4,

    /// <summary>A sign of life of the node itself, for no replica.</summary>
    Beat = 5,

    /// <summary>What a member found when it scrubbed its state, for the leader.</summary>
    ScrubAnswer = 6,

    /// <summary>What a scrub says of a member, from the leader.</summary>
    ScrubVerdict = 7,
}

/// <summary>The answer to <see cref="INodeGrain.Deliver"/>: what was handed on and what was refused.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.deliver-reply")]
public sealed class DeliverReply
{
    /// <summary>Messages handed to a replica.</summary>
    [Id(0)]
    public required int Accepted { get; init; }

    /// <summary>Messages for replicas that are not hosted here.</summary>
    [Id(1)]
    public int NoSuchReplica { get; init; }

    /// <summary>Messages dropped because a replica's queue was full.</summary>
    [Id(2)]
    public int Dropped { get; init; }

    /// <summary>What was refused: unknown kinds by their names, a batch that is malformed.</summary>
    [Id(3)]
    public string[] Refused { get; init; } = [];

    /// <summary>What the answering node's own wall clock showed, in Unix milliseconds; 0 where it does not say.</summary>
    [Id(4)]
    public long ClockMs { get; init; }
}

/// <summary>Answers with the map that this silo serves by; one activation a silo, placed where the caller is.</summary>
[Alias("exapyte.map")]
public interface IMapGrain : IGrainWithIntegerKey
{
    /// <summary>The map of the named keyspace; null where there is no such keyspace.</summary>
    /// <param name="keyspace">The name.</param>
    /// <param name="newerThan">Ask the control plane where the silo's own map is not newer than this epoch; 0: any will do.</param>
    /// <exception cref="ControlPlaneUnavailableException">This silo has none and the control plane cannot be asked.</exception>
    [Alias("find")]
    ValueTask<KeyspaceMap?> Find(string keyspace, long newerThan);
}
