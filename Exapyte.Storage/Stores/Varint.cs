using System.Numerics;

namespace Exapyte.Storage.Stores;

/// <summary>Little-endian base 128 numbers, seven bits a byte, the high bit set on all but the last.</summary>
internal static class Varint
{
    public const int BytesMax = 10;

    /// <summary>How many bytes <see cref="Write"/> takes for a number.</summary>
    public static int Length(ulong value) => (BitOperations.Log2(value | 1) / 7) + 1;

    public static int Write(Span<byte> destination, ulong value)
    {
        int at = 0;
        while (value >= 0x80)
        {
            destination[at++] = (byte)(value | 0x80);
            value >>= 7;
        }
        destination[at++] = (byte)value;
        return at;
    }

    /// <summary>
    /// Reads a number and moves <paramref name="source"/> behind it. False when it is cut off or too long.
    /// </summary>
    public static bool TryRead(ref ReadOnlySpan<byte> source, out ulong value)
    {
        value = 0;
        for (int at = 0; at < source.Length && at < BytesMax; at++)
        {
            byte b = source[at];
            if (at == BytesMax - 1 && b > 1)
                return false;
            value |= (ulong)(b & 0x7F) << (7 * at);
            if (b < 0x80)
            {
                source = source[(at + 1)..];
                return true;
            }
        }
        return false;
    }

    public static ulong ZigZag(long value) => (ulong)((value << 1) ^ (value >> 63));

    public static long UnZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);
}
