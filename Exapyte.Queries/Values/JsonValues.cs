using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Exapyte.Queries.Values;

/// <summary>Values of valid JSON texts.</summary>
internal static class JsonValues
{
    private static readonly SearchValues<byte> NotOfInts = SearchValues.Create(".eE"u8);
    private static readonly JsonReaderOptions Options = new() { MaxDepth = QueryLimits.DocumentLevelsMax + 1 };

    /// <summary>A reader over a value that was read before.</summary>
    public static Utf8JsonReader ReaderOver(ReadOnlySpan<byte> json) => new(json, Options);

    /// <summary>The value of a token.</summary>
    /// <param name="token">What the token is; the first of a list or object.</param>
    /// <param name="json">All of the value, quotes of a string included.</param>
    public static Value Of(JsonTokenType token, ReadOnlyMemory<byte> json) =>
        token switch
        {
            JsonTokenType.Null => Value.Null,
            JsonTokenType.True => Value.True,
            JsonTokenType.False => Value.False,
            JsonTokenType.Number => NumberOf(json.Span),
            JsonTokenType.String => TextOf(json),
            JsonTokenType.StartArray => Value.OfJson(ValueKind.List, json),
            JsonTokenType.StartObject => Value.OfJson(ValueKind.Object, json),
            _ => Value.Unknown,
        };

    /// <summary>The value that the reader stands at; afterwards it stands at the value's end.</summary>
    public static Value ReadFrom(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json)
    {
        var token = reader.TokenType;
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return Of(token, json[start..(int)reader.BytesConsumed]);
    }

    /// <summary>An int where it is written as one, else a double; what does not fit has no value.</summary>
    private static Value NumberOf(ReadOnlySpan<byte> digits)
    {
        if (digits.IndexOfAny(NotOfInts) < 0)
        {
            return Utf8Parser.TryParse(digits, out long whole, out var used) && used == digits.Length
                ? Value.Of(whole)
                : Value.Unknown;
        }
        return Utf8Parser.TryParse(digits, out double number, out var taken) && taken == digits.Length
            ? Value.Of(number)
            : Value.Unknown;
    }

    /// <summary>The text of a string in quotes. What is no Unicode text (half a character) has no value.</summary>
    private static Value TextOf(ReadOnlyMemory<byte> quoted)
    {
        var raw = quoted[1..^1];
        if (raw.Span.IndexOf((byte)'\\') < 0)
        {
            return Utf8.IsValid(raw.Span) ? Value.OfUtf8(raw) : Value.Unknown;
        }
        var reader = ReaderOver(quoted.Span);
        reader.Read();
        var text = new byte[raw.Length];
        try
        {
            return Value.OfUtf8(text.AsMemory(0, reader.CopyString(text)));
        }
        catch (InvalidOperationException)
        {
            return Value.Unknown;
        }
    }
}
