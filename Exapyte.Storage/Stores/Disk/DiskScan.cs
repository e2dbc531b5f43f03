namespace Exapyte.Storage.Stores.Disk;

/// <summary>A scan over the entries of a shard on disk.</summary>
internal sealed class DiskScan(DiskShardStore store, RocksIterator iterator, bool reverse) : IStoreScan
{
    byte[] _row = new byte[64];
    int _length = -1;

    public ReadOnlySpan<byte> CurrentKey =>
        _length >= 0
            ? _row.AsSpan(RowKey.HeadBytes, _length - RowKey.HeadBytes)
            : throw new InvalidOperationException("The scan does not stand on an entry.");

    public StoredEntry Current => Read(withValue: true).Entry;

    public EntryHeader CurrentHeader => Read(withValue: false);

    public bool MoveNext() => (_length = iterator.Move(reverse, ref _row)) >= 0;

    public bool MoveTo(ReadOnlySpan<byte> key)
    {
        Span<byte> buffer = stackalloc byte[RowKey.StackBytesMax];
        ReadOnlySpan<byte> target = RowKey.Build(buffer, store.Prefix, RowSpace.Entry, key);
        _length = reverse ? iterator.SeekBefore(target, ref _row) : iterator.Seek(target, ref _row);
        return _length >= 0;
    }

    public void Dispose() => iterator.Dispose();

    EntryHeader Read(bool withValue)
    {
        _ = CurrentKey;
        return iterator.Read(
            (Scan: this, WithValue: withValue),
            static (row, state) => state.Scan.Store.DecodeSized(row, state.Scan.CurrentKey, state.WithValue)
        );
    }

    DiskShardStore Store => store;
}
