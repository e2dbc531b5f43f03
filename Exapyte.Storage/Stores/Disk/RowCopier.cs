namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// Copies the rows of shard replicas from one database to another as they are, each verified on the way, in batches of
/// bounded size.
/// </summary>
internal sealed class RowCopier(RocksEngine from, RocksEngine to)
{
    readonly RowBatch _batch = new(to);
    byte[] _key = new byte[64];

    /// <summary>Copies all rows under a prefix. Where one cannot be read it throws, and a part is copied.</summary>
    /// <returns>How many rows.</returns>
    public long Copy(ulong prefix)
    {
        long rows = 0;
        using RocksIterator iterator = from.OpenIterator(
            RowKey.ShardStart(prefix),
            RowKey.ShardEnd(prefix),
            fillsCache: false
        );
        for (int length; (length = iterator.Move(reverse: false, ref _key)) >= 0; rows++)
        {
            iterator.Read((Copier: this, Length: length), static (row, at) => at.Copier.Add(at.Length, row));
            if (_batch.IsFull)
                _batch.Write();
        }
        _batch.Write();
        return rows;
    }

    /// <summary>Removes what a copy that failed has left.</summary>
    public void Drop(ulong prefix)
    {
        _batch.Drop();
        to.DeleteRange(RowKey.ShardStart(prefix), RowKey.ShardEnd(prefix));
    }

    bool Add(int keyLength, ReadOnlySpan<byte> row)
    {
        ReadOnlySpan<byte> key = _key.AsSpan(0, keyLength);
        if (FindDamage((RowSpace)key[RowKey.PrefixBytes], key[RowKey.HeadBytes..], row) is { } damage)
            throw new StoreDamagedException(
                $"The row 0x{Convert.ToHexString(key[RowKey.PrefixBytes..])} in shard {RowKey.PrefixOf(key)} of {from.Folder}: {damage}."
            );
        _batch.Put(key, row);
        return true;
    }

    /// <summary>What is wrong with a row; null where nothing is.</summary>
    /// <param name="space">What it is.</param>
    /// <param name="key">What follows the space in its key.</param>
    /// <param name="row">Its value.</param>
    public static string? FindDamage(RowSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> row) =>
        space switch
        {
            RowSpace.Entry => EntryCodec.Read(row, key, withValue: false, out _),
            RowSpace.Meta or RowSpace.OldMeta => ChecksummedRow.TryRead(row, key, out _)
                ? null
                : "the checksum does not hold",
            _ => null,
        };
}
