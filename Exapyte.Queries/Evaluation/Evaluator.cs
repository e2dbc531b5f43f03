using Exapyte.Queries.Syntax;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Evaluation;

/// <summary>A compiled expression. Immutable; gives the same value for the same entry and never throws.</summary>
public abstract class Evaluator
{
    /// <summary>The expression's value for the context's entry.</summary>
    public abstract Value Evaluate(EvaluationContext context);
}

internal sealed class ConstantEvaluator(Value value) : Evaluator
{
    public Value Value => value;

    public override Value Evaluate(EvaluationContext context) => value;
}

internal sealed class PathEvaluator(int slot) : Evaluator
{
    public override Value Evaluate(EvaluationContext context) => context.ValueAt(slot);
}

internal sealed class HasPathEvaluator(int slot) : Evaluator
{
    public override Value Evaluate(EvaluationContext context) => Value.Of(context.Has(slot));
}

internal sealed class HasMetaEvaluator(MetaField field) : Evaluator
{
    public override Value Evaluate(EvaluationContext context) => Value.Of(!context.Meta(field).IsUnknown);
}

/// <summary><c>has()</c> of a path whose places are known only with the entry.</summary>
internal sealed class HasInEvaluator(Evaluator target, Evaluator place) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var container = target.Evaluate(context);
        var at = place.Evaluate(context);
        return Value.Of(
            (container.Kind, at.Kind) switch
            {
                (ValueKind.Object, ValueKind.String) => ValueLists.TryGetMember(container, at.Bytes.Span, out _),
                (ValueKind.List, ValueKind.Int) => at.Int >= 0 && at.Int < ValueLists.CountOf(container),
                _ => false,
            }
        );
    }
}

internal sealed class KeyEvaluator : Evaluator
{
    public override Value Evaluate(EvaluationContext context) => context.Key();
}

internal sealed class MetaEvaluator(MetaField field) : Evaluator
{
    public override Value Evaluate(EvaluationContext context) => context.Meta(field);
}

/// <summary>A member or element whose place is known only with the entry.</summary>
internal sealed class InsideEvaluator(Evaluator target, Evaluator place) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var container = target.Evaluate(context);
        var at = place.Evaluate(context);
        switch (container.Kind, at.Kind)
        {
            case (ValueKind.Object, ValueKind.String):
                ValueLists.TryGetMember(container, at.Bytes.Span, out var member);
                return member;
            case (ValueKind.List, ValueKind.Int):
                return ValueLists.ElementAt(container, at.Int);
            default:
                return Value.Unknown;
        }
    }
}

internal sealed class ListEvaluator(Evaluator[] items) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var values = new Value[items.Length];
        for (var i = 0; i < items.Length; i++)
        {
            values[i] = items[i].Evaluate(context);
        }
        return Value.OfList(values);
    }
}

/// <summary><c>&amp;&amp;</c> and <c>||</c>: one term that decides does so whatever the others are (Kleene's three values).</summary>
internal sealed class LogicalEvaluator(bool isAll, Evaluator[] terms) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var isUnknown = false;
        foreach (var term in terms)
        {
            var value = term.Evaluate(context);
            if (value.Kind != ValueKind.Bool)
            {
                isUnknown = true;
            }
            else if (value.IsTrue != isAll)
            {
                return value;
            }
        }
        return isUnknown ? Value.Unknown : Value.Of(isAll);
    }
}

internal sealed class NotEvaluator(Evaluator operand) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        return value.Kind == ValueKind.Bool ? Value.Of(!value.IsTrue) : Value.Unknown;
    }
}

internal sealed class NegateEvaluator(Evaluator operand) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        return value.IsNumber ? Numbers.Negate(value) : Value.Unknown;
    }
}

internal sealed class ConditionalEvaluator(Evaluator condition, Evaluator then, Evaluator otherwise) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var value = condition.Evaluate(context);
        return value.Kind != ValueKind.Bool ? Value.Unknown
            : value.IsTrue ? then.Evaluate(context)
            : otherwise.Evaluate(context);
    }
}
