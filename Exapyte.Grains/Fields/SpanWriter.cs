using System.Buffers.Binary;
using System.Text;

namespace Exapyte.Grains.Fields;

/// <summary>Writes little-endian fields into a buffer of the exact size, which the caller computed before.</summary>
internal ref struct SpanWriter(Span<byte> buffer)
{
    private readonly Span<byte> buffer = buffer;

    /// <summary>Bytes written so far.</summary>
    public int Written { get; private set; }

    public void Byte(byte value) => buffer[Written++] = value;

    public void Int32(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(buffer[Written..], value);
        Written += sizeof(int);
    }

    public void Int64(long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(buffer[Written..], value);
        Written += sizeof(long);
    }

    public void UInt64(ulong value) => Int64(unchecked((long)value));

    /// <summary>A length of four bytes, then the bytes.</summary>
    public void Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        value.CopyTo(buffer[Written..]);
        Written += value.Length;
    }

    /// <summary>A length of four bytes, then the UTF-8 bytes.</summary>
    public void Text(ReadOnlySpan<char> value)
    {
        var length = Encoding.UTF8.GetBytes(value, buffer[(Written + sizeof(int))..]);
        Int32(length);
        Written += length;
    }

    /// <summary>Bytes that <see cref="Text"/> takes.</summary>
    public static int TextBytes(ReadOnlySpan<char> value) => sizeof(int) + Encoding.UTF8.GetByteCount(value);
}
