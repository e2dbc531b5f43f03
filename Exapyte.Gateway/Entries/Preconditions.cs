using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Operations;

namespace Exapyte.Gateway.Entries;

/// <summary>The conditions of a read; judged here, against the entry that was read (RFC 9110, section 13.2.2).</summary>
internal readonly struct ReadPreconditions
{
    private readonly TagList ifMatch;
    private readonly TagList ifNoneMatch;

    private ReadPreconditions(TagList ifMatch, TagList ifNoneMatch)
    {
        this.ifMatch = ifMatch;
        this.ifNoneMatch = ifNoneMatch;
    }

    /// <summary>Reads the headers; the problem where they are malformed.</summary>
    public static Problem? Read(IHeaderDictionary headers, out ReadPreconditions preconditions)
    {
        var problem = WritePreconditions.ReadTags(headers, out var ifMatch, out var ifNoneMatch);
        preconditions = new(ifMatch, ifNoneMatch);
        return problem ?? Conditions.RefuseUnmodifiedSince(headers);
    }

    /// <summary>The status that the conditions turn a found entry into: 200, 304 or 412.</summary>
    public int StatusFor(VersionStamp version) =>
        ifMatch.IsPresent && !ifMatch.Matches(version) ? StatusCodes.Status412PreconditionFailed
        : ifNoneMatch.IsPresent && ifNoneMatch.Matches(version) ? StatusCodes.Status304NotModified
        : StatusCodes.Status200OK;
}

/// <summary>The condition of a write; judged by the replica that applies it.</summary>
internal static class WritePreconditions
{
    /// <summary>Reads the headers into a condition, null where there is none; the problem where they are refused.</summary>
    public static Problem? Read(IHeaderDictionary headers, out WriteCondition? condition)
    {
        condition = null;
        if ((Conditions.RefuseUnmodifiedSince(headers) ?? Conditions.RefuseModifiedSince(headers)) is { } dates)
        {
            return dates;
        }
        if (ReadTags(headers, out var ifMatch, out var ifNoneMatch) is { } problem)
        {
            return problem;
        }
        if (ifMatch.IsPresent && ifNoneMatch.IsPresent)
        {
            return new(ProblemKinds.InvalidHeader, "A write takes If-Match or If-None-Match, not both.");
        }
        if (ifMatch.IsPresent)
        {
            condition = ifMatch.IsAny ? WriteCondition.IfPresent : new(ConditionKind.AnyOf, ifMatch.Versions);
        }
        else if (ifNoneMatch.IsPresent)
        {
            condition = ifNoneMatch.IsAny ? WriteCondition.IfAbsent : new(ConditionKind.NoneOf, ifNoneMatch.Versions);
        }
        return null;
    }

    /// <summary>Reads both tag lists; the problem where one is malformed.</summary>
    public static Problem? ReadTags(IHeaderDictionary headers, out TagList ifMatch, out TagList ifNoneMatch)
    {
        ifNoneMatch = default;
        if (!TagList.TryRead(headers.IfMatch, weakMatches: false, out ifMatch))
        {
            return Malformed("If-Match");
        }
        return TagList.TryRead(headers.IfNoneMatch, weakMatches: true, out ifNoneMatch)
            ? null
            : Malformed("If-None-Match");
    }

    private static Problem Malformed(string name) =>
        new(ProblemKinds.InvalidHeader, $"{name} must be * or a list of quoted tags such as \"17\", at most 100.");
}

/// <summary>
/// Conditions that are not judged must not be passed over in silence. A date has no more than a second: an entry may have
/// changed since and still bear it. Where a tag stands beside it, the tag decides and the date is passed over, as RFC 9110,
/// sections 13.1.3 and 13.1.4, ask.
/// </summary>
internal static class Conditions
{
    /// <summary>Whether the request has a condition of any kind.</summary>
    public static bool AreIn(IHeaderDictionary headers) =>
        headers.IfMatch.Count > 0
        || headers.IfNoneMatch.Count > 0
        || headers.IfUnmodifiedSince.Count > 0
        || headers.IfModifiedSince.Count > 0;

    /// <summary>Refuses <c>If-Unmodified-Since</c> without <c>If-Match</c>.</summary>
    public static Problem? RefuseUnmodifiedSince(IHeaderDictionary headers) =>
        headers.IfUnmodifiedSince.Count == 0 || headers.IfMatch.Count > 0
            ? null
            : new(
                ProblemKinds.InvalidHeader,
                "A date is too coarse to tell whether an entry has changed, so If-Unmodified-Since is not taken: use If-Match "
                    + "with the ETag that was read."
            );

    /// <summary>Refuses <c>If-Modified-Since</c> on a write without <c>If-None-Match</c>.</summary>
    public static Problem? RefuseModifiedSince(IHeaderDictionary headers) =>
        headers.IfModifiedSince.Count == 0 || headers.IfNoneMatch.Count > 0
            ? null
            : new(
                ProblemKinds.InvalidHeader,
                "Writes are not guarded by dates, so If-Modified-Since is not taken: use If-None-Match with the ETag that was "
                    + "read."
            );
}
