using Exapyte.Grains.Replicas.Raft;

namespace Exapyte.Grains.Replicas.Quotas;

/// <summary>
/// Has a shard counted that is to be and is not: its leader proposes a command that does nothing else. Looks at a view and
/// returns inputs, and does nothing else.
/// </summary>
internal sealed class UsageCounting
{
    private const int TimeoutMs = 10_000;

    private PendingWrite? counting;

    /// <summary>A tick has passed.</summary>
    /// <param name="view">The replica.</param>
    /// <param name="nowMs">The node's time, Unix milliseconds.</param>
    /// <param name="mapEpoch">The epoch of the newest map.</param>
    public ReplicaInput? NextOf(ReplicaView view, long nowMs, long mapEpoch)
    {
        if (!view.IsToBeCounted || counting is { IsDone: false })
        {
            return null;
        }
        counting = new(
            new()
            {
                Operations = [],
                MapEpoch = mapEpoch,
                TimeoutMs = TimeoutMs,
            },
            nowMs + TimeoutMs
        );
        return new ReplicaInput.Write(counting);
    }
}
