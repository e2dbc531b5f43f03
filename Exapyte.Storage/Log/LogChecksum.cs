using System.Numerics;
using Exapyte.Storage.Stores;

namespace Exapyte.Storage.Log;

/// <summary>CRC32C with a chosen starting state, by the processor's instruction where there is one.</summary>
static class LogChecksum
{
    public static uint Compute(uint seed, ReadOnlySpan<byte> bytes) => ~Checksum.Append(~seed, bytes);

    /// <summary>Starting state of a segment's batches and records.</summary>
    public static uint Seed(ulong logId, uint segment)
    {
        var crc = BitOperations.Crc32C(uint.MaxValue, logId);
        return BitOperations.Crc32C(crc, (ulong)segment);
    }
}
