using System.Globalization;
using System.Text;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Syntax;

/// <summary>Cuts an expression into tokens. Tokens are those of CEL, and <c>@name</c> for a parameter.</summary>
/// <remarks>Common Expression Language, language definition, section Syntax.</remarks>
internal ref struct Lexer(string text)
{
    private readonly string text = text;
    private int at;

    /// <summary>The next token; <see cref="TokenKind.End"/> at the end.</summary>
    /// <exception cref="QueryException">What stands here begins no token.</exception>
    public Token Next()
    {
        while (at < text.Length && text[at] is ' ' or '\t' or '\r' or '\n' or '\f')
        {
            at++;
        }
        if (at >= text.Length)
        {
            return new(TokenKind.End, new(text.Length, 0));
        }
        var first = text[at];
        if (IsNameStart(first))
        {
            return Name(TokenKind.Name, at);
        }
        if (char.IsAsciiDigit(first) || (first == '.' && char.IsAsciiDigit(Peek(1))))
        {
            return Number();
        }
        return first switch
        {
            '"' or '\'' => StringLiteral(),
            '@' => Parameter(),
            _ => Symbol(first),
        };
    }

    private readonly char Peek(int ahead) => at + ahead < text.Length ? text[at + ahead] : '\0';

    private static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c == '_';

    private Token Name(TokenKind kind, int start)
    {
        var name = at;
        while (at < text.Length && (IsNameStart(text[at]) || char.IsAsciiDigit(text[at])))
        {
            at++;
        }
        return new(kind, new(start, at - start), text[name..at]);
    }

    private Token Parameter()
    {
        var start = at++;
        return IsNameStart(Peek(0))
            ? Name(TokenKind.Parameter, start)
            : throw new QueryException("A parameter is written @name: a letter or '_' must follow '@'.", new(start, 1));
    }

    private Token Number()
    {
        var start = at;
        SkipDigits();
        var isDouble = false;
        if (Peek(0) == '.' && char.IsAsciiDigit(Peek(1)))
        {
            isDouble = true;
            at++;
            SkipDigits();
        }
        if (
            Peek(0) is 'e' or 'E'
            && (char.IsAsciiDigit(Peek(1)) || (Peek(1) is '+' or '-' && char.IsAsciiDigit(Peek(2))))
        )
        {
            isDouble = true;
            at += 2;
            SkipDigits();
        }
        if (IsNameStart(Peek(0)))
        {
            throw new QueryException("A number must not run into a name.", new(start, at + 1 - start));
        }
        return new(isDouble ? TokenKind.Double : TokenKind.Int, new(start, at - start), text[start..at]);
    }

    private void SkipDigits()
    {
        while (char.IsAsciiDigit(Peek(0)))
        {
            at++;
        }
    }

    private Token StringLiteral()
    {
        var start = at;
        var quote = text[at++];
        var content = new StringBuilder();
        while (true)
        {
            if (at >= text.Length || text[at] is '\n' or '\r')
            {
                throw new QueryException($"The string is not ended: a {quote} is missing.", new(start, at - start));
            }
            var c = text[at];
            if (c == quote)
            {
                at++;
                break;
            }
            if (c == '\\')
            {
                Escape(content);
                continue;
            }
            if (char.IsSurrogate(c))
            {
                SurrogatePair(content);
                continue;
            }
            content.Append(c);
            at++;
        }
        return new(TokenKind.String, new(start, at - start), Value: Value.Of(content.ToString()));
    }

    private void SurrogatePair(StringBuilder content)
    {
        if (!char.IsSurrogatePair(text[at], Peek(1)))
        {
            throw new QueryException("Half a character stands here.", new(at, 1));
        }
        content.Append(text, at, 2);
        at += 2;
    }

    private void Escape(StringBuilder content)
    {
        var start = at++;
        var c = Peek(0);
        at++;
        switch (c)
        {
            case '\\' or '"' or '\'' or '`' or '?':
                content.Append(c);
                break;
            case 'a':
                content.Append('\a');
                break;
            case 'b':
                content.Append('\b');
                break;
            case 'f':
                content.Append('\f');
                break;
            case 'n':
                content.Append('\n');
                break;
            case 'r':
                content.Append('\r');
                break;
            case 't':
                content.Append('\t');
                break;
            case 'v':
                content.Append('\v');
                break;
            case 'x' or 'X':
                CodePoint(content, start, 2, NumberStyles.AllowHexSpecifier);
                break;
            case 'u':
                CodePoint(content, start, 4, NumberStyles.AllowHexSpecifier);
                break;
            case 'U':
                CodePoint(content, start, 8, NumberStyles.AllowHexSpecifier);
                break;
            default:
                throw new QueryException(
                    "This escape is not known: write \\\\ for a backslash.",
                    new(start, Math.Min(2, text.Length - start))
                );
        }
    }

    private void CodePoint(StringBuilder content, int start, int digits, NumberStyles style)
    {
        if (
            at + digits > text.Length
            || !uint.TryParse(text.AsSpan(at, digits), style, CultureInfo.InvariantCulture, out var code)
            || !Rune.IsValid(code)
        )
        {
            throw new QueryException(
                $"The escape must be followed by {digits} hex digits of a character.",
                new(start, Math.Min(digits + 2, text.Length - start))
            );
        }
        content.Append(new Rune(code).ToString());
        at += digits;
    }

    private Token Symbol(char first)
    {
        var second = Peek(1);
        var (kind, length) = (first, second) switch
        {
            ('=', '=') => (TokenKind.Equal, 2),
            ('!', '=') => (TokenKind.NotEqual, 2),
            ('<', '=') => (TokenKind.LessOrEqual, 2),
            ('>', '=') => (TokenKind.GreaterOrEqual, 2),
            ('&', '&') => (TokenKind.And, 2),
            ('|', '|') => (TokenKind.Or, 2),
            ('<', _) => (TokenKind.Less, 1),
            ('>', _) => (TokenKind.Greater, 1),
            ('!', _) => (TokenKind.Not, 1),
            ('.', _) => (TokenKind.Dot, 1),
            (',', _) => (TokenKind.Comma, 1),
            (':', _) => (TokenKind.Colon, 1),
            ('?', _) => (TokenKind.Question, 1),
            ('(', _) => (TokenKind.OpenParenthesis, 1),
            (')', _) => (TokenKind.CloseParenthesis, 1),
            ('[', _) => (TokenKind.OpenBracket, 1),
            (']', _) => (TokenKind.CloseBracket, 1),
            ('+', _) => (TokenKind.Plus, 1),
            ('-', _) => (TokenKind.Minus, 1),
            ('*', _) => (TokenKind.Star, 1),
            ('/', _) => (TokenKind.Slash, 1),
            ('%', _) => (TokenKind.Percent, 1),
            _ => throw new QueryException(Stranger(first), new(at, 1)),
        };
        var token = new Token(kind, new(at, length));
        at += length;
        return token;
    }

    private static string Stranger(char first) =>
        first switch
        {
            '=' => "A single '=' compares nothing: write '=='.",
            '&' => "Write '&&' for and.",
            '|' => "Write '||' for or.",
            _ => $"'{first}' has no meaning here.",
        };
}
