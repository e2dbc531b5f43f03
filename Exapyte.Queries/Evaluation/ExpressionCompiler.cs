using Exapyte.Queries.Documents;
using Exapyte.Queries.Syntax;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Evaluation;

/// <summary>
/// Turns expressions into evaluators. All expressions of one query go through one compiler, so that one walk through an
/// entry's value serves them all. Not thread-safe; <see cref="NewContext"/> comes after the last expression.
/// </summary>
public sealed class ExpressionCompiler(IReadOnlyDictionary<string, Value> parameters)
{
    private readonly PathTree tree = new();

    /// <summary>Compiles an expression.</summary>
    /// <exception cref="QueryException">It is no expression, over a bound, or names a parameter that was not given.</exception>
    public Evaluator Compile(string text) => Compile(Parser.Parse(text));

    /// <summary>A context for what was compiled.</summary>
    public EvaluationContext NewContext() => new(tree);

    internal Evaluator Compile(Expression expression) =>
        expression switch
        {
            Literal literal => new ConstantEvaluator(literal.Value),
            Parameter parameter => new ConstantEvaluator(ValueOf(parameter)),
            ListExpression list => CompileList(list),
            EntryKey => new KeyEvaluator(),
            EntryMeta meta => new MetaEvaluator(meta.Field),
            DocumentRoot or Member or Element => CompilePath(expression),
            Unary { Operator: TokenKind.Not } not => new NotEvaluator(Compile(not.Operand)),
            Unary minus => CompileNegation(minus),
            Binary binary => CompileBinary(binary),
            Logical logical => new LogicalEvaluator(logical.IsAll, [.. logical.Terms.Select(Compile)]),
            Conditional choice => new ConditionalEvaluator(
                Compile(choice.Condition),
                Compile(choice.Then),
                Compile(choice.Otherwise)
            ),
            Has has => CompileHas(has.Path),
            Call call => CompileCall(call),
            _ => throw new InvalidOperationException($"{expression.GetType().Name} has no evaluator."),
        };

    private Value ValueOf(Parameter parameter) =>
        parameters.TryGetValue(parameter.Name, out var value)
            ? value
            : throw new QueryException(
                $"The parameter @{parameter.Name} was not given: add it to params.",
                parameter.Span
            );

    private Evaluator CompileList(ListExpression list)
    {
        Evaluator[] items = [.. list.Items.Select(Compile)];
        return Array.TrueForAll(items, item => item is ConstantEvaluator)
            ? new ConstantEvaluator(Value.OfList(Array.ConvertAll(items, item => ((ConstantEvaluator)item).Value)))
            : new ListEvaluator(items);
    }

    private Evaluator CompileBinary(Binary binary)
    {
        var (left, right) = (Compile(binary.Left), Compile(binary.Right));
        return Folded(new BinaryEvaluator(binary.Operator, left, right), left, right);
    }

    private Evaluator CompileNegation(Unary minus)
    {
        var operand = Compile(minus.Operand);
        return Folded(new NegateEvaluator(operand), operand);
    }

    /// <summary>What depends on constants only is one.</summary>
    private Evaluator Folded(Evaluator evaluator, params Evaluator[] operands) =>
        Array.TrueForAll(operands, operand => operand is ConstantEvaluator)
            ? new ConstantEvaluator(evaluator.Evaluate(NewContext()))
            : evaluator;

    private Evaluator CompilePath(Expression path)
    {
        if (PlaceOf(path) is { } place)
        {
            return new PathEvaluator(tree.SlotOf(place));
        }
        return path switch
        {
            Member member => new InsideEvaluator(Compile(member.Target), new ConstantEvaluator(Value.Of(member.Name))),
            Element element => new InsideEvaluator(Compile(element.Target), Compile(element.Index)),
            _ => throw new InvalidOperationException("The document itself has a place."),
        };
    }

    private Evaluator CompileHas(Expression path)
    {
        if (path is EntryMeta meta)
        {
            return new HasMetaEvaluator(meta.Field);
        }
        if (PlaceOf(path) is { } place)
        {
            return new HasPathEvaluator(tree.SlotOf(place));
        }
        return path switch
        {
            Member member => new HasInEvaluator(Compile(member.Target), new ConstantEvaluator(Value.Of(member.Name))),
            Element element => new HasInEvaluator(Compile(element.Target), Compile(element.Index)),
            _ => throw new InvalidOperationException("The parser lets has() take paths only."),
        };
    }

    /// <summary>The place of a path that is written out; null where part of it is known only with the entry.</summary>
    private PathNode? PlaceOf(Expression path) =>
        path switch
        {
            DocumentRoot => tree.Root,
            Member member => PlaceOf(member.Target)?.Member(member.Name),
            Element { Index: Literal { Value: { Kind: ValueKind.Int, Int: >= 0 } index } } element => PlaceOf(
                element.Target
            )
                ?.Element(index.Int),
            _ => null,
        };

    private Evaluator CompileCall(Call call)
    {
        var first = Compile(call.Operands[0]);
        if (call.Function is Function.Size)
        {
            return new SizeEvaluator(first);
        }
        if (call.Function is Function.Lower or Function.Upper)
        {
            return new CaseEvaluator(first, call.Function == Function.Upper);
        }
        var second = Compile(call.Operands[1]);
        if (call.Function != Function.Matches)
        {
            return new PartEvaluator(call.Function, first, second);
        }
        if (second is not ConstantEvaluator { Value.Kind: ValueKind.String } constant)
        {
            return new MatchEvaluator(first, second, null);
        }
        var regex =
            MatchEvaluator.TryCreate(constant.Value.Text, out var whyNot)
            ?? throw new QueryException($"The pattern cannot be used: {whyNot}", call.Operands[1].Span);
        return new MatchEvaluator(first, second, regex);
    }
}
