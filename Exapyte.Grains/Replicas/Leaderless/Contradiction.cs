using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What one replica says about a key.</summary>
/// <param name="StoreId">The <c>storeId</c> of its node.</param>
/// <param name="Entry">What it holds.</param>
internal readonly record struct Testimony(ulong StoreId, StampedEntry Entry);

/// <summary>
/// Decides which contents a version has about which replicas disagree. A stamp is given out once, so all but one of
/// the contents are damaged, in a way that no checksum shows. Pure.
/// </summary>
internal static class Contradiction
{
    /// <summary>
    /// The entry that counts: what more than half of the replicas agree on, of <paramref name="replicas"/> in all, else
    /// what the one holds that stamped it. Null where neither can be said, or where they do not contradict each other.
    /// </summary>
    public static StampedEntry? Decide(IReadOnlyList<Testimony> testimonies, int replicas, in ComparisonTerms terms)
    {
        var version = testimonies.Max(one => one.Entry.Version);
        var by = terms;
        var groups = testimonies
            .Where(one => one.Entry.Version == version)
            .GroupBy(one => ContentOf(one.Entry, by))
            .OrderByDescending(group => group.Count())
            .ToArray();
        if (groups.Length < 2)
        {
            return null;
        }
        if (groups[0].Count() * 2 > replicas)
        {
            return groups[0].First().Entry;
        }
        foreach (var testimony in testimonies)
        {
            if (testimony.StoreId == version.Origin && testimony.Entry.Version == version)
            {
                return testimony.Entry;
            }
        }
        return null;
    }

    /// <summary>See <see cref="ShardDigest.ContentOf"/>.</summary>
    public static ulong ContentOf(StampedEntry entry, in ComparisonTerms terms) =>
        ShardDigest.ContentOf(StampedCodec.ToStored(entry), terms);

    /// <summary>The entry so that it replaces what others hold of its version.</summary>
    public static StampedEntry Overruling(StampedEntry entry) =>
        new()
        {
            Key = entry.Key,
            Version = entry.Version,
            Tombstone = entry.Tombstone,
            Value = entry.Value,
            ContentType = entry.ContentType,
            ModifiedMs = entry.ModifiedMs,
            ExpiresMs = entry.ExpiresMs,
            Overrules = true,
        };
}
