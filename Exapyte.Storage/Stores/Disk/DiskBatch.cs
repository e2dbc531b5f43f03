using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// A batch in the representation of RocksDB's own <c>WriteBatch</c> (<c>db/write_batch.cc</c>: sequence number, count,
/// then tagged records), built in managed memory: one native call hands over all of it, where the C interface
/// would take one call a change.
/// </summary>
internal sealed class DiskBatch(DiskShardStore store, ulong prefix, ulong shard) : StoreBatch
{
    const int SequenceBytes = sizeof(ulong);
    const int HeaderBytes = SequenceBytes + sizeof(uint);
    const byte DeletionTag = 0;
    const byte ValueTag = 1;
    const int LengthBytesMax = 5;
    const int InitialBytes = 4 * 1024;
    const int KeptBytesMax = 4 * 1024 * 1024;

    byte[] _bytes = new byte[InitialBytes];
    int _length = HeaderBytes;
    int _records;
    int _changes;

    public DiskShardStore Store => store;

    /// <summary>When the first of the entries written here is due for the sweep.</summary>
    public long FirstDueMs { get; private set; } = long.MaxValue;

    public override int Count => _changes;

    public override long Bytes => _length;

    public override void Put(ReadOnlySpan<byte> key, in StoredEntry entry, long replacedExpiresMs = 0)
    {
        LeaveExpiryIndex(key, replacedExpiresMs, entry.ExpiresMs);
        int length = EntryCodec.Length(entry);
        BeginRecord(ValueTag, RowSpace.Entry, key, length);
        _length += Varint.Write(_bytes.AsSpan(_length), (ulong)length);
        EntryCodec.Write(_bytes.AsSpan(_length, length), key, entry);
        _length += length;
        _changes++;
        if (entry.ExpiresMs != 0)
            PutExpiryRow(key, DueMs(entry.ExpiresMs));
    }

    public override void Delete(ReadOnlySpan<byte> key, long replacedExpiresMs = 0)
    {
        LeaveExpiryIndex(key, replacedExpiresMs, 0);
        BeginRecord(DeletionTag, RowSpace.Entry, key, 0);
        _changes++;
    }

    public override void PutMeta(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => PutMetaOf(shard, key, value);

    public override void DeleteMeta(ReadOnlySpan<byte> key)
    {
        ThrowIfNoMetaKey(key);
        BeginMetaRecord(DeletionTag, shard, key, 0);
        _changes++;
    }

    public override void PutMetaOf(ulong ofShard, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        ThrowIfNoMetaKey(key);
        PutMetaRow(ofShard, key, value);
        _changes++;
    }

    public override void PutAppliedIndexOf(ulong ofShard, ulong index)
    {
        PutAppliedIndex(ofShard, index);
        _changes++;
    }

    /// <summary>Where an entry stands in the expiry index: an end before 1970 has passed like that of 1970.</summary>
    public static long DueMs(long expiresMs) => Math.Max(expiresMs, 0);

    /// <summary>Removes a row of the expiry index that no entry has any more, given what follows the space in its key.</summary>
    public void DeleteExpiryRow(ReadOnlySpan<byte> dueAndKey)
    {
        BeginRecord(DeletionTag, RowSpace.Expiry, dueAndKey, 0);
        _changes++;
    }

    /// <summary>
    /// Writes the batch with its applied index, whose record is taken off again: the batch stays as it was.
    /// </summary>
    public void WriteTo(RocksEngine engine)
    {
        int length = _length;
        int records = _records;
        if (AppliedIndex is { } index)
            PutAppliedIndex(shard, index);
        _bytes.AsSpan(0, SequenceBytes).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(_bytes.AsSpan(SequenceBytes), (uint)_records);
        engine.Write(_bytes.AsSpan(0, _length));
        _length = length;
        _records = records;
    }

    private protected override void ClearChanges()
    {
        if (_bytes.Length > KeptBytesMax)
            _bytes = new byte[InitialBytes];
        _length = HeaderBytes;
        _records = 0;
        _changes = 0;
        FirstDueMs = long.MaxValue;
    }

    void PutAppliedIndex(ulong ofShard, ulong index)
    {
        Span<byte> value = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(value, index);
        PutMetaRow(ofShard, ReadOnlySpan<byte>.Empty, value);
    }

    void PutMetaRow(ulong ofShard, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        int length = ChecksummedRow.HeadBytes + value.Length;
        BeginMetaRecord(ValueTag, ofShard, key, length);
        int keyBytes = RowKey.ShardBytes + key.Length;
        ReadOnlySpan<byte> checkedKey = _bytes.AsSpan(_length - keyBytes, keyBytes);
        _length += Varint.Write(_bytes.AsSpan(_length), (ulong)length);
        ChecksummedRow.Write(_bytes.AsSpan(_length), checkedKey, value);
        _length += length;
    }

    void BeginMetaRecord(byte tag, ulong ofShard, ReadOnlySpan<byte> key, int valueBytesMax)
    {
        BeginRecord(tag, RowSpace.Meta, key, valueBytesMax, RowKey.ShardBytes);
        BinaryPrimitives.WriteUInt64BigEndian(_bytes.AsSpan(_length - key.Length - RowKey.ShardBytes), ofShard);
    }

    void LeaveExpiryIndex(ReadOnlySpan<byte> key, long expiresMs, long becomesMs)
    {
        if (expiresMs == 0 || expiresMs == becomesMs)
            return;
        BeginRecord(DeletionTag, RowSpace.Expiry, key, 0, RowKey.DueBytes);
        BinaryPrimitives.WriteInt64BigEndian(_bytes.AsSpan(_length - key.Length - RowKey.DueBytes), DueMs(expiresMs));
    }

    void PutExpiryRow(ReadOnlySpan<byte> key, long dueMs)
    {
        BeginRecord(ValueTag, RowSpace.Expiry, key, 0, RowKey.DueBytes);
        BinaryPrimitives.WriteInt64BigEndian(_bytes.AsSpan(_length - key.Length - RowKey.DueBytes), dueMs);
        _length += Varint.Write(_bytes.AsSpan(_length), 0);
        FirstDueMs = Math.Min(FirstDueMs, dueMs);
    }

    /// <summary>Writes tag and row key, and makes room for a value of <paramref name="valueBytesMax"/>.</summary>
    void BeginRecord(byte tag, RowSpace space, ReadOnlySpan<byte> key, int valueBytesMax, int gapBytes = 0)
    {
        int rowKeyBytes = RowKey.HeadBytes + gapBytes + key.Length;
        EnsureRoom(1 + (2 * LengthBytesMax) + rowKeyBytes + valueBytesMax);
        _bytes[_length++] = tag;
        _length += Varint.Write(_bytes.AsSpan(_length), (ulong)rowKeyBytes);
        RowKey.WriteHead(_bytes.AsSpan(_length), prefix, space);
        key.CopyTo(_bytes.AsSpan(_length + RowKey.HeadBytes + gapBytes));
        _length += rowKeyBytes;
        _records++;
    }

    void EnsureRoom(int bytes)
    {
        if (_bytes.Length - _length < bytes)
            Array.Resize(ref _bytes, Math.Max(_length + bytes, 2 * _bytes.Length));
    }
}
