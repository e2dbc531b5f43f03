using System.Buffers;
using System.Buffers.Binary;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Indexes;

/// <summary>
/// Values as bytes whose order is that of <c>orderBy</c>: null, bool, number, string, then what has no place in an index. Ints
/// and doubles stand where the numbers they are stand. Long strings are cut: those that begin alike share a place, so that a row
/// names an entry that may match, never one that does.
/// </summary>
/// <remarks>
/// A tag, then: nothing; one byte (bool); the nearest double, with its sign turned so that bytes order it, and what the number is
/// beyond it (number); the text's bytes, each 0 followed by 255, closed by 0 and what it is: 1 whole, 2 cut (string). Rows of
/// stores are written so: a change needs a format of its own.
/// </remarks>
internal static class IndexKeyCodec
{
    /// <summary>Bytes of a string that stand in a row.</summary>
    public const int TextBytesMax = 128;

    public const byte NullTag = 0x10;
    public const byte BoolTag = 0x20;
    public const byte NumberTag = 0x30;
    public const byte TextTag = 0x40;

    /// <summary>What has no place: missing, unknown, a list, an object.</summary>
    public const byte NothingTag = 0xF0;

    private const byte Escape = 0;
    private const byte EscapedZero = 255;
    private const byte WholeText = 1;
    private const byte CutText = 2;
    private const int ResidueMiddle = 0x8000;

    /// <summary>Whether the value has a place by which it is found.</summary>
    public static bool IsIndexed(in Value value) => value.Kind is >= ValueKind.Null and <= ValueKind.String;

    /// <summary>Appends a value.</summary>
    public static void Write(ArrayBufferWriter<byte> output, in Value value)
    {
        switch (value.Kind)
        {
            case ValueKind.Null:
                WriteByte(output, NullTag);
                break;
            case ValueKind.Bool:
                WriteByte(output, BoolTag);
                WriteByte(output, value.IsTrue ? (byte)1 : (byte)0);
                break;
            case ValueKind.Int or ValueKind.Double:
                WriteNumber(output, value);
                break;
            case ValueKind.String:
                WriteTextStart(output, value.Bytes.Span);
                WriteByte(output, Escape);
                WriteByte(output, IsCut(value) ? CutText : WholeText);
                break;
            default:
                WriteByte(output, NothingTag);
                break;
        }
    }

    /// <summary>Whether more values than this one share its place.</summary>
    public static bool IsCut(in Value value) => value.Kind == ValueKind.String && value.Bytes.Length > TextBytesMax;

    /// <summary>Appends what all texts that begin with this one begin with, as far as rows hold it.</summary>
    public static void WriteTextStart(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> text)
    {
        WriteByte(output, TextTag);
        foreach (var b in text[..Math.Min(text.Length, TextBytesMax)])
        {
            WriteByte(output, b);
            if (b == Escape)
            {
                WriteByte(output, EscapedZero);
            }
        }
    }

    /// <summary>The tag of values that compare with this one.</summary>
    public static byte TagOf(in Value value) =>
        value.Kind switch
        {
            ValueKind.Null => NullTag,
            ValueKind.Bool => BoolTag,
            ValueKind.Int or ValueKind.Double => NumberTag,
            ValueKind.String => TextTag,
            _ => NothingTag,
        };

    /// <summary>Bytes that one value takes at the beginning of the input; -1 where none stands there.</summary>
    public static int LengthAt(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty)
        {
            return -1;
        }
        var length = input[0] switch
        {
            NullTag or NothingTag => 1,
            BoolTag => 2,
            NumberTag => 1 + sizeof(long) + sizeof(ushort),
            TextTag => LengthOfText(input),
            _ => -1,
        };
        return length <= input.Length ? length : -1;
    }

    private static int LengthOfText(ReadOnlySpan<byte> input)
    {
        for (var at = 1; at + 1 < input.Length; at++)
        {
            if (input[at] != Escape)
            {
                continue;
            }
            if (input[at + 1] != EscapedZero)
            {
                return at + 2;
            }
            at++;
        }
        return -1;
    }

    private static void WriteNumber(ArrayBufferWriter<byte> output, in Value value)
    {
        // Rounding keeps the order, and where two numbers round alike what is beyond tells them apart.
        var nearest = value.AsDouble + 0.0;
        var residue = value.Kind == ValueKind.Int ? (int)((Int128)value.Int - (Int128)nearest) : 0;
        var bits = BitConverter.DoubleToInt64Bits(nearest == 0 ? 0.0 : nearest);
        var ordered = bits < 0 ? ~(ulong)bits : (ulong)bits | (1UL << 63);
        WriteByte(output, NumberTag);
        BinaryPrimitives.WriteUInt64BigEndian(output.GetSpan(sizeof(ulong)), ordered);
        output.Advance(sizeof(ulong));
        BinaryPrimitives.WriteUInt16BigEndian(output.GetSpan(sizeof(ushort)), (ushort)(residue + ResidueMiddle));
        output.Advance(sizeof(ushort));
    }

    private static void WriteByte(ArrayBufferWriter<byte> output, byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }
}
