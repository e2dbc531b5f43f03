using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// Brings the rows of a prefix from format 1 to format 2, when a view of it is opened: metadata gets the view's shard id, and
/// the expiry index, which was rounded, the moments at which entries end. Entries stay where they are.
/// </summary>
/// <remarks>
/// The old rows are deleted by the batch that comes last, together with the writing of the applied index. A crash before it is
/// durable leaves the old rows, from which all is made anew: the store loses whole batches, the latest first.
/// </remarks>
internal sealed class StoreMigration(RocksEngine engine, StoreView view)
{
    readonly RowBatch _batch = new(engine);
    byte[] _key = new byte[64];
    byte[] _row = new byte[64];
    byte[]? _applied;

    /// <summary>Migrates the prefix if it has rows of format 1.</summary>
    /// <exception cref="StoreDamagedException">A row does not verify: nothing was changed.</exception>
    public static void RunIfNeeded(RocksEngine engine, StoreView view)
    {
        if (
            HasRows(engine, view.Prefix, RowSpace.OldMeta, RowSpace.Entry)
            || HasRows(engine, view.Prefix, RowSpace.OldExpiry, RowSpace.Meta)
        )
            new StoreMigration(engine, view).Run();
    }

    static bool HasRows(RocksEngine engine, ulong prefix, RowSpace first, RowSpace end)
    {
        byte[] key = new byte[64];
        using RocksIterator iterator = engine.OpenIterator(
            RowKey.Build(prefix, first, default),
            RowKey.Build(prefix, end, default)
        );
        return iterator.Move(reverse: false, ref key) >= 0;
    }

    void Run()
    {
        Visit(RowSpace.OldMeta, AddMeta);
        Visit(RowSpace.OldExpiry, AddExpiry);
        if (_applied is not null)
            _batch.Put(RowKey.BuildMeta(view.Prefix, view.Shard, default), _applied);
        foreach (RowSpace old in (ReadOnlySpan<RowSpace>)[RowSpace.OldMeta, RowSpace.OldExpiry])
            _batch.DeleteRange(RowKey.Build(view.Prefix, old, default), RowKey.SpaceEnd(view.Prefix, old));
        _batch.Write();
    }

    void Visit(RowSpace space, Action<int> add)
    {
        using RocksIterator iterator = engine.OpenIterator(
            RowKey.Build(view.Prefix, space, default),
            RowKey.SpaceEnd(view.Prefix, space),
            fillsCache: false
        );
        for (int length; (length = iterator.Move(reverse: false, ref _key)) >= 0; )
        {
            _row = iterator.Read(0, static (row, _) => row.ToArray());
            add(length);
            if (_batch.IsFull)
                _batch.Write();
        }
    }

    void AddMeta(int length)
    {
        ReadOnlySpan<byte> key = _key.AsSpan(RowKey.HeadBytes, length - RowKey.HeadBytes);
        if (!ChecksummedRow.TryRead(_row, key, out ReadOnlySpan<byte> value))
            throw new StoreDamagedException(
                $"The metadata with the key 0x{Convert.ToHexString(key)} in shard {view.Prefix} of {engine.Folder}: the checksum does not hold."
            );
        byte[] newKey = RowKey.BuildMeta(view.Prefix, view.Shard, key);
        byte[] newRow = new byte[ChecksummedRow.HeadBytes + value.Length];
        ChecksummedRow.Write(newRow, newKey.AsSpan(RowKey.HeadBytes), value);
        if (key.IsEmpty)
            _applied = newRow;
        else
            _batch.Put(newKey, newRow);
    }

    /// <summary>An entry that was written again since, or deleted, has left its row behind: what it is now decides.</summary>
    void AddExpiry(int length)
    {
        ReadOnlySpan<byte> key = _key.AsSpan(
            RowKey.HeadBytes + RowKey.DueBytes,
            length - RowKey.HeadBytes - RowKey.DueBytes
        );
        Span<byte> buffer = stackalloc byte[RowKey.StackBytesMax];
        using PinnedRow row = engine.Get(RowKey.Build(buffer, view.Prefix, RowSpace.Entry, key));
        if (!row.IsFound)
            return;
        if (EntryCodec.Read(row.Value, key, withValue: false, out StoredEntry entry) is { } damage)
            throw new StoreDamagedException(
                $"The entry with the key 0x{Convert.ToHexString(key)} in shard {view.Prefix} of {engine.Folder}: {damage}."
            );
        if (entry.ExpiresMs == 0)
            return;
        byte[] due = new byte[RowKey.DueBytes + key.Length];
        BinaryPrimitives.WriteInt64BigEndian(due, DiskBatch.DueMs(entry.ExpiresMs));
        key.CopyTo(due.AsSpan(RowKey.DueBytes));
        _batch.Put(RowKey.Build(view.Prefix, RowSpace.Expiry, due), default);
    }
}
