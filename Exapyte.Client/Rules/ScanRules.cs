using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Rules;

/// <summary>What a listing must be, judged before anything is sent. All reasons are given at once.</summary>
internal static class ScanRules
{
    /// <summary>Why the keyspace cannot be listed so; null where it can.</summary>
    public static string? ReasonsAgainst(KeyspaceMap map, ScanQuery query)
    {
        List<string> reasons = [];
        if (query.EntriesMax is < 1 or > Limits.PageEntriesMax)
        {
            reasons.Add($"The limit must be 1 to {Limits.PageEntriesMax} entries, not {query.EntriesMax}.");
        }
        if (query.KeyspaceId != 0 && query.KeyspaceId != map.KeyspaceId)
        {
            reasons.Add("The cursor belongs to another keyspace, or to one that was deleted. Begin the listing again.");
        }
        if (ConsistencyPolicy.ReasonAgainst(map.Settings.Replication, isWrite: false, query.Level) is { } level)
        {
            reasons.Add(level);
        }
        if (query.Level == ConsistencyLevel.Bounded && query.MaxStalenessMs <= 0)
        {
            reasons.Add("Level bounded needs a greatest staleness of at least 1 millisecond.");
        }
        if (
            query.Start.Length > Limits.KeyBytesMax
            || query.End is { Length: > Limits.KeyBytesMax }
            || query.Prefix.Length > Limits.KeyBytesMax
            || query.After is { Length: > Limits.KeyBytesMax }
        )
        {
            reasons.Add($"Bounds, prefix and cursor are at most {Limits.KeyBytesMax} bytes.");
        }
        if (query.Delimiter.Length > KeyFolding.DelimiterBytesMax)
        {
            reasons.Add($"A delimiter is at most {KeyFolding.DelimiterBytesMax} bytes.");
        }
        return reasons.Count == 0 ? null : string.Join(' ', reasons);
    }
}
