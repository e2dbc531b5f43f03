using System.Text;
using Exapyte.Gateway.Problems;

namespace Exapyte.Gateway.Routing;

/// <summary>Where a parameter's value stands in the query.</summary>
internal readonly record struct ParameterSlice(int Start, int Length)
{
    /// <summary>Whether the parameter was given.</summary>
    public bool IsPresent => Start > 0;

    /// <summary>The value as it was sent, not decoded.</summary>
    public ReadOnlySpan<char> In(ReadOnlySpan<char> query) => query.Slice(Start - 1, Length);

    /// <summary>
    /// The value as text, percent-decoded once; escapes were found well-formed when the query was taken apart. Bytes that
    /// are no UTF-8 become U+FFFD, which no value holds that is read as text.
    /// </summary>
    public ReadOnlySpan<char> TextIn(ReadOnlySpan<char> query)
    {
        var raw = In(query);
        return raw.Contains('%') && PercentCoding.TryDecode(raw, out var bytes) ? Encoding.UTF8.GetString(bytes) : raw;
    }

    /// <summary>A slice that is present; positions count from 1 so that the default is absence.</summary>
    public static ParameterSlice At(int start, int length) => new(start + 1, length);
}

/// <summary>
/// Takes a query apart. Names and values are percent-encoded, as in any query, whatever they hold. Unknown and repeated parameters are refused: a misspelt name must not be
/// ignored, and two values for one name have no one meaning.
/// </summary>
internal static class QueryParameters
{
    private const int NamesShownMax = 10;
    private const int NameCharsShownMax = 64;

    /// <summary>Reads the query; the problem where it is refused.</summary>
    /// <param name="query">What stands behind the <c>?</c>.</param>
    /// <param name="known">The parameters that the route takes.</param>
    /// <param name="values">Takes the values, at the positions of <paramref name="known"/>.</param>
    public static Problem? Read(ReadOnlySpan<char> query, ReadOnlySpan<string> known, Span<ParameterSlice> values)
    {
        List<string>? reasons = null;
        var at = 0;
        while (at < query.Length)
        {
            var piece = query[at..];
            var end = piece.IndexOf('&');
            piece = end < 0 ? piece : piece[..end];
            if (!piece.IsEmpty)
            {
                ReadOne(piece, at, known, values, ref reasons);
            }
            at += piece.Length + 1;
        }
        return reasons is null ? null : OutcomeProblems.WithReasons(ProblemKinds.InvalidQuery, reasons);
    }

    /// <summary>A switch: absent means false, alone it means true; null where it is neither true nor false.</summary>
    public static bool? FlagIn(ParameterSlice value, ReadOnlySpan<char> query) =>
        !value.IsPresent
            ? false
            : value.TextIn(query) switch
            {
                "" or "true" => true,
                "false" => false,
                _ => null,
            };

    private static void ReadOne(
        ReadOnlySpan<char> piece,
        int at,
        ReadOnlySpan<string> known,
        Span<ParameterSlice> values,
        ref List<string>? reasons
    )
    {
        var equals = piece.IndexOf('=');
        var name = Decoded(equals < 0 ? piece : piece[..equals]);
        for (var i = 0; i < known.Length; i++)
        {
            if (!name.SequenceEqual(known[i]))
            {
                continue;
            }
            if (values[i].IsPresent)
            {
                AddReason(ref reasons, $"Parameter '{known[i]}' is given more than once.");
            }
            var start = equals < 0 ? piece.Length : equals + 1;
            if (!PercentCoding.TryDecode(piece[start..], out _))
            {
                AddReason(ref reasons, $"Parameter '{known[i]}' holds a '%' that two hex digits do not follow.");
            }
            values[i] = ParameterSlice.At(at + start, piece.Length - start);
            return;
        }
        var shown = name[..Math.Min(name.Length, NameCharsShownMax)];
        AddReason(
            ref reasons,
            known.IsEmpty
                ? $"Parameter '{shown}' is not known: this call takes none."
                : $"Parameter '{shown}' is not known; this call takes {string.Join(", ", known)}."
        );
    }

    /// <summary>A name as it was sent where it cannot be decoded: then it is none that is known.</summary>
    private static ReadOnlySpan<char> Decoded(ReadOnlySpan<char> name) =>
        name.Contains('%') && PercentCoding.TryDecode(name, out var bytes) ? Encoding.UTF8.GetString(bytes) : name;

    private static void AddReason(ref List<string>? reasons, string reason)
    {
        reasons ??= [];
        if (reasons.Count < NamesShownMax)
        {
            reasons.Add(reason);
        }
    }
}
