namespace Exapyte.Keyspaces;

/// <summary>
/// What each node keeps of the entries that were read through it, for reads that name a level which need not see the newest.
/// Immutable.
/// </summary>
[GenerateSerializer, Immutable, Alias("exapyte.cache")]
public sealed record KeyspaceCache
{
    /// <summary>Entries that a node keeps at most, 1 to 1,000,000; it has room for 3 at least.</summary>
    [Id(0)]
    public int EntriesMax { get; init; } = 10_000;

    /// <summary>For how long an entry is kept at most, in seconds from when it began to be read, 1 to 86,400.</summary>
    [Id(1)]
    public int TtlSeconds { get; init; } = 60;
}
