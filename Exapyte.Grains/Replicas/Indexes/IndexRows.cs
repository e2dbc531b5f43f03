using System.Buffers.Binary;
using Exapyte.Queries.Indexes;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Indexes;

/// <summary>
/// The rows of one index: <c>x</c>, its generation (8 bytes, big-endian), the entry's values in an order that bytes keep, the
/// entry's key; no value. Used by one thread at a time.
/// </summary>
internal sealed class IndexRows(ShardIndex index)
{
    private const int HeadBytes = 1 + sizeof(ulong);
    private const int RowBytesOnStack = 512;

    private readonly IndexReader reader = new([.. index.Definition.Paths.Select(IndexPath.Parse)]);

    /// <summary>What all rows begin with.</summary>
    public byte[] Prefix { get; } = PrefixOf(index.Generation);

    /// <summary>What a document has in the index; null where it is not in it.</summary>
    public byte[]? ValuesOf(ReadOnlyMemory<byte> document) =>
        reader.TryRead(document, out var values) ? values.ToArray() : null;

    public void Put(StoreBatch batch, ReadOnlySpan<byte> values, ReadOnlySpan<byte> key)
    {
        var length = HeadBytes + values.Length + key.Length;
        Span<byte> row = length <= RowBytesOnStack ? stackalloc byte[length] : new byte[length];
        Write(row, values, key);
        batch.PutMeta(row, []);
    }

    public void Delete(StoreBatch batch, ReadOnlySpan<byte> values, ReadOnlySpan<byte> key)
    {
        var length = HeadBytes + values.Length + key.Length;
        Span<byte> row = length <= RowBytesOnStack ? stackalloc byte[length] : new byte[length];
        Write(row, values, key);
        batch.DeleteMeta(row);
    }

    /// <summary>The key of the entry that a row names.</summary>
    /// <exception cref="StoreDamagedException">It is no row of the index.</exception>
    public ReadOnlySpan<byte> KeyOf(ReadOnlySpan<byte> row)
    {
        var valueBytes = reader.ValueBytesOf(row[HeadBytes..]);
        return valueBytes >= 0
            ? row[(HeadBytes + valueBytes)..]
            : throw new StoreDamagedException(
                $"The row 0x{Convert.ToHexString(row)} is none of index {index.Definition.Name}."
            );
    }

    /// <summary>Whether a range is of one value each, so that its rows lie in the order of their keys.</summary>
    public bool IsPoint(ReadOnlyMemory<byte> start, ReadOnlyMemory<byte> end) =>
        reader.ValueBytesOf(start.Span) == start.Length
        && KeyRange.Prefix(start.Span).End is { } behind
        && behind.Span.SequenceEqual(end.Span);

    private void Write(Span<byte> row, ReadOnlySpan<byte> values, ReadOnlySpan<byte> key)
    {
        Prefix.CopyTo(row);
        values.CopyTo(row[HeadBytes..]);
        key.CopyTo(row[(HeadBytes + values.Length)..]);
    }

    private static byte[] PrefixOf(ulong generation)
    {
        var prefix = new byte[HeadBytes];
        IndexCatalog.Key.CopyTo(prefix);
        BinaryPrimitives.WriteUInt64BigEndian(prefix.AsSpan(1), generation);
        return prefix;
    }
}
