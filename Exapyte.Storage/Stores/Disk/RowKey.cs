using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>What a row of the database is.</summary>
internal enum RowSpace : byte
{
    /// <summary>A row of metadata; the one with the empty key is the applied index.</summary>
    Meta = 0,

    /// <summary>An entry.</summary>
    Entry = 1,

    /// <summary>A row of the expiry index: when due (8 bytes, big-endian), then the key; no value.</summary>
    Expiry = 2,
}

/// <summary>The key of a row: <c>[shard prefix, 8 bytes big-endian][space, 1 byte][key]</c>.</summary>
internal static class RowKey
{
    public const int PrefixBytes = sizeof(ulong);
    public const int HeadBytes = PrefixBytes + 1;
    public const int DueBytes = sizeof(long);

    /// <summary>Row keys up to this length are built on the stack.</summary>
    public const int StackBytesMax = 256;

    public static void WriteHead(Span<byte> destination, ulong prefix, RowSpace space)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, prefix);
        destination[PrefixBytes] = (byte)space;
    }

    /// <summary>Builds a row key in <paramref name="buffer"/>, or in a new one where it is too small.</summary>
    public static ReadOnlySpan<byte> Build(Span<byte> buffer, ulong prefix, RowSpace space, ReadOnlySpan<byte> key)
    {
        int length = HeadBytes + key.Length;
        Span<byte> row = length <= buffer.Length ? buffer[..length] : new byte[length];
        WriteHead(row, prefix, space);
        key.CopyTo(row[HeadBytes..]);
        return row;
    }

    public static byte[] Build(ulong prefix, RowSpace space, ReadOnlySpan<byte> key)
    {
        byte[] row = new byte[HeadBytes + key.Length];
        WriteHead(row, prefix, space);
        key.CopyTo(row.AsSpan(HeadBytes));
        return row;
    }

    /// <summary>The first key behind all rows of a space of a shard.</summary>
    public static byte[] SpaceEnd(ulong prefix, RowSpace space) =>
        Build(prefix, (RowSpace)((byte)space + 1), ReadOnlySpan<byte>.Empty);

    public static byte[] ShardStart(ulong prefix)
    {
        byte[] start = new byte[PrefixBytes];
        BinaryPrimitives.WriteUInt64BigEndian(start, prefix);
        return start;
    }

    /// <summary>The first key behind all rows of a shard: no space byte is 0xFF.</summary>
    public static byte[] ShardEnd(ulong prefix) => Build(prefix, (RowSpace)0xFF, ReadOnlySpan<byte>.Empty);

    public static ulong PrefixOf(ReadOnlySpan<byte> row) => BinaryPrimitives.ReadUInt64BigEndian(row);
}
