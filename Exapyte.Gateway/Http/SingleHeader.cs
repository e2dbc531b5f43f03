using Exapyte.Gateway.Problems;
using Microsoft.Extensions.Primitives;

namespace Exapyte.Gateway.Http;

/// <summary>Headers that have one value.</summary>
internal static class SingleHeader
{
    /// <summary>Reads the value, null where the header is absent; the problem where it is given more than once.</summary>
    public static Problem? Read(StringValues header, string name, out string? value)
    {
        if (header.Count > 1)
        {
            value = null;
            return new(ProblemKinds.InvalidHeader, $"{name} is given more than once.");
        }
        value = header.Count == 0 ? null : header[0];
        return null;
    }
}
