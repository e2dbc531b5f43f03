using Exapyte.Queries.Execution;
using Exapyte.Queries.Syntax;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Indexes;

/// <summary>Between which values of one type a path must lie; both ends are unknown where only the type is.</summary>
internal sealed record PathBounds(byte Tag)
{
    public Value From { get; init; }

    public bool IsFromExclusive { get; init; }

    public Value To { get; init; }

    public bool IsToExclusive { get; init; }

    public Value StartsWith { get; init; }
}

/// <summary>What the terms of a condition that must all hold say of single paths.</summary>
internal sealed class PathTerms
{
    private readonly List<(IndexPath Path, IReadOnlyList<Value> Values)> equal = [];
    private readonly List<(IndexPath Path, PathBounds Bounds)> bounds = [];

    public static PathTerms Of(Expression condition, IReadOnlyDictionary<string, Value> parameters)
    {
        PathTerms terms = new();
        terms.Add(condition, parameters);
        return terms;
    }

    /// <summary>The values of which the path must have one; null where no term says so.</summary>
    public IReadOnlyList<Value>? EqualTo(IndexPath path)
    {
        IReadOnlyList<Value>? fewest = null;
        foreach (var (known, values) in equal)
        {
            if (known.Equals(path) && (fewest is null || values.Count < fewest.Count))
            {
                fewest = values;
            }
        }
        return fewest;
    }

    /// <summary>Between which values the path must lie; null where no term says so.</summary>
    public PathBounds? BoundsOf(IndexPath path)
    {
        PathBounds? all = null;
        foreach (var (known, term) in bounds)
        {
            if (known.Equals(path))
            {
                // Of terms over two types one cannot hold; the first says enough.
                all =
                    all is null ? term
                    : all.Tag == term.Tag ? Both(all, term)
                    : all;
            }
        }
        return all;
    }

    private void Add(Expression condition, IReadOnlyDictionary<string, Value> parameters)
    {
        switch (condition)
        {
            case Logical { IsAll: true } all:
                foreach (var term in all.Terms)
                {
                    Add(term, parameters);
                }
                break;
            case Binary { Operator: BinaryOperator.In } member when PathOf(member.Left) is { } path:
                if (ItemsOf(member.Right, parameters) is { } items)
                {
                    equal.Add((path, items));
                }
                break;
            case Binary binary when PathOf(binary.Left) is { } left:
                Add(left, binary.Operator, ConstantOf(binary.Right, parameters));
                break;
            case Binary binary when PathOf(binary.Right) is { } right:
                Add(right, KeyAnalysis.Mirrored(binary.Operator), ConstantOf(binary.Left, parameters));
                break;
            case Call { Function: Function.StartsWith, Operands: [var target, var prefix] }
                when PathOf(target) is { } path
                    && ConstantOf(prefix, parameters) is { Kind: ValueKind.String } beginning:
                bounds.Add((path, new(IndexKeyCodec.TextTag) { StartsWith = beginning }));
                break;
        }
    }

    private void Add(IndexPath path, BinaryOperator operation, in Value value)
    {
        if (!IndexKeyCodec.IsIndexed(value))
        {
            return;
        }
        if (operation == BinaryOperator.Equal)
        {
            equal.Add((path, [value]));
            return;
        }
        // Null has no order: such a term is true of nothing, and need not be found by an index.
        var type = value.Kind == ValueKind.Null ? null : new PathBounds(IndexKeyCodec.TagOf(value));
        var term = operation switch
        {
            BinaryOperator.Less => type is null ? null : type with { To = value, IsToExclusive = true },
            BinaryOperator.LessOrEqual => type is null ? null : type with { To = value },
            BinaryOperator.Greater => type is null ? null : type with { From = value, IsFromExclusive = true },
            BinaryOperator.GreaterOrEqual => type is null ? null : type with { From = value },
            _ => null,
        };
        if (term is not null)
        {
            bounds.Add((path, term));
        }
    }

    /// <summary>Both terms: the greater start and the lesser end; of two beginnings one is enough.</summary>
    private static PathBounds Both(PathBounds left, PathBounds right)
    {
        var both = left;
        if (
            !right.From.IsUnknown
            && (left.From.IsUnknown || IsTighter(Comparing.Order(right.From, left.From), right.IsFromExclusive))
        )
        {
            both = both with { From = right.From, IsFromExclusive = right.IsFromExclusive };
        }
        if (
            !right.To.IsUnknown
            && (left.To.IsUnknown || IsTighter(-Comparing.Order(right.To, left.To), right.IsToExclusive))
        )
        {
            both = both with { To = right.To, IsToExclusive = right.IsToExclusive };
        }
        return both.StartsWith.IsUnknown ? both with { StartsWith = right.StartsWith } : both;
    }

    private static bool IsTighter(int? order, bool isExclusive) => order > 0 || (order == 0 && isExclusive);

    /// <summary>The values of a list that an entry's value may equal; null where one of them is a list or an object, or it is none.</summary>
    private static List<Value>? ItemsOf(Expression list, IReadOnlyDictionary<string, Value> parameters)
    {
        IEnumerable<Value>? items = list switch
        {
            ListExpression written => written.Items.Select(item => ConstantOf(item, parameters)),
            _ => ConstantOf(list, parameters) is { Kind: ValueKind.List } given ? ValueLists.ItemsOf(given) : null,
        };
        List<Value>? values = items is null ? null : [.. items];
        return values?.TrueForAll(value => IndexKeyCodec.IsIndexed(value)) == true ? values : null;
    }

    private static Value ConstantOf(Expression expression, IReadOnlyDictionary<string, Value> parameters) =>
        expression switch
        {
            Literal literal => literal.Value,
            Parameter parameter => parameters.GetValueOrDefault(parameter.Name),
            Unary { Operator: TokenKind.Minus } minus
                when ConstantOf(minus.Operand, parameters) is { IsNumber: true } number => Numbers.Negate(number),
            _ => Value.Unknown,
        };

    private static IndexPath? PathOf(Expression expression)
    {
        List<string> names = [];
        for (; expression is Member member; expression = member.Target)
        {
            names.Add(member.Name);
        }
        names.Reverse();
        // A name with a dot in it would be taken for two.
        return
            expression is DocumentRoot
            && names.TrueForAll(name => !name.Contains('.', StringComparison.Ordinal))
            && IndexPath.TryParse($"doc.{string.Join('.', names)}", out var path)
            ? path
            : null;
    }
}
