using System.Buffers.Binary;
using System.Numerics;

namespace Exapyte.Storage.Stores;

/// <summary>
/// CRC32C (Castagnoli; RFC 3720, appendix B.4), which processors compute: continued over several spans, without the
/// object that <c>System.IO.Hashing</c> would allocate for it.
/// </summary>
internal static class Checksum
{
    public static uint Of(ReadOnlySpan<byte> bytes) => ~Append(uint.MaxValue, bytes);

    public static uint Of(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second) =>
        ~Append(Append(uint.MaxValue, first), second);

    public static uint Of(byte tag, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second) =>
        ~Append(Append(BitOperations.Crc32C(uint.MaxValue, tag), first), second);

    /// <summary>The running state after more bytes; begun with all ones and inverted at the end.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }
        foreach (byte b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return crc;
    }
}
