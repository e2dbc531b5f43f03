using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Exapyte.Queries.Values;

/// <summary>
/// Values as bytes, equal exactly where the values are: 1 and 1.0 are one number, members of an object stand in the order
/// of their names. Holds groups apart, and the place where a page ended.
/// </summary>
/// <remarks>A tag, then: nothing; one byte (bool); eight bytes (number); length and content (text, list, object).</remarks>
internal static class ValueCodec
{
    private const byte UnknownTag = 0;
    private const byte NullTag = 1;
    private const byte BoolTag = 2;
    private const byte IntTag = 3;
    private const byte DoubleTag = 4;
    private const byte StringTag = 5;
    private const byte ListTag = 6;
    private const byte ObjectTag = 7;

    /// <summary>Appends a value.</summary>
    public static void Write(ArrayBufferWriter<byte> output, in Value value)
    {
        switch (value.Kind)
        {
            case ValueKind.Null:
                WriteTag(output, NullTag);
                break;
            case ValueKind.Bool:
                WriteTag(output, BoolTag);
                WriteTag(output, value.IsTrue ? (byte)1 : (byte)0);
                break;
            case ValueKind.Int:
                WriteNumber(output, IntTag, value.Int);
                break;
            case ValueKind.Double when Numbers.AsInt(value.Double) is { } whole:
                WriteNumber(output, IntTag, whole);
                break;
            case ValueKind.Double:
                WriteNumber(output, DoubleTag, BitConverter.DoubleToInt64Bits(value.Double));
                break;
            case ValueKind.String:
                WriteTag(output, StringTag);
                WriteBytes(output, value.Bytes.Span);
                break;
            case ValueKind.List:
                WriteContainer(output, ListTag, ContentOfList(value));
                break;
            case ValueKind.Object:
                WriteContainer(output, ObjectTag, ContentOfObject(value));
                break;
            default:
                WriteTag(output, UnknownTag);
                break;
        }
    }

    /// <summary>
    /// Reads the value at the beginning and moves on behind it; false where none stands there. Of lists and objects only
    /// what they are comes back, which is all that an order asks.
    /// </summary>
    public static bool TryRead(ref ReadOnlySpan<byte> input, out Value value)
    {
        value = default;
        if (input.IsEmpty)
        {
            return false;
        }
        var tag = input[0];
        input = input[1..];
        switch (tag)
        {
            case UnknownTag:
                return true;
            case NullTag:
                value = Value.Null;
                return true;
            case BoolTag when input.Length >= 1:
                value = Value.Of(input[0] != 0);
                input = input[1..];
                return true;
            case IntTag or DoubleTag when input.Length >= sizeof(long):
                var bits = BinaryPrimitives.ReadInt64BigEndian(input);
                value = tag == IntTag ? Value.Of(bits) : Value.Of(BitConverter.Int64BitsToDouble(bits));
                input = input[sizeof(long)..];
                return true;
            case StringTag or ListTag or ObjectTag when TryReadBytes(ref input, out var content):
                value =
                    tag == StringTag
                        ? Value.OfUtf8(content.ToArray())
                        : Value.OfJson(tag == ListTag ? ValueKind.List : ValueKind.Object, default);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Appends bytes behind their length.</summary>
    public static void WriteBytes(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        BinaryPrimitives.WriteInt32BigEndian(output.GetSpan(sizeof(int)), bytes.Length);
        output.Advance(sizeof(int));
        output.Write(bytes);
    }

    /// <summary>Reads what <see cref="WriteBytes"/> wrote.</summary>
    public static bool TryReadBytes(ref ReadOnlySpan<byte> input, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (input.Length < sizeof(int))
        {
            return false;
        }
        var length = BinaryPrimitives.ReadInt32BigEndian(input);
        if (length < 0 || length > input.Length - sizeof(int))
        {
            return false;
        }
        bytes = input.Slice(sizeof(int), length);
        input = input[(sizeof(int) + length)..];
        return true;
    }

    private static ArrayBufferWriter<byte> ContentOfList(in Value list)
    {
        ArrayBufferWriter<byte> content = new();
        foreach (var element in ValueLists.Elements(list))
        {
            Write(content, element);
        }
        return content;
    }

    private static ArrayBufferWriter<byte> ContentOfObject(in Value value)
    {
        ArrayBufferWriter<byte> content = new();
        foreach (
            var (name, member) in ValueLists.MembersOf(value).OrderBy(member => member.Key, StringComparer.Ordinal)
        )
        {
            WriteBytes(content, Encoding.UTF8.GetBytes(name));
            Write(content, member);
        }
        return content;
    }

    private static void WriteContainer(ArrayBufferWriter<byte> output, byte tag, ArrayBufferWriter<byte> content)
    {
        WriteTag(output, tag);
        WriteBytes(output, content.WrittenSpan);
    }

    private static void WriteNumber(ArrayBufferWriter<byte> output, byte tag, long bits)
    {
        WriteTag(output, tag);
        BinaryPrimitives.WriteInt64BigEndian(output.GetSpan(sizeof(long)), bits);
        output.Advance(sizeof(long));
    }

    private static void WriteTag(ArrayBufferWriter<byte> output, byte tag)
    {
        output.GetSpan(1)[0] = tag;
        output.Advance(1);
    }
}
