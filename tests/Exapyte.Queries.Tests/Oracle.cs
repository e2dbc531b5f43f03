using System.Text;
using System.Text.Json;

namespace Exapyte.Queries.Tests;

/// <summary>
/// The language a second time, written the plain way: over a parsed document, with objects and exact rationals. Expressions
/// are made at random as text and meaning side by side, so that no parser stands between them.
/// </summary>
internal sealed class Oracle(Random random)
{
    /// <summary>No value.</summary>
    public static readonly object Unknown = new();

    /// <summary>JSON's null.</summary>
    public static readonly object Null = new();

    private static readonly string[] Names = ["a", "b", "c", "d"];
    private static readonly string[] Texts = ["", "a", "ab", "b", "ä", "😀", "B", "1"];
    private static readonly string[] Numbers =
    [
        "0",
        "1",
        "-1",
        "2",
        "7",
        "1.0",
        "2.5",
        "-0.5",
        "1e2",
        "9223372036854775807",
        "-9223372036854775808",
        "9007199254740993",
        "9007199254740992.0",
        "1e300",
    ];

    public delegate object Meaning(JsonElement? document);

    /// <summary>A random document: some members are missing, of the wrong type, null, nested.</summary>
    public string Document()
    {
        var members = Names.Where(_ => random.Next(4) > 0).Select(name => $"\"{name}\":{Json(2)}");
        return "{" + string.Join(",", members) + "}";
    }

    /// <summary>A random expression of a random depth.</summary>
    public (string Text, Meaning Means) Expression() => Expression(1 + random.Next(3));

    /// <summary>A random expression: its text and what it means.</summary>
    public (string Text, Meaning Means) Expression(int depth)
    {
        if (depth == 0)
        {
            return Operand();
        }
        switch (random.Next(12))
        {
            case 0:
                return Chain("&&", depth, decides: false);
            case 1:
                return Chain("||", depth, decides: true);
            case 2:
                var (negated, negates) = Truth(depth - 1);
                return ($"!({negated})", document => negates(document) is bool value ? !value : Unknown);
            case 3:
                return Choice(depth);
            case 4:
                return In(depth);
            case 5 or 6:
                return Arithmetic(depth);
            case 7:
                return Function(depth);
            default:
                return Comparison(depth);
        }
    }

    /// <summary>Mostly something that is true or false: else nearly all would be unknown.</summary>
    private (string Text, Meaning Means) Truth(int depth) =>
        random.Next(6) == 0 ? Expression(Math.Max(0, depth))
        : random.Next(6) == 0 ? (random.Next(2) == 0 ? ("true", _ => true) : ("false", _ => false))
        : Comparison(Math.Max(1, depth));

    /// <summary>Mostly a number.</summary>
    private (string Text, Meaning Means) Numeric(int depth)
    {
        if (depth > 0 && random.Next(2) == 0)
        {
            return Arithmetic(depth);
        }
        var number = Numbers[random.Next(Numbers.Length)];
        return random.Next(5) == 0 ? Operand() : (number, _ => OracleValues.NumberOf(number));
    }

    /// <summary>Mostly a text.</summary>
    private (string Text, Meaning Means) Textual()
    {
        var text = Texts[random.Next(Texts.Length)];
        return random.Next(4) == 0 ? Operand() : ($"'{text}'", _ => text);
    }

    private (string, Meaning) Chain(string sign, int depth, bool decides)
    {
        var terms = Enumerable.Range(0, 2 + random.Next(2)).Select(_ => Truth(depth - 1)).ToArray();
        return (
            string.Join($" {sign} ", terms.Select(term => $"({term.Text})")),
            document =>
            {
                var values = terms.Select(term => term.Means(document)).ToArray();
                return values.Any(value => Equals(value, decides)) ? decides
                    : values.All(value => value is bool) ? !decides
                    : Unknown;
            }
        );
    }

    private (string, Meaning) Choice(int depth)
    {
        var (condition, decides) = Truth(depth - 1);
        var (then, one) = Expression(depth - 1);
        var (otherwise, other) = Expression(depth - 1);
        return (
            $"({condition}) ? ({then}) : ({otherwise})",
            document => decides(document) is bool value ? (value ? one(document) : other(document)) : Unknown
        );
    }

    private (string, Meaning) In(int depth)
    {
        var (sought, seeks) = Expression(depth - 1);
        if (random.Next(3) == 0)
        {
            var (container, contains) = Operand();
            return ($"({sought}) in {container}", document => OracleValues.IsIn(seeks(document), contains(document)));
        }
        var items = Enumerable.Range(0, random.Next(4)).Select(_ => Operand()).ToArray();
        return (
            $"({sought}) in [{string.Join(", ", items.Select(item => item.Item1))}]",
            document => OracleValues.IsIn(seeks(document), items.Select(item => item.Item2(document)).ToList())
        );
    }

