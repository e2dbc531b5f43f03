using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Exapyte.Queries.Syntax;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Evaluation;

internal sealed class SizeEvaluator(Evaluator operand) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        return value.Kind switch
        {
            ValueKind.String => Value.Of(CodePointsIn(value.Bytes.Span)),
            ValueKind.List or ValueKind.Object => Value.Of((long)ValueLists.CountOf(value)),
            _ => Value.Unknown,
        };
    }

    /// <summary>Every byte but the continuations of UTF-8 begins a code point.</summary>
    private static long CodePointsIn(ReadOnlySpan<byte> utf8)
    {
        long count = 0;
        foreach (var unit in utf8)
        {
            count += (unit & 0xC0) == 0x80 ? 0 : 1;
        }
        return count;
    }
}

internal sealed class CaseEvaluator(Evaluator operand, bool isUpper) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var value = operand.Evaluate(context);
        if (value.Kind != ValueKind.String)
        {
            return Value.Unknown;
        }
        var text = value.Text;
        return Value.Of(isUpper ? text.ToUpperInvariant() : text.ToLowerInvariant());
    }
}

/// <summary>startsWith, endsWith, contains: of bytes, which for UTF-8 is the same as of characters.</summary>
internal sealed class PartEvaluator(Function function, Evaluator whole, Evaluator part) : Evaluator
{
    public override Value Evaluate(EvaluationContext context)
    {
        var text = whole.Evaluate(context);
        var other = part.Evaluate(context);
        if (text.Kind != ValueKind.String || other.Kind != ValueKind.String)
        {
            return Value.Unknown;
        }
        var all = text.Bytes.Span;
        var sought = other.Bytes.Span;
        return Value.Of(
            function switch
            {
                Function.StartsWith => all.StartsWith(sought),
                Function.EndsWith => all.EndsWith(sought),
                _ => all.IndexOf(sought) >= 0,
            }
        );
    }
}

/// <summary>
/// Whether a pattern is found anywhere in a text, by .NET's engine that does not backtrack, so that no pattern and no text
/// takes more than linear time.
/// </summary>
internal sealed class MatchEvaluator(Evaluator text, Evaluator pattern, Regex? written) : Evaluator
{
    private readonly Lock gate = new();
    private byte[]? lastPattern;
    private Regex? lastRegex;

    /// <summary>The engine of a pattern; null, with the reason, where it is none.</summary>
    public static Regex? TryCreate(string pattern, out string? whyNot)
    {
        try
        {
            whyNot = null;
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            whyNot = exception.Message;
            return null;
        }
    }

    public override Value Evaluate(EvaluationContext context)
    {
        var value = text.Evaluate(context);
        if (value.Kind != ValueKind.String || RegexFor(context) is not { } regex)
        {
            return Value.Unknown;
        }
        var utf8 = value.Bytes.Span;
        var characters = ArrayPool<char>.Shared.Rent(Encoding.UTF8.GetMaxCharCount(utf8.Length));
        try
        {
            var length = Encoding.UTF8.GetChars(utf8, characters);
            return Value.Of(regex.IsMatch(characters.AsSpan(0, length)));
        }
        finally
        {
            ArrayPool<char>.Shared.Return(characters);
        }
    }

    /// <summary>The written pattern's engine, or that of the entry's own, kept for the next entry with the same one.</summary>
    private Regex? RegexFor(EvaluationContext context)
    {
        if (written is not null)
        {
            return written;
        }
        var value = pattern.Evaluate(context);
        if (value.Kind != ValueKind.String || value.Bytes.Length > QueryLimits.PatternBytesMax)
        {
            return null;
        }
        lock (gate)
        {
            if (lastPattern is null || !value.Bytes.Span.SequenceEqual(lastPattern))
            {
                lastRegex = TryCreate(value.Text, out _);
                lastPattern = value.Bytes.ToArray();
            }
            return lastRegex;
        }
    }
}
