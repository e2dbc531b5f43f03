using Exapyte.Queries.Syntax;

namespace Exapyte.Queries.Execution;

/// <summary>Finds the paths of a condition over which an index would narrow it.</summary>
internal static class PathAnalysis
{
    /// <summary>Paths of the terms that must all hold: those compared for equality, then one compared for order.</summary>
    public static IReadOnlyList<string> PathsToIndex(Expression condition)
    {
        IEnumerable<Expression> terms = condition is Logical { IsAll: true } all ? all.Terms : [condition];
        List<string> equal = [];
        List<string> ordered = [];
        foreach (var term in terms)
        {
            var (path, isEquality) = term switch
            {
                Binary { Operator: BinaryOperator.Equal or BinaryOperator.In } binary => (PathOf(binary), true),
                Binary { Operator: >= BinaryOperator.Less and <= BinaryOperator.GreaterOrEqual } binary => (
                    PathOf(binary),
                    false
                ),
                Call { Function: Function.StartsWith } call => (TextOf(call.Operands[0]), false),
                _ => (null, false),
            };
            var paths = isEquality ? equal : ordered;
            if (path is not null && !equal.Contains(path) && !ordered.Contains(path))
            {
                paths.Add(path);
            }
        }
        return [.. equal, .. ordered.Take(1)];
    }

    private static string? PathOf(Binary binary) =>
        IsGiven(binary.Right) ? TextOf(binary.Left)
        : IsGiven(binary.Left) && binary.Operator != BinaryOperator.In ? TextOf(binary.Right)
        : null;

    private static bool IsGiven(Expression expression) =>
        expression is Literal or Parameter || (expression is ListExpression list && list.Items.All(IsGiven));

    /// <summary>The path as an index names it; null for what none can be over.</summary>
    private static string? TextOf(Expression expression) =>
        expression switch
        {
            DocumentRoot => "doc",
            Member member when TextOf(member.Target) is { } target => $"{target}.{member.Name}",
            _ => null,
        };
}
