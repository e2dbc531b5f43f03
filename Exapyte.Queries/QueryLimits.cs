namespace Exapyte.Queries;

/// <summary>What a query may hold at most. Beyond it the query is refused before anything is read.</summary>
public static class QueryLimits
{
    /// <summary>Longest text of one expression, in UTF-8 bytes.</summary>
    public const int ExpressionBytesMax = 16 << 10;

    /// <summary>Deepest nesting of one expression: parentheses, calls, lists, conditionals, signs.</summary>
    public const int ExpressionLevelsMax = 64;

    /// <summary>Most nodes of one expression's syntax tree.</summary>
    public const int ExpressionNodesMax = 1_000;

    /// <summary>Most expressions in <c>select</c>, <c>orderBy</c>, <c>groupBy</c> and <c>aggregate</c> each.</summary>
    public const int ExpressionsMax = 32;

    /// <summary>Deepest JSON document that is looked into.</summary>
    public const int DocumentLevelsMax = 64;

    /// <summary>Longest string that an expression may make, in UTF-8 bytes; a longer one has no value.</summary>
    public const int StringBytesMax = 1 << 20;

    /// <summary>Longest pattern that is taken from an entry, in UTF-8 bytes; a longer one matches nothing known.</summary>
    public const int PatternBytesMax = 1 << 10;

    /// <summary>Most rows in one page.</summary>
    public const int RowsMax = 1_000;

    /// <summary>Rows in a page where the query names no limit.</summary>
    public const int RowsDefault = 100;

    /// <summary>Bytes of rows after which a page ends early.</summary>
    public const int PageBytesMax = 4 << 20;

    /// <summary>Entries that one page may examine where the query neither says otherwise nor allows a scan.</summary>
    public const long ExaminedDefault = 100_000;

    /// <summary>Most groups that one query may gather.</summary>
    public const int GroupsMax = 100_000;

    /// <summary>Longest place of a page's end, in bytes of sort values and key.</summary>
    public const int PositionBytesMax = 6 << 10;
}
