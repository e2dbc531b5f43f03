using System.IO.Hashing;

namespace Exapyte.Keyspaces;

/// <summary>
/// Places keys on slots: XXH3 (64 bit, seed 0) of the key bytes, top 16 bits. Stable between processes, machines and
/// versions; golden vectors in the tests hold it.
/// </summary>
public static class KeyHash
{
    /// <summary>Number of slots. Shards own ranges of them.</summary>
    public const int Slots = 1 << 16;

    /// <summary>The slot of a key.</summary>
    /// <param name="key">The whole key.</param>
    /// <param name="partitionDelimiter">Hash only through its first occurrence; empty: hash the whole key.</param>
    public static int SlotOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> partitionDelimiter) =>
        (int)(HashOf(key, partitionDelimiter) >> 48);

    /// <summary>The hash of a key; its slot is the top 16 bits.</summary>
    /// <param name="key">The whole key.</param>
    /// <param name="partitionDelimiter">Hash only through its first occurrence; empty: hash the whole key.</param>
    public static ulong HashOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> partitionDelimiter)
    {
        if (!partitionDelimiter.IsEmpty)
        {
            var at = key.IndexOf(partitionDelimiter);
            if (at >= 0)
            {
                key = key[..(at + partitionDelimiter.Length)];
            }
        }
        return XxHash3.HashToUInt64(key);
    }
}
