using Exapyte.Queries.Values;

namespace Exapyte.Queries.Syntax;

/// <summary>A node of an expression's syntax tree. Immutable.</summary>
/// <param name="Span">Where it stands in the text.</param>
internal abstract record Expression(TextSpan Span);

/// <summary>A value written in the text.</summary>
internal sealed record Literal(TextSpan Span, Value Value) : Expression(Span);

/// <summary>A value given beside the text.</summary>
internal sealed record Parameter(TextSpan Span, string Name) : Expression(Span);

/// <summary><c>[a, b]</c>.</summary>
internal sealed record ListExpression(TextSpan Span, IReadOnlyList<Expression> Items) : Expression(Span);

/// <summary><c>doc</c>: the entry's value as JSON.</summary>
internal sealed record DocumentRoot(TextSpan Span) : Expression(Span);

/// <summary><c>key</c>: the entry's key as text.</summary>
internal sealed record EntryKey(TextSpan Span) : Expression(Span);

/// <summary><c>meta.version</c> and its like.</summary>
internal sealed record EntryMeta(TextSpan Span, MetaField Field) : Expression(Span);

/// <summary><c>target.name</c>, or <c>target["name"]</c> with the name written in the text.</summary>
internal sealed record Member(TextSpan Span, Expression Target, string Name) : Expression(Span);

/// <summary><c>target[index]</c>.</summary>
internal sealed record Element(TextSpan Span, Expression Target, Expression Index) : Expression(Span);

/// <summary><c>!operand</c> or <c>-operand</c>.</summary>
internal sealed record Unary(TextSpan Span, TokenKind Operator, Expression Operand) : Expression(Span);

/// <summary><c>left operator right</c>, but for <c>&amp;&amp;</c> and <c>||</c>.</summary>
internal sealed record Binary(TextSpan Span, BinaryOperator Operator, Expression Left, Expression Right)
    : Expression(Span);

/// <summary>A chain of <c>&amp;&amp;</c> (all) or of <c>||</c> (any).</summary>
internal sealed record Logical(TextSpan Span, bool IsAll, IReadOnlyList<Expression> Terms) : Expression(Span);

/// <summary><c>condition ? then : otherwise</c>.</summary>
internal sealed record Conditional(TextSpan Span, Expression Condition, Expression Then, Expression Otherwise)
    : Expression(Span);

/// <summary><c>has(path)</c>.</summary>
internal sealed record Has(TextSpan Span, Expression Path) : Expression(Span);

/// <summary>A function of a fixed number of operands; a method's target is the first of them.</summary>
internal sealed record Call(TextSpan Span, Function Function, IReadOnlyList<Expression> Operands) : Expression(Span);

/// <summary>What is known of an entry beside key and value.</summary>
internal enum MetaField : byte
{
    Version,
    ContentType,
    Modified,
    Expires,
    Bytes,
}

internal enum BinaryOperator : byte
{
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

internal enum Function : byte
{
    Size,
    Lower,
    Upper,
    StartsWith,
    EndsWith,
    Contains,
    Matches,
}
