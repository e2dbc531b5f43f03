using Exapyte.Queries.Evaluation;
using Exapyte.Queries.Execution;
using Exapyte.Queries.Indexes;
using Exapyte.Queries.Syntax;

namespace Exapyte.Queries;

/// <summary>A query that can be run: its expressions compiled, its key range known. Immutable, thread-safe.</summary>
public sealed class QueryPlan
{
    private readonly ExpressionCompiler compiler;

    private QueryPlan(Query query, ExpressionCompiler compiler)
    {
        Query = query;
        this.compiler = compiler;
    }

    /// <summary>The query.</summary>
    public Query Query { get; }

    /// <summary>Keys outside of this cannot match.</summary>
    public KeyInterval Keys { get; private init; } = KeyInterval.All;

    /// <summary>Paths over which an index would narrow the query, those compared for equality first; written <c>doc.a.b</c>.</summary>
    public IReadOnlyList<string> PathsToIndex { get; private init; } = [];

    private Expression? Condition { get; init; }

    /// <summary>Which entries match; null: all.</summary>
    internal Evaluator? Where { get; private init; }

    internal IReadOnlyList<(string Name, Evaluator Value)> Select { get; private init; } = [];

    internal IReadOnlyList<(Evaluator By, bool Descending)> OrderBy { get; private init; } = [];

    internal IReadOnlyList<Evaluator> GroupBy { get; private init; } = [];

    internal IReadOnlyList<(string Name, AggregateFunction Function, Evaluator? Operand)> Aggregates
    {
        get;
        private init;
    } = [];

    /// <summary>Whether rows come in the order of keys, so that a page may end before all entries are examined.</summary>
    public bool IsInKeyOrder => OrderBy.Count == 0 && !Query.IsAggregate;

    /// <summary>Compiles a query.</summary>
    /// <exception cref="QueryException">It cannot be run as it is written.</exception>
    public static QueryPlan Compile(Query query)
    {
        Refuse(query);
        var expressions = new ExpressionCompiler(query.Parameters);
        var keys = KeyInterval.All;
        Expression? condition = null;
        Evaluator? where = null;
        IReadOnlyList<string> paths = [];
        if (query.Where is { } text)
        {
            condition = Within("where", () => Parser.Parse(text));
            where = Within("where", () => expressions.Compile(condition));
            keys = KeyAnalysis.IntervalOf(condition, query.Parameters);
            paths = PathAnalysis.PathsToIndex(condition);
        }
        return new(query, expressions)
        {
            Keys = keys,
            PathsToIndex = paths,
            Condition = condition,
            Where = where,
            Select =
            [
                .. query.Select.Select(item =>
                    (item.Name, Within($"select.{item.Name}", () => expressions.Compile(item.Text)))
                ),
            ],
            OrderBy =
            [
                .. query.OrderBy.Select(
                    (item, at) => (Within($"orderBy[{at}].by", () => expressions.Compile(item.By)), item.Descending)
                ),
            ],
            GroupBy =
            [
                .. query.GroupBy.Select((item, at) => Within($"groupBy[{at}]", () => expressions.Compile(item))),
            ],
            Aggregates =
            [
                .. query.Aggregates.Select(item =>
                    Within($"aggregate.{item.Name}", () => AggregateParser.Parse(item, expressions))
                ),
            ],
        };
    }

    /// <summary>How an index answers the query; null where it does not narrow it.</summary>
    public IndexUse? UseOf(IndexShape index)
    {
        ArgumentNullException.ThrowIfNull(index);
        return Condition is null ? null : IndexPlanner.Use(Condition, Query.Parameters, index);
    }

    /// <summary>The indexes that narrow the query, the one that does most first; none where its keys alone say more.</summary>
    public IReadOnlyList<IndexUse> UsesOf(IEnumerable<IndexShape> indexes) =>
        Keys.IsSingle ? [] : [.. indexes.Select(UseOf).OfType<IndexUse>().OrderByDescending(static use => use.Rank)];

    /// <summary>A run over the entries of <see cref="Keys"/>, in the order of keys, for one page.</summary>
    /// <typeparam name="TItem">What the caller calls an entry.</typeparam>
    /// <param name="after">Where the page before ended; empty for the first.</param>
    /// <exception cref="FormatException">That is no place where a page of this query can have ended.</exception>
    public QueryRun<TItem> Start<TItem>(ReadOnlyMemory<byte> after = default) =>
        new(this, compiler.NewContext(), after);

    private static void Refuse(Query query)
    {
        if (query.RowsMax is < 1 or > QueryLimits.RowsMax)
        {
            throw new QueryException($"limit must be 1 to {QueryLimits.RowsMax}.", default).In("limit");
        }
        if (query.IsAggregate && query.Select.Count > 0)
        {
            throw new QueryException(
                "select names members of single entries: with groupBy or aggregate, name what is wanted there.",
                default
            ).In("select");
        }
        if (query.IsAggregate && query.OrderBy.Count > 0)
        {
            throw new QueryException(
                "orderBy orders single entries: rows of groupBy come in the order of their groups.",
                default
            ).In("orderBy");
        }
        foreach (
            var (member, count) in (ReadOnlySpan<(string, int)>)
                [
                    ("select", query.Select.Count),
                    ("orderBy", query.OrderBy.Count),
                    ("groupBy", query.GroupBy.Count),
                    ("aggregate", query.Aggregates.Count),
                ]
        )
        {
            if (count > QueryLimits.ExpressionsMax)
            {
                throw new QueryException(
                    $"{member} has {count} expressions; at most {QueryLimits.ExpressionsMax} are taken.",
                    default
                ).In(member);
            }
        }
        if (query.GroupBy.Count > 0 && query.Aggregates.Any(item => item.Name == "group"))
        {
            throw new QueryException("An aggregate cannot be named 'group': rows have that member.", default).In(
                "aggregate.group"
            );
        }
    }

    private static T Within<T>(string member, Func<T> compile)
    {
        try
        {
            return compile();
        }
        catch (QueryException exception)
        {
            throw exception.In(member);
        }
    }
}
