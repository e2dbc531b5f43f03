namespace Exapyte.Keyspaces;

/// <summary>
/// Which keys the shards of a map may hold by their order: in a range keyspace those from <see cref="ShardPlacement.Start"/> on,
/// up to where the next one begins; in others each shard may hold any.
/// </summary>
public static class ShardIntervals
{
    /// <summary>The key before which a shard ends, exclusive; null: it goes on to the end.</summary>
    /// <param name="shards">All shards of a map, in its order.</param>
    /// <param name="at">The shard's position.</param>
    public static ReadOnlyMemory<byte>? EndOf(IReadOnlyList<ShardPlacement> shards, int at)
    {
        ArgumentNullException.ThrowIfNull(shards);
        if (at + 1 < shards.Count && shards[at + 1].Start is { Length: > 0 } next)
        {
            return next;
        }
        return null;
    }

    /// <summary>Whether a shard may hold a key of a range.</summary>
    /// <param name="shards">All shards of a map, in its order.</param>
    /// <param name="at">The shard's position.</param>
    /// <param name="start">The range's first key, inclusive; empty: from the beginning.</param>
    /// <param name="end">Its last key, exclusive; null: to the end.</param>
    public static bool Meets(
        IReadOnlyList<ShardPlacement> shards,
        int at,
        ReadOnlyMemory<byte> start,
        ReadOnlyMemory<byte>? end
    ) =>
        (EndOf(shards, at) is not { } own || own.Span.SequenceCompareTo(start.Span) > 0)
        && (end is not { } last || shards[at].Start.AsSpan().SequenceCompareTo(last.Span) < 0);
}
