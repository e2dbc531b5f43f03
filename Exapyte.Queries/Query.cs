using Exapyte.Queries.Values;

namespace Exapyte.Queries;

/// <summary>A query as it is asked. Immutable; <see cref="QueryPlan.Compile"/> says whether it can be run.</summary>
public sealed record Query
{
    /// <summary>Which entries count: those for which this is true. Null: all.</summary>
    public string? Where { get; init; }

    /// <summary>The values of <c>@name</c>.</summary>
    public IReadOnlyDictionary<string, Value> Parameters { get; init; } = new Dictionary<string, Value>();

    /// <summary>What each row holds; empty: whole entries.</summary>
    public IReadOnlyList<NamedExpression> Select { get; init; } = [];

    /// <summary>The order of the rows, ties by key; empty: by key.</summary>
    public IReadOnlyList<SortExpression> OrderBy { get; init; } = [];

    /// <summary>Entries with equal values here make one row.</summary>
    public IReadOnlyList<string> GroupBy { get; init; } = [];

    /// <summary>What is computed over each group, or over all entries where there are no groups.</summary>
    public IReadOnlyList<NamedExpression> Aggregates { get; init; } = [];

    /// <summary>Most rows in the page, 1 to <see cref="QueryLimits.RowsMax"/>.</summary>
    public int RowsMax { get; init; } = QueryLimits.RowsDefault;

    /// <summary>Whether rows stand for groups and not for entries.</summary>
    public bool IsAggregate => GroupBy.Count > 0 || Aggregates.Count > 0;
}

/// <summary>An expression and the name that its value has in a row.</summary>
public sealed record NamedExpression(string Name, string Text);

/// <summary>What rows are ordered by.</summary>
/// <param name="By">The expression.</param>
/// <param name="Descending">Greatest first; what has no value stands last all the same.</param>
public sealed record SortExpression(string By, bool Descending);
