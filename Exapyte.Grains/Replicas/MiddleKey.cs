using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>Where a shard is to be split: the key, the first one of the upper part, and what lies on its two sides.</summary>
/// <param name="Key">The key; there is another one before it, so that it is never the shard's lower bound.</param>
/// <param name="BytesBefore">Bytes of the entries before it, keys and values.</param>
/// <param name="BytesFrom">Bytes of the entries from it on, as far as they were walked.</param>
internal readonly record struct SplitPoint(byte[] Key, long BytesBefore, long BytesFrom);

/// <summary>
/// Finds the key in the middle of a store's entries by their bytes, in one walk that keeps a bounded number of marks: once there
/// are too many, every second one goes, and the next ones are as far apart.
/// </summary>
internal static class MiddleKey
{
    /// <summary>Marks kept: the point found is off the middle by a 32nd of all bytes and one entry at most.</summary>
    private const int MarksMax = 128;

    /// <summary>Walks the entries, tombstones and those that have ended included.</summary>
    /// <param name="store">The store; entries outside of its bounds are not seen.</param>
    /// <param name="rowsMax">Rows that are walked at most: where there are more, the point is in the middle of these.</param>
    /// <param name="cancellationToken">Ends the walk.</param>
    /// <returns>The point; null where there are not two entries to be parted.</returns>
    public static SplitPoint? Find(IShardStore store, int rowsMax, CancellationToken cancellationToken)
    {
        List<(byte[] Key, long Before)> marks = [];
        long bytes = 0,
            apart = 0;
        using var scan = store.Scan(KeyRange.All, reverse: false);
        for (var rows = 0; rows < rowsMax && scan.MoveNext(); rows++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            // The first entry is no place to split: nothing would be left before it.
            if (rows > 0 && (marks.Count == 0 || bytes - marks[^1].Before >= apart))
            {
                marks.Add((scan.CurrentKey.ToArray(), bytes));
                if (marks.Count == MarksMax)
                {
                    marks = [.. marks.Where((_, at) => at % 2 == 0)];
                    apart = bytes / marks.Count;
                }
            }
            bytes += scan.CurrentKey.Length + scan.CurrentHeader.ValueBytes;
        }
        if (marks.Count == 0)
        {
            return null;
        }
        var (key, before) = marks.MinBy(mark => Math.Abs(bytes - (2 * mark.Before)));
        return new(key, before, bytes - before);
    }
}
