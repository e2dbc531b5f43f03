using System.Buffers;
using System.Collections.Frozen;
using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Raft;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>Sends a member's messages to the nodes that the map places the other members on. Thread-safe.</summary>
internal sealed class RaftPeers(PeerTransport transport, NodePresence presence, string nodeId, ReplicaIdentity identity)
    : IReplicaWire
{
    private volatile FrozenDictionary<ulong, string> nodes = FrozenDictionary<ulong, string>.Empty;
    private readonly ArrayBufferWriter<byte> buffer = new();

    /// <summary>Uses the placement of this map from now on.</summary>
    public void Use(KeyspaceMap map) =>
        nodes = map
            .Shards.Where(shard => shard.ShardId == identity.ShardId)
            .SelectMany(shard => shard.Hosted)
            .ToFrozenDictionary(replica => (ulong)replica.ReplicaId, replica => replica.Node);

    /// <inheritdoc/>
    public bool IsAlive(MemberId member) => NodeOf(member) is { } node && transport.IsAlive(node);

    /// <inheritdoc/>
    public bool IsSilent(MemberId member) =>
        presence.IsAnySilent && NodeOf(member) is { } node && node != nodeId && !presence.IsPresent(node);

    /// <inheritdoc/>
    /// <remarks>By the replica's own thread only. One to a member that the map does not know is dropped, as the network might.</remarks>
    public void Send(RaftMessage message)
    {
        if (NodeOf(message.To) is null)
        {
            return;
        }
        buffer.ResetWrittenCount();
        RaftMessageCodec.Encode(message, buffer);
        Send(message.To, PeerMessageKind.Raft, buffer.WrittenSpan.ToArray());
    }

    /// <inheritdoc/>
    public void Send(MemberId to, PeerMessageKind kind, byte[] payload)
    {
        if (NodeOf(to) is { } node)
        {
            transport.Send(
                node,
                new()
                {
                    ToReplicaId = (long)to.Value,
                    FromReplicaId = identity.ReplicaId,
                    Kind = kind,
                    Payload = payload,
                }
            );
        }
    }

    private string? NodeOf(MemberId member) => nodes.GetValueOrDefault(member.Value);
}
