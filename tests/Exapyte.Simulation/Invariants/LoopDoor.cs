using System.Runtime.CompilerServices;
using Exapyte.Grains.Replicas;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// Reads that the core offers and the loop has no input for yet: by a lease, and at a follower. They wait among the loop's
/// own, so that it answers, expires and abandons them as it does those.
/// </summary>
internal static class LoopDoor
{
    /// <summary>The loop counts its own from 1.</summary>
    private const ulong FirstId = 1ul << 63;

    /// <summary>A linearizable read, wherever the leader is: the core asks it.</summary>
    public static void AskAnywhere(ReplicaLoop loop, ulong number, PendingRead read)
    {
        Wait(loop, number, read);
        loop.Core.ReadIndex(FirstId + number);
    }

    /// <summary>A read that a leader answers alone as long as its lease lasts.</summary>
    /// <param name="loop">Where.</param>
    /// <param name="number">Never given before in this life of the replica.</param>
    /// <param name="read">Who waits.</param>
    /// <param name="nowUs">The node's monotonic clock now.</param>
    public static void AskByLease(ReplicaLoop loop, ulong number, PendingRead read, long nowUs)
    {
        Wait(loop, number, read);
        loop.Core.ReadLease(FirstId + number, nowUs);
    }

    private static void Wait(ReplicaLoop loop, ulong number, PendingRead read)
    {
        loop.StayAwake();
        AskedOf(loop).Add(FirstId + number, [read]);
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "asked")]
    private static extern ref Dictionary<ulong, List<PendingRead>> AskedOf(ReplicaLoop loop);
}
