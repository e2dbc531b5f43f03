namespace Exapyte.Storage.Stores.Disk;

/// <summary>A scan over metadata and entries of a shard on disk; they lie behind each other.</summary>
internal sealed class DiskStateScan(DiskShardStore store, RocksIterator iterator) : IStateScan
{
    byte[] _row = new byte[64];
    int _length = -1;

    public bool IsMeta => Space == RowSpace.Meta;

    public ReadOnlySpan<byte> Key =>
        _length >= 0
            ? _row.AsSpan(RowKey.HeadBytes, _length - RowKey.HeadBytes)
            : throw new InvalidOperationException("The scan does not stand on a row.");

    public ReadOnlyMemory<byte> Meta =>
        IsMeta
            ? iterator.Read(this, static (row, scan) => scan.Store.DecodeMeta(row, scan.Key))
            : throw new InvalidOperationException("The scan stands on no row of metadata.");

    public StoredEntry Entry =>
        Space == RowSpace.Entry
            ? iterator.Read(this, static (row, scan) => scan.Store.Decode(row, scan.Key, withValue: true))
            : throw new InvalidOperationException("The scan stands on no entry.");

    /// <summary>Moves on; the applied index, which has the empty key among the metadata, is passed over.</summary>
    public bool MoveNext()
    {
        do
        {
            _length = iterator.Move(reverse: false, ref _row);
        } while (_length == RowKey.HeadBytes && IsMeta);
        return _length >= 0;
    }

    public void Dispose() => iterator.Dispose();

    RowSpace? Space => _length >= RowKey.HeadBytes ? (RowSpace)_row[RowKey.PrefixBytes] : null;

    DiskShardStore Store => store;
}
