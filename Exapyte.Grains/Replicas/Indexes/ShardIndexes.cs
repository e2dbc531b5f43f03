using Exapyte.Grains.Replicas.Commands;
using Exapyte.Storage.Stores;
using Exapyte.Topology;

namespace Exapyte.Grains.Replicas.Indexes;

/// <summary>
/// Keeps a shard's indexes: which there are is decided by the log, rows are written in the batch of the entry they name, and
/// entries from before an index are taken in by commands, each a bounded step. Used by one thread at a time.
/// </summary>
/// <remarks>
/// Invariants: from the command on that defines an index every write keeps its rows; once it is ready each entry that is in it has
/// one row, the one that its value says. What is computed depends on the log and the store alone, so that all replicas have the
/// same rows.
/// </remarks>
internal sealed class ShardIndexes
{
    private readonly IShardStore store;
    private readonly Dictionary<ulong, IndexRows> rows = [];
    private IndexCatalog published;

    public ShardIndexes(IShardStore store)
    {
        this.store = store;
        Catalog = published = ReadCatalog(store);
    }

    /// <summary>The indexes as of the entry that is being applied.</summary>
    public IndexCatalog Catalog { get; private set; }

    /// <summary>Whether any is kept, so that writes must know what they replace.</summary>
    public bool AreKept => Array.Exists(Catalog.Indexes, IsKept);

    /// <summary>The indexes that a store's row names.</summary>
    public static IndexCatalog ReadCatalog(IShardStore store) =>
        store.GetMeta(IndexCatalog.Key) is not { } row
            ? IndexCatalog.Empty
            : IndexCatalog.Decode(row) ?? throw new InvalidOperationException("The shard's row of indexes is damaged.");

    /// <summary>Has the shard's indexes be those of a map.</summary>
    public void Define(StoreBatch batch, IndexesCommand command)
    {
        var next = Catalog.Want(command.MapEpoch, command.Indexes);
        if (!ReferenceEquals(next, Catalog))
        {
            Save(batch, next);
        }
    }

    /// <summary>Takes the next entries into an index that is built, or removes rows of one that is dropped.</summary>
    public void Advance(StoreBatch batch, IndexStepCommand command)
    {
        var index = Array.Find(Catalog.Indexes, index => index.Generation == command.Generation);
        switch (index?.State)
        {
            case IndexState.Building when index.After.Span.SequenceEqual(command.After.Span):
                Save(batch, Catalog.With(index, Build(batch, index, command)));
                break;
            case IndexState.Dropping when Drop(batch, index, command.EntriesMax):
                rows.Remove(index.Generation);
                Save(batch, Catalog.With(index, null));
                break;
        }
    }

    /// <summary>An entry takes the place of another.</summary>
    /// <param name="batch">The batch of the entry.</param>
    /// <param name="key">Its key.</param>
    /// <param name="before">The value that was there; null: no entry was.</param>
    /// <param name="after">The value that is; null: none is any more.</param>
    public void Replace(
        StoreBatch batch,
        ReadOnlyMemory<byte> key,
        ReadOnlyMemory<byte>? before,
        ReadOnlyMemory<byte>? after
    )
    {
        foreach (var index in Catalog.Indexes)
        {
            if (!IsKept(index))
            {
                continue;
            }
            var ofIndex = RowsOf(index);
            var old = before is { } was ? ofIndex.ValuesOf(was) : null;
            var now = after is { } becomes ? ofIndex.ValuesOf(becomes) : null;
            if (old is not null && (now is null || !old.AsSpan().SequenceEqual(now)))
            {
                ofIndex.Delete(batch, old, key.Span);
            }
            // While it is built the row may not be there yet, although the values are the same.
            if (now is not null)
            {
                ofIndex.Put(batch, now, key.Span);
            }
        }
    }

    /// <summary>The batch is in the store.</summary>
    public void Applied() => published = Catalog;

    /// <summary>The batch was not applied.</summary>
    public void Failed() => Catalog = published;

    private static bool IsKept(ShardIndex index) => index.State != IndexState.Dropping;

    private ShardIndex Build(StoreBatch batch, ShardIndex index, IndexStepCommand command)
    {
        var ofIndex = RowsOf(index);
        ReadOnlyMemory<byte> start = index.After.IsEmpty ? default : (byte[])[.. index.After.Span, 0];
        var after = index.After;
        var (entries, bytes) = (0, 0L);
        using var scan = store.Scan(new(start, null), reverse: false);
        while (entries < command.EntriesMax && bytes < command.BytesMax)
        {
            if (!scan.MoveNext())
            {
                return index with { State = IndexState.Ready, After = default, Done = index.Done + entries };
            }
            var value = scan.Current.Value;
            if (ofIndex.ValuesOf(value) is { } values)
            {
                ofIndex.Put(batch, values, scan.CurrentKey);
            }
            after = scan.CurrentKey.ToArray();
            entries++;
            bytes += value.Length;
        }
        return index with { After = after, Done = index.Done + entries };
    }

    /// <summary>Removes some rows; true once none is left.</summary>
    private bool Drop(StoreBatch batch, ShardIndex index, int rowsMax)
    {
        var removed = 0;
        store.ScanMeta(
            RowsOf(index).Prefix,
            (key, _) =>
            {
                if (removed == rowsMax)
                {
                    removed++;
                    return false;
                }
                batch.DeleteMeta(key);
                removed++;
                return true;
            }
        );
        return removed <= rowsMax;
    }

    private IndexRows RowsOf(ShardIndex index)
    {
        if (!rows.TryGetValue(index.Generation, out var known))
        {
            rows.Add(index.Generation, known = new(index));
        }
        return known;
    }

    private void Save(StoreBatch batch, IndexCatalog next)
    {
        Catalog = next;
        batch.PutMeta(IndexCatalog.Key, next.Encode());
    }
}
