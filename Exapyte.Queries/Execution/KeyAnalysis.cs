using Exapyte.Queries.Syntax;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Execution;

/// <summary>Finds out of a condition between which keys its entries must lie.</summary>
internal static class KeyAnalysis
{
    /// <summary>The narrowest interval that follows from the terms that must all hold.</summary>
    public static KeyInterval IntervalOf(Expression condition, IReadOnlyDictionary<string, Value> parameters)
    {
        if (condition is Logical { IsAll: true } all)
        {
            return all.Terms.Aggregate(
                KeyInterval.All,
                (interval, term) => interval.Intersect(IntervalOf(term, parameters))
            );
        }
        return condition switch
        {
            Binary { Left: EntryKey } binary when TextOf(binary.Right, parameters) is { } right => IntervalOf(
                binary.Operator,
                right
            ),
            Binary { Right: EntryKey } binary when TextOf(binary.Left, parameters) is { } left => IntervalOf(
                Mirrored(binary.Operator),
                left
            ),
            Call { Function: Function.StartsWith, Operands: [EntryKey, var prefix] }
                when TextOf(prefix, parameters) is { } text => KeyInterval.WithPrefix(text),
            _ => KeyInterval.All,
        };
    }

    private static KeyInterval IntervalOf(BinaryOperator operation, ReadOnlyMemory<byte> key) =>
        operation switch
        {
            BinaryOperator.Equal => KeyInterval.From(key).Intersect(KeyInterval.UpTo(key)),
            BinaryOperator.Less => KeyInterval.Before(key),
            BinaryOperator.LessOrEqual => KeyInterval.UpTo(key),
            BinaryOperator.Greater => KeyInterval.Behind(key),
            BinaryOperator.GreaterOrEqual => KeyInterval.From(key),
            _ => KeyInterval.All,
        };

    /// <summary>The operator that says the same with its sides exchanged; one that is of no use where there is none.</summary>
    public static BinaryOperator Mirrored(BinaryOperator operation) =>
        operation switch
        {
            BinaryOperator.Less => BinaryOperator.Greater,
            BinaryOperator.LessOrEqual => BinaryOperator.GreaterOrEqual,
            BinaryOperator.Greater => BinaryOperator.Less,
            BinaryOperator.GreaterOrEqual => BinaryOperator.LessOrEqual,
            BinaryOperator.In => BinaryOperator.NotEqual,
            _ => operation,
        };

    private static ReadOnlyMemory<byte>? TextOf(Expression expression, IReadOnlyDictionary<string, Value> parameters)
    {
        var value = expression switch
        {
            Literal literal => literal.Value,
            Parameter parameter => parameters.GetValueOrDefault(parameter.Name),
            _ => Value.Unknown,
        };
        // A bare null would become an empty key: arrays convert to memory.
        return value.Kind == ValueKind.String ? value.Bytes : (ReadOnlyMemory<byte>?)null;
    }
}
