using System.Buffers;
using System.Collections.Frozen;
using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Raft;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas;

/// <summary>Sends a member's messages to the nodes that the map places the other members on.</summary>
internal sealed class RaftPeers(PeerTransport transport, ReplicaIdentity identity)
{
    private volatile FrozenDictionary<ulong, string> nodes = FrozenDictionary<ulong, string>.Empty;
    private readonly ArrayBufferWriter<byte> buffer = new();

    /// <summary>Uses the placement of this map from now on.</summary>
    public void Use(KeyspaceMap map) =>
        nodes = map
            .Shards.Where(shard => shard.ShardId == identity.ShardId)
            .SelectMany(shard => shard.Hosted)
            .ToFrozenDictionary(replica => (ulong)replica.ReplicaId, replica => replica.Node);

    /// <summary>The node that a member is placed on; null where the map does not know the member.</summary>
    public string? NodeOf(MemberId member) => nodes.GetValueOrDefault(member.Value);

    /// <summary>Sends a message; one to a member that the map does not know is dropped, as the network might have done.</summary>
    public void Send(RaftMessage message)
    {
        if (!nodes.TryGetValue(message.To.Value, out var node))
        {
            return;
        }
        buffer.ResetWrittenCount();
        RaftMessageCodec.Encode(message, buffer);
        transport.Send(
            node,
            new()
            {
                ToReplicaId = (long)message.To.Value,
                FromReplicaId = identity.ReplicaId,
                Kind = PeerMessageKind.Raft,
                Payload = buffer.WrittenSpan.ToArray(),
            }
        );
    }
}
