using Exapyte.Raft;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>The way to the other members of a group. What is sent may be lost.</summary>
internal interface IReplicaWire
{
    /// <summary>Sends a message of the consensus core.</summary>
    void Send(RaftMessage message);

    /// <summary>Sends anything else.</summary>
    void Send(MemberId to, PeerMessageKind kind, byte[] payload);

    /// <summary>Whether the member has a place, and the cluster counts its node as alive.</summary>
    bool IsAlive(MemberId member);

    /// <summary>Whether the member is on another node, and that one was not heard of for as long as an election waits.</summary>
    bool IsSilent(MemberId member);
}
