using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>Pages of one copy as it is, tombstones and expired entries included, to be merged with those of other copies.</summary>
internal static class LocalRows
{
    /// <summary>Reads a page.</summary>
    /// <exception cref="StoreFailedException">The store cannot be read.</exception>
    public static LocalScanReply Read(IShardStore store, LocalScanRequest request)
    {
        List<StampedEntry> entries = [];
        List<int> valueBytes = [];
        long bytes = 0;
        var more = false;
        var folding = request.Folding();
        using var scan = store.Scan(new(request.Start, request.End), request.Reverse);
        var moved = scan.MoveNext();
        while (moved)
        {
            if (entries.Count >= Math.Max(1, request.EntriesMax) || (entries.Count > 0 && bytes >= request.BytesMax))
            {
                more = true;
                break;
            }
            // With its value, for its size is told also where it is left out.
            var entry = scan.Current;
            var key = scan.CurrentKey.ToArray();
            valueBytes.Add(entry.Value.Length);
            var folded = folding.FoldedBytes(key);
            entry = request.KeysOnly || folded > 0 ? entry with { Value = default } : entry;
            entries.Add(StampedCodec.FromStored(key, entry));
            bytes += key.Length + entry.Value.Length;
            moved =
                folded > 0 && entry.IsLive(request.NowMs)
                    ? scan.MoveBehind(key.AsSpan(0, folded), request.Reverse)
                    : scan.MoveNext();
        }
        return new()
        {
            Kind = Operations.OutcomeKind.Ok,
            Entries = [.. entries],
            ValueBytes = [.. valueBytes],
            More = more,
        };
    }
}
