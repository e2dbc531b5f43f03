using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// Rows as they are, on their way into a database in batches of bounded size: the representation of RocksDB's own
/// <c>WriteBatch</c>, as in <see cref="DiskBatch"/>.
/// </summary>
internal sealed class RowBatch(RocksEngine to)
{
    const int HeaderBytes = sizeof(ulong) + sizeof(uint);
    const byte ValueTag = 1;
    const byte RangeDeletionTag = 15;
    const int LengthBytesMax = 5;
    const int BatchBytesMax = 1024 * 1024;

    byte[] _batch = new byte[BatchBytesMax + 4096];
    int _length = HeaderBytes;
    int _records;

    /// <summary>Whether it is time to write.</summary>
    public bool IsFull => _length >= BatchBytesMax;

    public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> row) => Add(ValueTag, key, row);

    /// <summary>Deletes all rows from <paramref name="start"/> up to, not including, <paramref name="end"/>.</summary>
    public void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) => Add(RangeDeletionTag, start, end);

    /// <summary>Writes what was added, as one.</summary>
    public void Write()
    {
        if (_records == 0)
            return;
        _batch.AsSpan(0, sizeof(ulong)).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(_batch.AsSpan(sizeof(ulong)), (uint)_records);
        to.Write(_batch.AsSpan(0, _length));
        Drop();
    }

    /// <summary>Forgets what was added and not written.</summary>
    public void Drop()
    {
        _length = HeaderBytes;
        _records = 0;
    }

    void Add(byte tag, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        int needed = _length + 1 + (2 * LengthBytesMax) + first.Length + second.Length;
        if (_batch.Length < needed)
            Array.Resize(ref _batch, needed);
        _batch[_length++] = tag;
        Append(first);
        Append(second);
        _records++;
    }

    void Append(ReadOnlySpan<byte> bytes)
    {
        _length += Varint.Write(_batch.AsSpan(_length), (ulong)bytes.Length);
        bytes.CopyTo(_batch.AsSpan(_length));
        _length += bytes.Length;
    }
}
