using System.Runtime.CompilerServices;
using Exapyte.Grains.Replicas.Raft;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// Reads that the consensus core offers and the replica has no input for yet: by a lease. They wait among the replica's own, so
/// that it answers, expires and abandons them as it does those.
/// </summary>
internal static class LoopDoor
{
    /// <summary>The replica counts its own from 1.</summary>
    private const ulong FirstId = 1ul << 63;

    /// <summary>A read that a leader answers alone as long as its lease lasts.</summary>
    /// <param name="replica">Where.</param>
    /// <param name="number">Never given before in this life of the replica.</param>
    /// <param name="read">Who waits.</param>
    /// <param name="nowUs">The node's monotonic clock now.</param>
    public static void AskByLease(RaftReplicaCore replica, ulong number, PendingRead read, long nowUs)
    {
        Wait(replica, number, read);
        replica.Core.ReadLease(FirstId + number, nowUs);
    }

    private static void Wait(RaftReplicaCore replica, ulong number, PendingRead read) =>
        AskedOf(CallersOf(replica).Reads).Add(FirstId + number, [read]);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "callers")]
    private static extern ref WaitingCallers CallersOf(RaftReplicaCore replica);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "asked")]
    private static extern ref Dictionary<ulong, List<PendingRead>> AskedOf(WaitingReads reads);
}
