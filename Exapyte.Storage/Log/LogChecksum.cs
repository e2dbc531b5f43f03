using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Exapyte.Storage.Log;

/// <summary>CRC32C with a chosen starting state, by the processor's instruction where there is one.</summary>
static class LogChecksum
{
    public static uint Compute(uint seed, ReadOnlySpan<byte> bytes)
    {
        var crc = ~seed;
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(bytes))
            crc = BitOperations.Crc32C(
                crc,
                BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word)
            );
        foreach (var rest in bytes[(bytes.Length & ~7)..])
            crc = BitOperations.Crc32C(crc, rest);
        return ~crc;
    }

    /// <summary>Starting state of a segment's batches and records.</summary>
    public static uint Seed(ulong logId, uint segment)
    {
        var crc = BitOperations.Crc32C(uint.MaxValue, logId);
        return BitOperations.Crc32C(crc, (ulong)segment);
    }
}
