using Microsoft.Net.Http.Headers;

namespace Exapyte.Gateway.Http;

/// <summary>What a caller accepts, where there is more than one way to answer.</summary>
internal static class AcceptedTypes
{
    /// <summary>Whether NDJSON is named, and the other type is not preferred to it.</summary>
    /// <param name="request">The request.</param>
    /// <param name="other">The type that is answered otherwise.</param>
    public static bool PrefersLines(HttpRequest request, string other)
    {
        if (
            request.Headers.Accept.Count == 0
            || !MediaTypeHeaderValue.TryParseList(request.Headers.Accept, out var accepted)
        )
        {
            return false;
        }
        double lines = 0,
            others = 0;
        foreach (var type in accepted)
        {
            var quality = type.Quality ?? 1;
            if (
                type.MediaType.Equals("application/x-ndjson", StringComparison.OrdinalIgnoreCase)
                || type.MediaType.Equals("application/ndjson", StringComparison.OrdinalIgnoreCase)
            )
            {
                lines = Math.Max(lines, quality);
            }
            else if (type.MediaType.Equals(other, StringComparison.OrdinalIgnoreCase))
            {
                others = Math.Max(others, quality);
            }
        }
        return lines > 0 && lines >= others;
    }
}
