using Exapyte.Grains.Replicas.Commands;
using Exapyte.Topology;

namespace Exapyte.Grains.Replicas.Indexes;

/// <summary>What a leader has the log say next about its shard's indexes. Decides and does nothing.</summary>
internal static class IndexWork
{
    /// <summary>Entries that one step looks at, at most: it holds up the writes behind it.</summary>
    public const int StepEntries = 1_000;

    /// <summary>Bytes of values behind which a step ends.</summary>
    public const int StepBytes = 1 << 20;

    /// <summary>Whether anything is left to do.</summary>
    public static bool IsLeft(IndexCatalog catalog, in CommandRules rules) =>
        IsOutdated(catalog, rules) || Array.Exists(catalog.Indexes, static index => index.State != IndexState.Ready);

    /// <summary>The next command; null where nothing is left to do.</summary>
    /// <param name="catalog">The indexes that the shard has.</param>
    /// <param name="rules">Which it is to have.</param>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    public static byte[]? NextOf(IndexCatalog catalog, in CommandRules rules, long stampMs)
    {
        if (IsOutdated(catalog, rules))
        {
            return IndexCommandCodec.EncodeIndexes(stampMs, rules.MapEpoch, rules.Indexes!);
        }
        // What is to go first: it takes space, and what is built may be the same under another generation.
        var index =
            Array.Find(catalog.Indexes, static index => index.State == IndexState.Dropping)
            ?? Array.Find(catalog.Indexes, static index => index.State == IndexState.Building);
        return index is null
            ? null
            : IndexCommandCodec.EncodeStep(
                stampMs,
                new()
                {
                    StampMs = stampMs,
                    Generation = index.Generation,
                    After = index.After,
                    EntriesMax = StepEntries,
                    BytesMax = StepBytes,
                }
            );
    }

    /// <summary>A leader with an older map than the one that decided last has nothing to say.</summary>
    private static bool IsOutdated(IndexCatalog catalog, in CommandRules rules) =>
        rules.Indexes is { } wanted && rules.MapEpoch >= catalog.Epoch && !catalog.Has(wanted);
}
