using Exapyte.Operations;
using Microsoft.Extensions.Primitives;

namespace Exapyte.Gateway.Http;

/// <summary>Entity tags (RFC 9110, section 8.8.3): a version between quotes.</summary>
internal static class EntityTags
{
    private const int VersionCharsMax = 40;

    /// <summary>The strong tag of a version.</summary>
    public static string Of(VersionStamp version) =>
        version.Origin == 0
            ? string.Create(null, stackalloc char[VersionCharsMax], $"\"{version.Revision}\"")
            : string.Create(null, stackalloc char[VersionCharsMax], $"\"{version.Revision:x}-{version.Origin:x}\"");

    /// <summary>
    /// Reads the one spelling of a version that the service writes; false for any other text, which therefore names no
    /// version: tags are opaque and <c>"05"</c> is not <c>"5"</c>.
    /// </summary>
    public static bool TryReadVersion(ReadOnlySpan<char> text, out VersionStamp version) =>
        VersionStamp.TryParse(text, out version) && !version.IsNone && text.SequenceEqual(version.ToString());
}

/// <summary>What an <c>If-Match</c> or <c>If-None-Match</c> header asks for (RFC 9110, sections 13.1.1 and 13.1.2).</summary>
internal readonly struct TagList
{
    private const int TagsMax = 100;

    private TagList(bool isAny, VersionStamp[] versions)
    {
        IsPresent = true;
        IsAny = isAny;
        Versions = versions;
    }

    /// <summary>Whether the header was sent.</summary>
    public bool IsPresent { get; }

    /// <summary><c>*</c>: any version.</summary>
    public bool IsAny { get; }

    /// <summary>The versions named. Tags that name none match nothing and are left out.</summary>
    public VersionStamp[] Versions { get; }

    /// <summary>Whether the entry's version is named.</summary>
    public bool Matches(VersionStamp version) => IsAny || Array.IndexOf(Versions, version) >= 0;

    /// <summary>Reads the header; false where it is malformed.</summary>
    /// <param name="header">All its values.</param>
    /// <param name="weakMatches">Whether <c>W/"v"</c> matches too: the weak comparison of <c>If-None-Match</c>.</param>
    /// <param name="list">What it asks for; not present where the header is absent.</param>
    public static bool TryRead(StringValues header, bool weakMatches, out TagList list)
    {
        list = default;
        if (header.Count == 0)
        {
            return true;
        }
        if (header is [{ } single] && single.AsSpan().Trim() is "*")
        {
            list = new(true, []);
            return true;
        }
        List<VersionStamp> versions = [];
        var tags = 0;
        foreach (var line in header)
        {
            if (!TryReadLine(line, weakMatches, versions, ref tags))
            {
                return false;
            }
        }
        list = new(false, [.. versions]);
        return tags > 0;
    }

    private static bool TryReadLine(
        ReadOnlySpan<char> line,
        bool weakMatches,
        List<VersionStamp> versions,
        ref int tags
    )
    {
        while (true)
        {
            line = line.TrimStart(" \t,");
            if (line.IsEmpty)
            {
                return true;
            }
            var isWeak = line.StartsWith("W/");
            line = isWeak ? line[2..] : line;
            if (line.IsEmpty || line[0] != '"' || ++tags > TagsMax)
            {
                return false;
            }
            var length = line[1..].IndexOf('"');
            if (length < 0)
            {
                return false;
            }
            if ((!isWeak || weakMatches) && EntityTags.TryReadVersion(line.Slice(1, length), out var version))
            {
                versions.Add(version);
            }
            line = line[(length + 2)..].TrimStart(" \t");
            if (!line.IsEmpty && line[0] != ',')
            {
                return false;
            }
        }
    }
}
