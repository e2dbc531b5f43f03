using System.Buffers.Binary;
using System.Buffers.Text;

namespace Exapyte.Cluster.Tests.LargeStores;

/// <summary>
/// Entries that are computed instead of remembered: so many keys in an order without pattern, each with 256 bytes that
/// depend on key and version and cannot be compressed. Thread-safe.
/// </summary>
sealed record EntrySet(long Count)
{
    public const int ValueBytes = 256;
    public const int KeyBytes = 16;

    const ulong Golden = 0x9E3779B97F4A7C15;

    /// <summary>Bytes of keys and values.</summary>
    public long PayloadBytes => Count * (KeyBytes + ValueBytes);

    /// <summary>The key at a position; multiplying by an odd number maps no two positions to one key.</summary>
    public static string KeyAt(long position) => ((ulong)position * Golden).ToString("x16");

    public static void WriteKey(long position, Span<byte> into) =>
        Utf8Formatter.TryFormat((ulong)position * Golden, into, out _, new('x', KeyBytes));

    public static void WriteValue(long position, int version, Span<byte> into)
    {
        var state = ((ulong)position << 8) + (ulong)version;
        for (var at = 0; at < ValueBytes; at += sizeof(ulong))
            BinaryPrimitives.WriteUInt64LittleEndian(into[at..], SplitMix(ref state));
    }

    public static byte[] ValueAt(long position, int version)
    {
        var value = new byte[ValueBytes];
        WriteValue(position, version, value);
        return value;
    }

    // Steele, Lea, Flood: Fast splittable pseudorandom number generators (OOPSLA 2014).
    static ulong SplitMix(ref ulong state)
    {
        var mixed = state += Golden;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB;
        return mixed ^ (mixed >> 31);
    }
}
