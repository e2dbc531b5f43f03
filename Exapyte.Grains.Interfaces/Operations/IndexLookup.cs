namespace Exapyte.Operations;

/// <summary>Which entries a page is to hold at least: those that an index has in these ranges. Immutable.</summary>
/// <remarks>A replica whose shard has no such index, or not all of it yet, answers with all entries, and says so.</remarks>
[GenerateSerializer, Immutable, Alias("exapyte.index-lookup")]
public sealed record IndexLookup
{
    /// <summary>The index's name.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>What it is over: another index of the name is of no use.</summary>
    [Id(1)]
    public required string[] Paths { get; init; }

    /// <summary>Ranges of its rows, which are apart and in order.</summary>
    [Id(2)]
    public required IndexLookupRange[] Ranges { get; init; }
}

/// <summary>A range of the rows of an index. Immutable.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.index-lookup-range")]
public sealed record IndexLookupRange
{
    /// <summary>The first row, inclusive.</summary>
    [Id(0)]
    public required ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>The last row, exclusive.</summary>
    [Id(1)]
    public required ReadOnlyMemory<byte> End { get; init; }
}
