namespace Exapyte.Storage.Stores.Disk;

/// <summary>A scan over metadata and entries of a view on disk: over the ones, then over the others.</summary>
internal sealed class DiskStateScan(DiskShardStore store, RocksIterator meta, RocksIterator entries) : IStateScan
{
    RocksIterator? _entriesAhead = entries;
    RocksIterator _iterator = meta;
    byte[] _row = new byte[64];
    int _length = -1;

    public bool IsMeta => Space == RowSpace.Meta;

    public ReadOnlySpan<byte> Key =>
        _length >= 0
            ? _row.AsSpan(HeadBytes, _length - HeadBytes)
            : throw new InvalidOperationException("The scan does not stand on a row.");

    public ReadOnlyMemory<byte> Meta =>
        IsMeta
            ? _iterator.Read(this, static (row, scan) => scan.Store.DecodeMeta(row, scan.Key))
            : throw new InvalidOperationException("The scan stands on no row of metadata.");

    public StoredEntry Entry =>
        Space == RowSpace.Entry
            ? _iterator.Read(this, static (row, scan) => scan.Store.Decode(row, scan.Key, withValue: true))
            : throw new InvalidOperationException("The scan stands on no entry.");

    /// <summary>Moves on; the applied index, which has the empty key among the metadata, is passed over.</summary>
    public bool MoveNext()
    {
        do
        {
            _length = _iterator.Move(reverse: false, ref _row);
        } while (_length == RowKey.MetaHeadBytes && IsMeta);
        if (_length < 0 && _entriesAhead is { } ahead)
        {
            _iterator.Dispose();
            (_iterator, _entriesAhead) = (ahead, null);
            _length = _iterator.Move(reverse: false, ref _row);
        }
        return _length >= 0;
    }

    public void Dispose()
    {
        _iterator.Dispose();
        _entriesAhead?.Dispose();
    }

    int HeadBytes => IsMeta ? RowKey.MetaHeadBytes : RowKey.HeadBytes;

    RowSpace? Space => _length >= RowKey.HeadBytes ? (RowSpace)_row[RowKey.PrefixBytes] : null;

    DiskShardStore Store => store;
}
