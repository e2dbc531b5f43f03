using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// How a row of metadata lies on disk: CRC32C (4 bytes, little-endian) over key and value, then the value.
/// </summary>
internal static class ChecksummedRow
{
    public const int HeadBytes = sizeof(uint);

    public static void Write(Span<byte> destination, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(destination, Checksum.Of(key, value));
        value.CopyTo(destination[HeadBytes..]);
    }

    /// <summary>Finds the value in a row; false when the checksum does not hold.</summary>
    public static bool TryRead(ReadOnlySpan<byte> row, ReadOnlySpan<byte> key, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (row.Length < HeadBytes)
            return false;
        value = row[HeadBytes..];
        return BinaryPrimitives.ReadUInt32LittleEndian(row) == Checksum.Of(key, value);
    }
}
