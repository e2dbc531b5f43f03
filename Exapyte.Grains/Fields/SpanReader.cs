using System.Buffers.Binary;
using System.Text;

namespace Exapyte.Grains.Fields;

/// <summary>
/// Reads what <see cref="SpanWriter"/> wrote. Never reads beyond the end: once a field does not fit,
/// <see cref="Failed"/> stays true and every further field is empty.
/// </summary>
internal ref struct SpanReader(ReadOnlyMemory<byte> memory)
{
    private readonly ReadOnlyMemory<byte> memory = memory;
    private int position;

    /// <summary>Whether a field was missing or impossible.</summary>
    public bool Failed { get; private set; }

    /// <summary>Whether everything was read and nothing failed.</summary>
    public readonly bool AtEnd => !Failed && position == memory.Length;

    public byte Byte()
    {
        var span = Take(1);
        return span.IsEmpty ? (byte)0 : span.Span[0];
    }

    public int Int32()
    {
        var span = Take(sizeof(int));
        return span.IsEmpty ? 0 : BinaryPrimitives.ReadInt32LittleEndian(span.Span);
    }

    public long Int64()
    {
        var span = Take(sizeof(long));
        return span.IsEmpty ? 0 : BinaryPrimitives.ReadInt64LittleEndian(span.Span);
    }

    public ulong UInt64() => unchecked((ulong)Int64());

    /// <summary>A slice of the input: no copy.</summary>
    public ReadOnlyMemory<byte> Bytes() => Take(Int32());

    public string Text() => Encoding.UTF8.GetString(Bytes().Span);

    /// <summary>A count of items that take at least <paramref name="itemBytesMin"/> each: refuses what cannot fit.</summary>
    public int Count(int itemBytesMin)
    {
        var count = Int32();
        if (count < 0 || (long)count * itemBytesMin > memory.Length - position)
        {
            Failed = true;
            return 0;
        }
        return count;
    }

    private ReadOnlyMemory<byte> Take(int length)
    {
        if (Failed || length < 0 || length > memory.Length - position)
        {
            Failed = true;
            return default;
        }
        var slice = memory.Slice(position, length);
        position += length;
        return slice;
    }
}
