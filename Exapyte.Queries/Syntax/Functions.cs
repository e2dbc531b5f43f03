namespace Exapyte.Queries.Syntax;

/// <summary>The functions, by name.</summary>
internal static class Functions
{
    /// <summary>The function of this name; a method stands behind a dot.</summary>
    /// <exception cref="QueryException">There is none.</exception>
    public static Function Find(Token name, bool isMethod) =>
        (name.Text, isMethod) switch
        {
            ("size", _) => Function.Size,
            ("lower", _) => Function.Lower,
            ("upper", _) => Function.Upper,
            ("startsWith", true) => Function.StartsWith,
            ("endsWith", true) => Function.EndsWith,
            ("contains", true) => Function.Contains,
            ("matches", true) => Function.Matches,
            ("startsWith" or "endsWith" or "contains" or "matches", false) => throw new QueryException(
                $"Write text.{name.Text}(other): it stands behind the text it looks at.",
                name.Span
            ),
            _ => throw new QueryException(
                $"There is no function '{name.Text}'. There are has, size, lower, upper, and behind a text startsWith, "
                    + "endsWith, contains, matches.",
                name.Span
            ),
        };

    /// <summary>How many operands it takes, its target counted.</summary>
    public static int OperandsOf(Function function) =>
        function is Function.Size or Function.Lower or Function.Upper ? 1 : 2;

    /// <summary>How it is written.</summary>
    public static string UsageOf(Function function) =>
        function switch
        {
            Function.Size => "size(value) or value.size()",
            Function.Lower => "lower(text) or text.lower()",
            Function.Upper => "upper(text) or text.upper()",
            Function.StartsWith => "text.startsWith(other)",
            Function.EndsWith => "text.endsWith(other)",
            Function.Contains => "text.contains(other)",
            Function.Matches => "text.matches(pattern)",
            _ => throw new ArgumentOutOfRangeException(nameof(function), function, "This function is not known."),
        };
}
