using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Topology;

namespace Exapyte.Grains.Replicas.Indexes;

/// <summary>
/// A scan over the entries that an index names, in the order of their keys, so that pages follow each other and merge like those
/// of all entries. The keys behind a place are gathered from the rows, as many as a page takes, and read one by one. Where the
/// index goes meanwhile it goes on over all entries: these are more than were asked, and never fewer.
/// </summary>
/// <remarks>
/// Whether all rows were there when they were gathered is known afterwards: an index that is to go loses its first row only after
/// its catalog has said so. One thread at a time.
/// </remarks>
internal sealed class IndexScan : IStoreScan
{
    private const int KeysMin = 64;
    private const int KeysMax = 4_096;

    private static readonly Comparer<byte[]> GreatestFirst = Comparer<byte[]>.Create(
        static (left, right) => right.AsSpan().SequenceCompareTo(left)
    );

    private readonly IShardStore store;
    private readonly IndexRows rows;
    private readonly IndexLookup lookup;
    private readonly byte[] catalog;
    private readonly int keysMax;
    private KeyRange rest;
    private byte[][] keys = [];
    private int next;
    private bool hasMore = true;
    private byte[] key = [];
    private StoredEntry entry;
    private IStoreScan? whole;

    private IndexScan(IShardStore store, ShardIndex index, byte[] catalog, IndexLookup lookup, KeyRange range, int keys)
    {
        this.store = store;
        this.catalog = catalog;
        this.lookup = lookup;
        rows = new(index);
        rest = range;
        keysMax = keys;
    }

    /// <summary>Whether only entries were shown that the index names.</summary>
    public bool IsByIndex => whole is null;

    /// <inheritdoc/>
    public ReadOnlySpan<byte> CurrentKey => whole is null ? key : whole.CurrentKey;

    /// <inheritdoc/>
    public StoredEntry Current => whole?.Current ?? entry;

    /// <inheritdoc/>
    public EntryHeader CurrentHeader => whole?.CurrentHeader ?? new(entry with { Value = default }, entry.Value.Length);

    /// <summary>A scan over what the request asks of an index; null where it asks of none, or the shard has not all of it.</summary>
    public static IndexScan? Open(IShardStore store, ScanRequest request)
    {
        if (
            request is not { Index: { } lookup, Reverse: false, Delimiter.IsEmpty: true }
            || store.GetMeta(IndexCatalog.Key) is not { } catalog
            || IndexCatalog.Decode(catalog)?.Find(new() { Name = lookup.Name, Paths = lookup.Paths })
                is not { State: IndexState.Ready } index
        )
        {
            return null;
        }
        return new(
            store,
            index,
            catalog,
            lookup,
            new(request.Start, request.End),
            Math.Clamp(request.EntriesMax + 1, KeysMin, KeysMax)
        );
    }

    /// <inheritdoc/>
    public bool MoveNext()
    {
        while (whole is null)
        {
            if (next == keys.Length)
            {
                if (!hasMore || rest.IsEmpty)
                {
                    return false;
                }
                Gather();
                continue;
            }
            key = keys[next++];
            // It may have gone, or be another by now: that is for the reader's condition to say.
            if (store.TryGet(key, out entry))
            {
                return true;
            }
        }
        return whole.MoveNext();
    }

    /// <inheritdoc/>
    public bool MoveTo(ReadOnlySpan<byte> key)
    {
        while (MoveNext())
        {
            if (CurrentKey.SequenceCompareTo(key) >= 0)
            {
                return true;
            }
        }
        return false;
    }

    public void Dispose() => whole?.Dispose();

    /// <summary>Finds the first keys of what is left.</summary>
    private void Gather()
    {
        PriorityQueue<byte[], byte[]> first = new(GreatestFirst);
        hasMore = false;
        foreach (var range in lookup.Ranges)
        {
            Gather(range, first);
        }
        if (store.GetMeta(IndexCatalog.Key)?.AsSpan().SequenceEqual(catalog) != true)
        {
            whole = store.Scan(rest, reverse: false);
            return;
        }
        keys = new byte[first.Count][];
        for (var at = keys.Length - 1; at >= 0; at--)
        {
            keys[at] = first.Dequeue();
        }
        next = 0;
        if (keys.Length > 0)
        {
            rest = rest with { Start = (byte[])[.. keys[^1], 0] };
        }
    }

    private void Gather(IndexLookupRange range, PriorityQueue<byte[], byte[]> first)
    {
        var isPoint = rows.IsPoint(range.Start, range.End);
        byte[] start = [.. rows.Prefix, .. range.Start.Span, .. isPoint ? rest.Start.Span : []];
        byte[] end = [.. rows.Prefix, .. range.End.Span];
        store.ScanMeta(
            rows.Prefix,
            (row, _) =>
            {
                if (row.SequenceCompareTo(end) >= 0)
                {
                    return false;
                }
                var found = rows.KeyOf(row);
                if (!rest.Contains(found))
                {
                    return true;
                }
                if (first.Count < keysMax)
                {
                    Add(first, found);
                    return true;
                }
                hasMore = true;
                if (found.SequenceCompareTo(first.Peek()) < 0)
                {
                    first.Dequeue();
                    Add(first, found);
                    return true;
                }
                // Behind it come greater keys only.
                return !isPoint;
            },
            start
        );
    }

    private static void Add(PriorityQueue<byte[], byte[]> first, ReadOnlySpan<byte> found)
    {
        var copy = found.ToArray();
        first.Enqueue(copy, copy);
    }
}
