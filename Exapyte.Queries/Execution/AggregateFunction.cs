using Exapyte.Queries.Evaluation;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Execution;

internal enum AggregateFunction : byte
{
    Count,
    Sum,
    Min,
    Max,
    Average,
}

/// <summary>Reads <c>count()</c>, <c>sum(doc.a)</c> and their like.</summary>
internal static class AggregateParser
{
    public static (string Name, AggregateFunction Function, Evaluator? Operand) Parse(
        NamedExpression item,
        ExpressionCompiler compiler
    )
    {
        var text = item.Text;
        var open = text.IndexOf('(', StringComparison.Ordinal);
        var close = text.AsSpan().TrimEnd().Length - 1;
        AggregateFunction? function =
            open < 0
                ? null
                : text.AsSpan(0, open).Trim() switch
                {
                    "count" => AggregateFunction.Count,
                    "sum" => AggregateFunction.Sum,
                    "min" => AggregateFunction.Min,
                    "max" => AggregateFunction.Max,
                    "avg" => AggregateFunction.Average,
                    _ => null,
                };
        if (function is not { } known || close < open || text[close] != ')')
        {
            throw new QueryException(
                "An aggregate is count(), or count, sum, min, max or avg of one expression, such as sum(doc.price).",
                new(0, text.Length)
            );
        }
        if (text.AsSpan(open + 1, close - open - 1).IsWhiteSpace())
        {
            return known == AggregateFunction.Count
                ? (item.Name, known, null)
                : throw new QueryException("This aggregate needs an expression.", new(open, close + 1 - open));
        }
        // Blanks in place of the function keep the positions of what is wrong in the operand.
        var operand = string.Concat(new string(' ', open + 1), text.AsSpan(open + 1, close - open - 1));
        return (item.Name, known, compiler.Compile(operand));
    }
}

/// <summary>
/// Gathers one aggregate. Sums, averages pass over what is no number; least and greatest follow the order of
/// <c>orderBy</c>; what has no value counts nowhere.
/// </summary>
internal sealed class Accumulator(AggregateFunction function)
{
    private long count;
    private Int128 wholes;
    private double doubles;
    private bool isDouble;
    private Value extreme;

    /// <summary>Takes a value in; returns by how many bytes more it holds on to.</summary>
    public int Add(in Value value)
    {
        switch (function)
        {
            case AggregateFunction.Count:
                count += value.IsUnknown ? 0 : 1;
                return 0;
            case AggregateFunction.Sum or AggregateFunction.Average:
                AddNumber(value);
                return 0;
            default:
                return AddExtreme(value);
        }
    }

    /// <summary>The aggregate of what was taken in; unknown where it has none.</summary>
    public Value Result() =>
        function switch
        {
            AggregateFunction.Count => Value.Of(count),
            AggregateFunction.Sum when isDouble => Value.Of((double)wholes + doubles),
            AggregateFunction.Sum => wholes >= long.MinValue && wholes <= long.MaxValue
                ? Value.Of((long)wholes)
                : Value.Unknown,
            AggregateFunction.Average => count == 0 ? Value.Unknown : Value.Of(((double)wholes + doubles) / count),
            _ => extreme,
        };

    private void AddNumber(in Value value)
    {
        if (value.Kind == ValueKind.Int)
        {
            wholes += value.Int;
            count++;
        }
        else if (value.Kind == ValueKind.Double)
        {
            doubles += value.Double;
            isDouble = true;
            count++;
        }
    }

    private int AddExtreme(in Value value)
    {
        if (value.IsUnknown)
        {
            return 0;
        }
        var order = extreme.IsUnknown ? 0 : Comparing.OrderOfAll(value, extreme);
        if (!extreme.IsUnknown && (function == AggregateFunction.Min ? order >= 0 : order <= 0))
        {
            return 0;
        }
        var before = extreme.Bytes.Length;
        extreme = value.Detached();
        return extreme.Bytes.Length - before;
    }
}
