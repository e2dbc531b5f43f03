using System.Globalization;
using Exapyte.Gateway.Problems;
using Exapyte.Operations;

namespace Exapyte.Gateway.Http;

/// <summary>How strongly a request wants to be answered.</summary>
/// <param name="Level">The level; default where none is named.</param>
/// <param name="MaxStalenessMs">For bounded reads: the greatest acceptable age, in milliseconds.</param>
internal readonly record struct ConsistencyRequest(ConsistencyLevel Level, long MaxStalenessMs)
{
    private const decimal StalenessSecondsMax = 86_400;

    /// <summary>Reads the headers and the query's value; the problem where they are refused.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="inQuery">The value of <c>?consistency=</c>; empty where it is not given.</param>
    /// <param name="request">What is asked.</param>
    public static Problem? Read(IHeaderDictionary headers, ReadOnlySpan<char> inQuery, out ConsistencyRequest request)
    {
        request = default;
        return SingleHeader.Read(headers[Headers.Consistency], Headers.Consistency, out var inHeader)
            ?? SingleHeader.Read(headers[Headers.MaxStaleness], Headers.MaxStaleness, out var staleness)
            ?? Combine(inHeader, inQuery, out var level)
            ?? ReadStaleness(staleness, level, out request);
    }

    private static Problem? Combine(string? inHeader, ReadOnlySpan<char> inQuery, out ConsistencyLevel level)
    {
        level = ConsistencyLevel.Default;
        if (inHeader is not null)
        {
            if (!Levels.TryParse(inHeader, out level))
            {
                return new(ProblemKinds.InvalidHeader, $"{Headers.Consistency} must be {Levels.Names}.");
            }
            if (!inQuery.IsEmpty && !inQuery.SequenceEqual(inHeader))
            {
                return new(
                    ProblemKinds.InvalidQuery,
                    $"{Headers.Consistency} and ?consistency= name different levels; give one of them."
                );
            }
        }
        else if (!inQuery.IsEmpty && !Levels.TryParse(inQuery, out level))
        {
            return new(ProblemKinds.InvalidQuery, $"Parameter 'consistency' must be {Levels.Names}.");
        }
        return null;
    }

    private static Problem? ReadStaleness(string? text, ConsistencyLevel level, out ConsistencyRequest request)
    {
        request = new(level, 0);
        if ((text is not null) != (level == ConsistencyLevel.Bounded))
        {
            return new(
                ProblemKinds.InvalidHeader,
                $"Consistency bounded and {Headers.MaxStaleness} (seconds) go together: give both or neither."
            );
        }
        if (text is null)
        {
            return null;
        }
        if (
            !decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            || seconds > StalenessSecondsMax
            || seconds * 1_000 < 1
        )
        {
            return new(
                ProblemKinds.InvalidHeader,
                $"{Headers.MaxStaleness} must be 0.001 to {StalenessSecondsMax} seconds, such as 2 or 0.5."
            );
        }
        request = new(level, (long)(seconds * 1_000));
        return null;
    }
}
