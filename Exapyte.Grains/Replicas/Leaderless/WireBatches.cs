using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>Cuts entries into batches as replicas exchange them.</summary>
internal static class WireBatches
{
    /// <summary>What an entry costs beside its key and value, in bytes.</summary>
    public const int EntryOverheadBytes = 128;

    /// <summary>Bytes that an entry counts for.</summary>
    public static int BytesOf(StampedEntry entry) => entry.Key.Length + entry.Value.Length + EntryOverheadBytes;

    /// <summary>
    /// The entries in their order, in batches of at most <see cref="Limits.WireBatchBytesMax"/> bytes; one that is
    /// larger goes alone.
    /// </summary>
    public static IEnumerable<StampedEntry[]> Of(StampedEntry[] entries) => Of(entries, BytesOf);

    /// <summary>The same of anything that stands for entries of so many bytes.</summary>
    public static IEnumerable<T[]> Of<T>(T[] entries, Func<T, int> bytesOf)
    {
        var from = 0;
        long bytes = 0;
        for (var i = 0; i < entries.Length; i++)
        {
            var own = bytesOf(entries[i]);
            if (i > from && bytes + own > Limits.WireBatchBytesMax)
            {
                yield return entries[from..i];
                from = i;
                bytes = 0;
            }
            bytes += own;
        }
        if (from < entries.Length)
        {
            yield return entries[from..];
        }
    }
}
