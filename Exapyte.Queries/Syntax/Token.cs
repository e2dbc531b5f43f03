using Exapyte.Queries.Values;

namespace Exapyte.Queries.Syntax;

internal enum TokenKind : byte
{
    End,
    Name,
    Parameter,
    Int,
    Double,
    String,
    Dot,
    Comma,
    Colon,
    Question,
    OpenParenthesis,
    CloseParenthesis,
    OpenBracket,
    CloseBracket,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
    Not,
}

/// <summary>One token of an expression.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Span">Where it stands.</param>
/// <param name="Text">The name of a <see cref="TokenKind.Name"/> or <see cref="TokenKind.Parameter"/>, the digits of a number.</param>
/// <param name="Value">The value of a string.</param>
internal readonly record struct Token(TokenKind Kind, TextSpan Span, string Text = "", Value Value = default);
