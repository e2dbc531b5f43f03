using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// Copies the rows of shard replicas from one database to another as they are, each verified on the way, in batches of
/// bounded size.
/// </summary>
internal sealed class RowCopier(RocksEngine from, RocksEngine to)
{
    const int HeaderBytes = sizeof(ulong) + sizeof(uint);
    const byte ValueTag = 1;
    const int LengthBytesMax = 5;
    const int BatchBytesMax = 1024 * 1024;

    byte[] _batch = new byte[BatchBytesMax + 4096];
    byte[] _key = new byte[64];
    int _length = HeaderBytes;
    int _records;

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
            if (_length >= BatchBytesMax)
                Write();
        }
        Write();
        return rows;
    }

    /// <summary>Removes what a copy that failed has left.</summary>
    public void Drop(ulong prefix)
    {
        _length = HeaderBytes;
        _records = 0;
        to.DeleteRange(RowKey.ShardStart(prefix), RowKey.ShardEnd(prefix));
    }

    bool Add(int keyLength, ReadOnlySpan<byte> row)
    {
        ReadOnlySpan<byte> key = _key.AsSpan(0, keyLength);
        if (Verify((RowSpace)key[RowKey.PrefixBytes], key[RowKey.HeadBytes..], row) is { } damage)
            throw new StoreDamagedException(
                $"The row 0x{Convert.ToHexString(key[RowKey.PrefixBytes..])} in shard {RowKey.PrefixOf(key)} of {from.Folder}: {damage}."
            );
        int needed = _length + 1 + (2 * LengthBytesMax) + key.Length + row.Length;
        if (_batch.Length < needed)
            Array.Resize(ref _batch, needed);
        _batch[_length++] = ValueTag;
        Append(key);
        Append(row);
        _records++;
        return true;
    }

    void Append(ReadOnlySpan<byte> bytes)
    {
        _length += Varint.Write(_batch.AsSpan(_length), (ulong)bytes.Length);
        bytes.CopyTo(_batch.AsSpan(_length));
        _length += bytes.Length;
    }

    void Write()
    {
        if (_records == 0)
            return;
        _batch.AsSpan(0, sizeof(ulong)).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(_batch.AsSpan(sizeof(ulong)), (uint)_records);
        to.Write(_batch.AsSpan(0, _length));
        _length = HeaderBytes;
        _records = 0;
    }

    static string? Verify(RowSpace space, ReadOnlySpan<byte> key, ReadOnlySpan<byte> row) =>
        space switch
        {
            RowSpace.Entry => EntryCodec.Read(row, key, withValue: false, out _),
            RowSpace.Meta => ChecksummedRow.TryRead(row, key, out _) ? null : "the checksum does not hold",
            _ => null,
        };
}
