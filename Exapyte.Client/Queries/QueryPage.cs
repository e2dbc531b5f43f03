using Exapyte.Operations;
using Exapyte.Queries;
using Exapyte.Queries.Execution;

namespace Exapyte.Client.Queries;

/// <summary>How a query is run.</summary>
public sealed record QueryOptions
{
    /// <summary>How strongly the entries are read; as for a listing.</summary>
    public ConsistencyLevel Level { get; init; }

    /// <summary>As <see cref="ScanQuery.MaxStalenessMs"/>.</summary>
    public long MaxStalenessMs { get; init; }

    /// <summary>As <see cref="CallOptions.Session"/>.</summary>
    public ClientSession? Session { get; init; }

    /// <summary>
    /// Most entries that this page may examine, 1 or more; null: <see cref="QueryLimits.ExaminedDefault"/>, or no bound with
    /// <see cref="AllowScan"/>.
    /// </summary>
    public long? ExaminedMax { get; init; }

    /// <summary>
    /// Go on beyond <see cref="ExaminedMax"/>: where it is named a page in key order ends there, else all entries are examined.
    /// </summary>
    public bool AllowScan { get; init; }

    /// <summary>The index to go by; null: the one that narrows the query most, where there is one.</summary>
    public string? Index { get; init; }

    /// <summary>Go by no index.</summary>
    public bool WithoutIndex { get; init; }

    /// <summary>Where the page before ended; empty for the first.</summary>
    public ReadOnlyMemory<byte> After { get; init; }

    /// <summary>The keyspace id that the page before was made from: another one is refused; 0: any.</summary>
    public long KeyspaceId { get; init; }
}

/// <summary>A page of a query.</summary>
/// <param name="Kind">Ok, or why there is no page.</param>
/// <param name="Rows">The rows, in order.</param>
/// <param name="End">Where the page ended, for the next one; empty where this is the last.</param>
/// <param name="Examined">Entries that were examined for it.</param>
/// <param name="KeyspaceId">The keyspace's id, for the cursor.</param>
/// <param name="Detail">A sentence for a person where it is not Ok.</param>
/// <param name="Served">What served it.</param>
public sealed record QueryPage(
    OutcomeKind Kind,
    IReadOnlyList<QueryRow<ListedEntry>> Rows,
    ReadOnlyMemory<byte> End,
    long Examined,
    long KeyspaceId,
    string? Detail,
    ServedBy Served
)
{
    /// <summary>The index that named all entries that were examined; null where not all were.</summary>
    public string? Index { get; init; }
}
