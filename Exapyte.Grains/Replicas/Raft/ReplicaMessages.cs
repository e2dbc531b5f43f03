using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>Turns what other replicas send into inputs.</summary>
internal static class ReplicaMessages
{
    /// <summary>Reads a message that is an input; false where it is none, or malformed.</summary>
    public static bool TryRead(PeerMessage message, out ReplicaInput input)
    {
        var from = new MemberId((ulong)message.FromReplicaId);
        input = message.Kind switch
        {
            PeerMessageKind.SnapshotChunk when SnapshotPart.Decode(message.Payload) is { } part =>
                new ReplicaInput.PartArrived(part, message.FromReplicaId),
            PeerMessageKind.Rest when RestNotice.Decode(message.Payload) is { } notice => new ReplicaInput.Rest(
                from,
                notice
            ),
            PeerMessageKind.Raft when RaftMessageCodec.TryDecode(message.Payload, out var content) =>
                new ReplicaInput.Message(content),
            _ => null!,
        };
        return input is not null;
    }

    /// <summary>Reads a member's answer to a part of a snapshot; null where it is none, or malformed.</summary>
    public static SnapshotReply? SnapshotReplyOf(PeerMessage message) =>
        message.Kind == PeerMessageKind.SnapshotReply ? SnapshotReply.Decode(message.Payload) : null;
}
