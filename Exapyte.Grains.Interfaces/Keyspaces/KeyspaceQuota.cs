namespace Exapyte.Keyspaces;

/// <summary>
/// What a keyspace may hold: a put that would go beyond it is refused, deletes and puts that take no more than before go on.
/// Immutable.
/// </summary>
[GenerateSerializer, Immutable, Alias("exapyte.quota")]
public sealed record KeyspaceQuota
{
    /// <summary>Entries, 1 or more; null: as many as there are.</summary>
    [Id(0)]
    public long? Entries { get; init; }

    /// <summary>Bytes of keys and values together, 1 or more; null: as many as there are.</summary>
    [Id(1)]
    public long? Bytes { get; init; }
}
