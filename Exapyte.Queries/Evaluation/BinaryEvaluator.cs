using Exapyte.Queries.Syntax;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Evaluation;

/// <summary>An operator between two operands.</summary>
internal sealed class BinaryEvaluator(BinaryOperator operation, Evaluator left, Evaluator right) : Evaluator
{
    public override Value Evaluate(EvaluationContext context) =>
        Apply(operation, left.Evaluate(context), right.Evaluate(context));

    /// <summary>The operator's value; unknown where the operands have none or are of types that it does not take.</summary>
    public static Value Apply(BinaryOperator operation, in Value left, in Value right) =>
        operation switch
        {
            BinaryOperator.Equal => Comparing.AreEqual(left, right),
            BinaryOperator.NotEqual => Not(Comparing.AreEqual(left, right)),
            BinaryOperator.In => Comparing.IsIn(left, right),
            BinaryOperator.Less => Comparing.Order(left, right) is { } order ? Value.Of(order < 0) : Value.Unknown,
            BinaryOperator.LessOrEqual => Comparing.Order(left, right) is { } order
                ? Value.Of(order <= 0)
                : Value.Unknown,
            BinaryOperator.Greater => Comparing.Order(left, right) is { } order ? Value.Of(order > 0) : Value.Unknown,
            BinaryOperator.GreaterOrEqual => Comparing.Order(left, right) is { } order
                ? Value.Of(order >= 0)
                : Value.Unknown,
            BinaryOperator.Add when left.Kind == ValueKind.String && right.Kind == ValueKind.String => Join(
                left,
                right
            ),
            _ when !left.IsNumber || !right.IsNumber => Value.Unknown,
            BinaryOperator.Add => Numbers.Add(left, right),
            BinaryOperator.Subtract => Numbers.Subtract(left, right),
            BinaryOperator.Multiply => Numbers.Multiply(left, right),
            BinaryOperator.Divide => Numbers.Divide(left, right),
            BinaryOperator.Remainder => Numbers.Remainder(left, right),
            _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "This operator is not known."),
        };

    private static Value Not(in Value value) => value.IsUnknown ? value : Value.Of(value.IsFalse);

    private static Value Join(in Value left, in Value right)
    {
        var length = (long)left.Bytes.Length + right.Bytes.Length;
        if (length > QueryLimits.StringBytesMax)
        {
            return Value.Unknown;
        }
        var joined = new byte[length];
        left.Bytes.Span.CopyTo(joined);
        right.Bytes.Span.CopyTo(joined.AsSpan(left.Bytes.Length));
        return Value.OfUtf8(joined);
    }
}