    private (string, Meaning) Comparison(int depth)
    {
        var kind = random.Next(4);
        var (left, one) =
            kind == 0 ? Numeric(depth - 1)
            : kind == 1 ? Textual()
            : Expression(depth - 1);
        var (right, other) =
            kind == 0 ? Numeric(depth - 1)
            : kind == 1 ? Textual()
            : Expression(depth - 1);
        string[] signs = ["==", "!=", "<", "<=", ">", ">="];
        var sign = signs[random.Next(signs.Length)];
        return (
            $"({left}) {sign} ({right})",
            document =>
            {
                var (mine, theirs) = (one(document), other(document));
                if (sign is "==" or "!=")
                {
                    return OracleValues.AreEqual(mine, theirs) is bool equal ? equal == (sign == "==") : Unknown;
                }
                int? order =
                    OracleValues.IsNumber(mine) && OracleValues.IsNumber(theirs)
                        ? OracleValues.Exact(mine).CompareTo(OracleValues.Exact(theirs))
                    : mine is string a && theirs is string b
                        ? Encoding.UTF8.GetBytes(a).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(b))
                    : mine is bool p && theirs is bool q ? p.CompareTo(q)
                    : null;
                return order is not { } known
                    ? Unknown
                    : sign switch
                    {
                        "<" => known < 0,
                        "<=" => known <= 0,
                        ">" => known > 0,
                        _ => (object)(known >= 0),
                    };
            }
        );
    }

    private (string, Meaning) Arithmetic(int depth)
    {
        var (left, one) = Numeric(depth - 1);
        var (right, other) = Numeric(depth - 1);
        var sign = "+-*/%"[random.Next(5)];
        return ($"({left}) {sign} ({right})", document => OracleValues.Compute(sign, one(document), other(document)));
    }

    private (string, Meaning) Function(int depth)
    {
        var (text, means) = random.Next(3) == 0 ? Expression(depth - 1) : Textual();
        var (other, meansOther) = Textual();
        string[] names = ["startsWith", "endsWith", "contains", "size", "lower", "upper", "has"];
        var name = names[random.Next(names.Length)];
        switch (name)
        {
            case "has":
                var path = Path();
                return ($"has({path.Text})", document => (bool)path.Has(document));
            case "size":
                return (
                    $"size({text})",
                    document =>
                        means(document) switch
                        {
                            string value => (object)(long)value.EnumerateRunes().Count(),
                            List<object> list => (long)list.Count,
                            Dictionary<string, object> members => (long)members.Count,
                            _ => Unknown,
                        }
                );
            case "lower" or "upper":
                return (
                    $"({text}).{name}()",
                    document =>
                        means(document) is string value
                            ? name == "lower"
                                ? value.ToLowerInvariant()
                                : value.ToUpperInvariant()
                            : Unknown
                );
            default:
                return (
                    $"({text}).{name}({other})",
                    document =>
                        (means(document), meansOther(document)) is (string whole, string part)
                            ? name switch
                            {
                                "startsWith" => whole.StartsWith(part, StringComparison.Ordinal),
                                "endsWith" => whole.EndsWith(part, StringComparison.Ordinal),
                                _ => (object)whole.Contains(part, StringComparison.Ordinal),
                            }
                            : Unknown
                );
        }
    }

    private (string, Meaning) Operand()
    {
        switch (random.Next(7))
        {
            case 0 or 1:
                var number = Numbers[random.Next(Numbers.Length)];
                return (number, _ => OracleValues.NumberOf(number));
            case 2:
                var text = Texts[random.Next(Texts.Length)];
                return ($"'{text}'", _ => text);
            case 3:
                return random.Next(3) switch
                {
                    0 => ("null", _ => Null),
                    1 => ("true", _ => true),
                    _ => ("false", _ => false),
                };
            default:
                var (path, means, _) = Path();
                return (path, means);
        }
    }

    private (string Text, Meaning Means, Meaning Has) Path()
    {
        var text = "doc";
        List<object> steps = [];
        do
        {
            if (random.Next(4) == 0 && steps.Count > 0)
            {
                steps.Add(random.Next(3));
                text += $"[{steps[^1]}]";
            }
            else
            {
                steps.Add(Names[random.Next(Names.Length)]);
                text += random.Next(2) == 0 ? $".{steps[^1]}" : $"[\"{steps[^1]}\"]";
            }
        } while (random.Next(4) == 0);
        return (
            text,
            document => Follow(document, steps) is { } found ? ValueOf(found) : Unknown,
            document => Follow(document, steps) is not null
        );
    }

    private string Json(int depth) =>
        (random.Next(depth > 0 ? 8 : 5)) switch
        {
            0 or 1 => Numbers[random.Next(Numbers.Length)],
            2 => JsonSerializer.Serialize(Texts[random.Next(Texts.Length)]),
            3 => random.Next(2) == 0 ? "true" : "false",
            4 => "null",
            5 => "[" + string.Join(",", Enumerable.Range(0, random.Next(4)).Select(_ => Json(depth - 1))) + "]",
            _ => "{"
                + string.Join(
                    ",",
                    Names.Where(_ => random.Next(2) == 0).Select(name => $"\"{name}\":{Json(depth - 1)}")
                )
                + "}",
        };

    private static JsonElement? Follow(JsonElement? document, List<object> steps)
    {
        foreach (var step in steps)
        {
            document = (document, step) switch
            {
                ({ ValueKind: JsonValueKind.Object } members, string name) => members.TryGetProperty(
                    name,
                    out var member
                )
                    ? member
                    : null,
                ({ ValueKind: JsonValueKind.Array } list, int at) => at < list.GetArrayLength() ? list[at] : null,
                _ => null,
            };
        }
        return document;
    }

    private static object ValueOf(JsonElement element) =>
        element.ValueKind switch
        {
            JsonValueKind.Null => Null,
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            JsonValueKind.String => element.GetString()!,
            JsonValueKind.Number => OracleValues.NumberOf(element.GetRawText()),
            JsonValueKind.Array => element.EnumerateArray().Select(ValueOf).ToList(),
            _ => element.EnumerateObject().ToDictionary(member => member.Name, member => ValueOf(member.Value)),
        };
}
