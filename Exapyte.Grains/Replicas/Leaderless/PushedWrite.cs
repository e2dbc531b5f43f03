using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What was enqueued together.</summary>
/// <param name="Entries">The entries.</param>
/// <param name="Acks">Who counts its arrival; null for nobody.</param>
/// <param name="Index">Its index in this node's log; 0 where it is in none.</param>
internal sealed record PushedWrite(StampedEntry[] Entries, AckCounter? Acks, ulong Index)
{
    /// <summary>Bytes that it counts for.</summary>
    public long Bytes { get; } = Entries.Sum(entry => (long)WireBatches.BytesOf(entry));

    /// <summary>It was read from the log for the batch under way and takes nothing of the budget.</summary>
    public bool IsRead { get; init; }
}
