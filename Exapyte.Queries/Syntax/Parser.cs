using System.Globalization;
using System.Text;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Syntax;

/// <summary>
/// Reads an expression into its syntax tree: operator precedence by binding power, recursion only where the text nests.
/// Bounded in bytes, levels and nodes (<see cref="QueryLimits"/>).
/// </summary>
/// <remarks>V. R. Pratt: Top Down Operator Precedence (1973). The grammar is a subset of CEL's.</remarks>
internal ref struct Parser
{
    private Lexer lexer;
    private Token current;
    private int levels;
    private int nodes;

    private Parser(string text)
    {
        lexer = new(text);
        current = lexer.Next();
    }

    /// <summary>The tree of an expression.</summary>
    /// <exception cref="QueryException">The text is no expression, or over a bound.</exception>
    public static Expression Parse(string text)
    {
        var bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > QueryLimits.ExpressionBytesMax)
        {
            throw new QueryException(
                $"The expression is {bytes} bytes long; at most {QueryLimits.ExpressionBytesMax} are taken.",
                new(0, text.Length)
            );
        }
        var parser = new Parser(text);
        var expression = parser.ReadExpression();
        return parser.current.Kind == TokenKind.End
            ? expression
            : throw new QueryException("The expression ends before this; an operator is missing.", parser.current.Span);
    }

    private Expression ReadExpression()
    {
        Enter();
        var condition = ReadOperators(0);
        if (current.Kind == TokenKind.Question)
        {
            Advance();
            var then = ReadExpression();
            Expect(TokenKind.Colon, "':' and what holds otherwise");
            var otherwise = ReadExpression();
            condition = Node(new Conditional(condition.Span.To(otherwise.Span), condition, then, otherwise));
        }
        levels--;
        return condition;
    }

    /// <summary>Reads an operand and every operator behind it that binds at least as strongly as <paramref name="power"/>.</summary>
    private Expression ReadOperators(int power)
    {
        var left = ReadUnary();
        while (PowerOf(current) is var binds and > 0 && binds > power)
        {
            var operation = current;
            Advance();
            var right = ReadOperators(binds);
            var span = left.Span.To(right.Span);
            left = operation.Kind is TokenKind.And or TokenKind.Or
                ? Join(span, operation.Kind == TokenKind.And, left, right)
                : Node(new Binary(span, OperatorOf(operation), left, right));
        }
        return left;
    }

    /// <summary>A chain of one operator is one node: it is associative in three values too, and a long one does not nest.</summary>
    private Logical Join(TextSpan span, bool isAll, Expression left, Expression right)
    {
        return left is Logical chain && chain.IsAll == isAll
            ? Node(chain with { Span = span, Terms = [.. chain.Terms, right] })
            : Node(new Logical(span, isAll, [left, right]));
    }

    private static int PowerOf(Token token) =>
        token.Kind switch
        {
            TokenKind.Or => 1,
            TokenKind.And => 2,
            TokenKind.Equal
            or TokenKind.NotEqual
            or TokenKind.Less
            or TokenKind.LessOrEqual
            or TokenKind.Greater
            or TokenKind.GreaterOrEqual => 3,
            TokenKind.Name when token.Text == "in" => 3,
            TokenKind.Plus or TokenKind.Minus => 4,
            TokenKind.Star or TokenKind.Slash or TokenKind.Percent => 5,
            _ => 0,
        };

    private static BinaryOperator OperatorOf(Token token) =>
        token.Kind switch
        {
            TokenKind.Equal => BinaryOperator.Equal,
            TokenKind.NotEqual => BinaryOperator.NotEqual,
            TokenKind.Less => BinaryOperator.Less,
            TokenKind.LessOrEqual => BinaryOperator.LessOrEqual,
            TokenKind.Greater => BinaryOperator.Greater,
            TokenKind.GreaterOrEqual => BinaryOperator.GreaterOrEqual,
            TokenKind.Name => BinaryOperator.In,
            TokenKind.Plus => BinaryOperator.Add,
            TokenKind.Minus => BinaryOperator.Subtract,
            TokenKind.Star => BinaryOperator.Multiply,
            TokenKind.Slash => BinaryOperator.Divide,
            TokenKind.Percent => BinaryOperator.Remainder,
            _ => throw new InvalidOperationException($"{token.Kind} is no operator between two operands."),
        };

    private Expression ReadUnary()
    {
        if (current.Kind is not (TokenKind.Not or TokenKind.Minus))
        {
            return ReadMembers(ReadPrimary());
        }
        var sign = current;
        Enter();
        Advance();
        // The smallest int has no positive twin, so the sign belongs to the digits.
        Expression whole;
        if (sign.Kind == TokenKind.Minus && current.Kind is TokenKind.Int or TokenKind.Double)
        {
            whole = ReadMembers(ReadNumber(sign));
        }
        else
        {
            var operand = ReadUnary();
            whole = Node(new Unary(sign.Span.To(operand.Span), sign.Kind, operand));
        }
        levels--;
        return whole;
    }

    private Expression ReadPrimary()
    {
        var token = current;
        switch (token.Kind)
        {
            case TokenKind.Int or TokenKind.Double:
                return ReadNumber(null);
            case TokenKind.String:
                Advance();
                return Node(new Literal(token.Span, token.Value));
            case TokenKind.Parameter:
                Advance();
                return Node(new Parameter(token.Span, token.Text));
            case TokenKind.OpenParenthesis:
                Advance();
                var inner = ReadExpression();
                Expect(TokenKind.CloseParenthesis, "')'");
                return inner;
            case TokenKind.OpenBracket:
                return ReadList();
            case TokenKind.Name:
                return ReadName();
            default:
                throw new QueryException(
                    token.Kind == TokenKind.End
                        ? "The expression ends where an operand is needed."
                        : "An operand is needed here: a value, doc, key, meta, @parameter or a function.",
                    token.Span
                );
        }
    }

    private Literal ReadNumber(Token? sign)
    {
        var token = current;
        Advance();
        var span = sign is { } minus ? minus.Span.To(token.Span) : token.Span;
        var digits = sign is null ? token.Text : "-" + token.Text;
        if (token.Kind == TokenKind.Int)
        {
            return long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole)
                ? Node(new Literal(span, Value.Of(whole)))
                : throw new QueryException("The number does not fit 64 bits; write it as a double.", span);
        }
        var number = double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(number)
            ? Node(new Literal(span, Value.Of(number)))
            : throw new QueryException("The number is larger than any double.", span);
    }

    private ListExpression ReadList()
    {
        var open = current;
        Enter();
        Advance();
        List<Expression> items = [];
        while (current.Kind != TokenKind.CloseBracket)
        {
            items.Add(ReadExpression());
            if (current.Kind != TokenKind.Comma)
            {
                break;
            }
            Advance();
        }
        var close = Expect(TokenKind.CloseBracket, "',' or ']'");
        levels--;
        return Node(new ListExpression(open.Span.To(close), items));
    }

    private Expression ReadName()
    {
        var name = current;
        Advance();
        if (current.Kind == TokenKind.OpenParenthesis)
        {
            return name.Text == "has" ? ReadHas(name) : ReadCall(name, target: null);
        }
        return name.Text switch
        {
            "true" => Node(new Literal(name.Span, Value.True)),
            "false" => Node(new Literal(name.Span, Value.False)),
            "null" => Node(new Literal(name.Span, Value.Null)),
            "doc" => Node(new DocumentRoot(name.Span)),
            "key" => Node(new EntryKey(name.Span)),
            "meta" => ReadMeta(name),
            _ => throw new QueryException(
                $"'{name.Text}' is not known here: a path begins with doc, a parameter with @, text stands in quotes.",
                name.Span
            ),
        };
    }

    private EntryMeta ReadMeta(Token meta)
    {
        if (current.Kind == TokenKind.Dot)
        {
            Advance();
            MetaField? field = current is not { Kind: TokenKind.Name }
                ? null
                : current.Text switch
                {
                    "version" => MetaField.Version,
                    "contentType" => MetaField.ContentType,
                    "modified" => MetaField.Modified,
                    "expires" => MetaField.Expires,
                    "bytes" => MetaField.Bytes,
                    _ => null,
                };
            if (field is { } known)
            {
                var span = meta.Span.To(current.Span);
                Advance();
                return Node(new EntryMeta(span, known));
            }
        }
        throw new QueryException(
            "meta has version, contentType, modified, expires and bytes: write meta.version and so on.",
            current.Kind == TokenKind.Name ? current.Span : meta.Span
        );
    }

    private Expression ReadMembers(Expression target)
    {
        while (true)
        {
            switch (current.Kind)
            {
                case TokenKind.Dot:
                    Advance();
                    var name = current;
                    if (name.Kind != TokenKind.Name)
                    {
                        throw new QueryException("A member's name must follow the dot.", name.Span);
                    }
                    Advance();
                    target =
                        current.Kind == TokenKind.OpenParenthesis
                            ? ReadCall(name, target)
                            : Node(new Member(target.Span.To(name.Span), target, name.Text));
                    break;
                case TokenKind.OpenBracket:
                    Advance();
                    var index = ReadExpression();
                    var span = target.Span.To(Expect(TokenKind.CloseBracket, "']'"));
                    target = index is Literal { Value.Kind: ValueKind.String } text
                        ? Node(new Member(span, target, text.Value.Text))
                        : Node(new Element(span, target, index));
                    break;
                default:
                    return target;
            }
        }
    }

    private Has ReadHas(Token name)
    {
        var operands = ReadOperands(name, out var close);
        return operands is [Member or Element or EntryMeta]
            ? Node(new Has(name.Span.To(close), operands[0]))
            : throw new QueryException("has() takes one path, such as has(doc.a.b).", name.Span.To(close));
    }

    private Call ReadCall(Token name, Expression? target)
    {
        var function = Functions.Find(name, isMethod: target is not null);
        var operands = ReadOperands(name, out var close);
        if (target is not null)
        {
            operands.Insert(0, target);
        }
        var span = (target?.Span ?? name.Span).To(close);
        return operands.Count == Functions.OperandsOf(function)
            ? Node(new Call(span, function, operands))
            : throw new QueryException($"Write {Functions.UsageOf(function)}.", name.Span.To(close));
    }

    private List<Expression> ReadOperands(Token name, out TextSpan close)
    {
        Enter();
        Expect(TokenKind.OpenParenthesis, "'('");
        List<Expression> operands = [];
        while (current.Kind != TokenKind.CloseParenthesis)
        {
            operands.Add(ReadExpression());
            if (current.Kind != TokenKind.Comma)
            {
                break;
            }
            Advance();
            if (current.Kind == TokenKind.CloseParenthesis)
            {
                throw new QueryException($"An operand of {name.Text}() is missing.", current.Span);
            }
        }
        close = Expect(TokenKind.CloseParenthesis, "',' or ')'");
        levels--;
        return operands;
    }

    private void Advance() => current = lexer.Next();

    private TextSpan Expect(TokenKind kind, string what)
    {
        if (current.Kind != kind)
        {
            throw new QueryException($"Needed here: {what}.", current.Span);
        }
        var span = current.Span;
        Advance();
        return span;
    }

    private void Enter()
    {
        if (++levels > QueryLimits.ExpressionLevelsMax)
        {
            throw new QueryException(
                $"The expression nests more than {QueryLimits.ExpressionLevelsMax} levels deep.",
                current.Span
            );
        }
    }

    private T Node<T>(T node)
        where T : Expression =>
        ++nodes <= QueryLimits.ExpressionNodesMax
            ? node
            : throw new QueryException(
                $"The expression has more than {QueryLimits.ExpressionNodesMax} parts.",
                node.Span
            );
}
