using Exapyte.Queries.Values;

namespace Exapyte.Queries.Indexes;

/// <summary>An index as the planner knows it. Immutable.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Paths">What it is over, in its order.</param>
public sealed record IndexShape(string Name, IReadOnlyList<IndexPath> Paths);

/// <summary>A range of an index's rows. Immutable.</summary>
/// <param name="Start">First row, in the encoding of rows.</param>
/// <param name="End">The row behind the last.</param>
public sealed record IndexRange(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte> End)
{
    /// <summary>The values that the leading paths are equal to.</summary>
    public IReadOnlyList<Value> Equal { get; init; } = [];

    /// <summary>The least value of the path behind those; unknown where there is no bound.</summary>
    public Value From { get; init; }

    /// <summary>The greatest; unknown where there is no bound.</summary>
    public Value To { get; init; }

    /// <summary>What that path begins with; unknown where that is not asked.</summary>
    public Value StartsWith { get; init; }
}

/// <summary>How an index answers a condition: every entry that matches is in one of its ranges, which are apart and in order.</summary>
/// <param name="Index">The index.</param>
/// <param name="Ranges">Its ranges; empty: nothing matches.</param>
/// <param name="Rank">How much of the condition it decides, to be compared with that of another index.</param>
public sealed record IndexUse(IndexShape Index, IReadOnlyList<IndexRange> Ranges, int Rank);
