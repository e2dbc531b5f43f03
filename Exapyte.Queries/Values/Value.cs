using System.Diagnostics;
using System.Text;

namespace Exapyte.Queries.Values;

/// <summary>What a value is. The order is that of <c>orderBy</c>, but for <see cref="Unknown"/>, which comes last.</summary>
public enum ValueKind : byte
{
    /// <summary>No value: a missing path, an error, an ordering between types. Absorbed by <c>&amp;&amp;</c> and <c>||</c>.</summary>
    Unknown = 0,

    /// <summary>JSON's null.</summary>
    Null = 1,

    /// <summary>true or false.</summary>
    Bool = 2,

    /// <summary>A whole number of 64 bits.</summary>
    Int = 3,

    /// <summary>A finite double.</summary>
    Double = 4,

    /// <summary>Text, as UTF-8.</summary>
    String = 5,

    /// <summary>A list: a part of a JSON text, or values.</summary>
    List = 6,

    /// <summary>An object, as JSON text.</summary>
    Object = 7,
}

/// <summary>
/// One value of an expression. Text and JSON are parts of the entry they come from and are valid as long as that is.
/// Immutable.
/// </summary>
public readonly struct Value
{
    private readonly long bits;
    private readonly ReadOnlyMemory<byte> bytes;
    private readonly Value[]? items;

    private Value(ValueKind kind, long bits = 0, ReadOnlyMemory<byte> bytes = default, Value[]? items = null)
    {
        Kind = kind;
        this.bits = bits;
        this.bytes = bytes;
        this.items = items;
    }

    /// <summary>No value.</summary>
    public static Value Unknown => default;

    /// <summary>JSON's null.</summary>
    public static Value Null => new(ValueKind.Null);

    /// <summary>true.</summary>
    public static Value True => new(ValueKind.Bool, 1);

    /// <summary>false.</summary>
    public static Value False => new(ValueKind.Bool);

    /// <summary>What it is.</summary>
    public ValueKind Kind { get; }

    /// <summary>Whether it is true: neither false, unknown nor of another type.</summary>
    public bool IsTrue => Kind == ValueKind.Bool && bits != 0;

    /// <summary>Whether it is false, and not merely not true.</summary>
    public bool IsFalse => Kind == ValueKind.Bool && bits == 0;

    /// <summary>Whether it has no value.</summary>
    public bool IsUnknown => Kind == ValueKind.Unknown;

    /// <summary>Whether it is a number.</summary>
    public bool IsNumber => Kind is ValueKind.Int or ValueKind.Double;

    /// <summary>The whole number.</summary>
    public long Int
    {
        get
        {
            Debug.Assert(Kind == ValueKind.Int);
            return bits;
        }
    }

    /// <summary>The double.</summary>
    public double Double
    {
        get
        {
            Debug.Assert(Kind == ValueKind.Double);
            return BitConverter.Int64BitsToDouble(bits);
        }
    }

    /// <summary>The number as a double; a whole number beyond 2^53 is rounded.</summary>
    public double AsDouble => Kind == ValueKind.Int ? bits : Double;

    /// <summary>The text as UTF-8, or the JSON text of a list or object that came from one.</summary>
    public ReadOnlyMemory<byte> Bytes => bytes;

    /// <summary>The text.</summary>
    public string Text => Encoding.UTF8.GetString(bytes.Span);

    /// <summary>The values of a list that did not come from a JSON text; else null.</summary>
    internal Value[]? Items => items;

    /// <summary>A bool.</summary>
    public static Value Of(bool value) => value ? True : False;

    /// <summary>A whole number.</summary>
    public static Value Of(long value) => new(ValueKind.Int, value);

    /// <summary>A double; what is not finite has no value.</summary>
    public static Value Of(double value) =>
        double.IsFinite(value) ? new(ValueKind.Double, BitConverter.DoubleToInt64Bits(value)) : Unknown;

    /// <summary>A text.</summary>
    public static Value Of(string text) => OfUtf8(Encoding.UTF8.GetBytes(text));

    /// <summary>A text in valid UTF-8.</summary>
    public static Value OfUtf8(ReadOnlyMemory<byte> text) => new(ValueKind.String, 0, text);

    /// <summary>A list of values.</summary>
    public static Value OfList(Value[] items) => new(ValueKind.List, 0, default, items);

    /// <summary>A list or an object as JSON text.</summary>
    internal static Value OfJson(ValueKind kind, ReadOnlyMemory<byte> json) => new(kind, 0, json);

    /// <summary>The same value with a copy of its bytes, so that it outlives the entry it comes from.</summary>
    internal Value Detached() => new(Kind, bits, bytes.IsEmpty ? default : bytes.ToArray(), items);

    /// <summary>Kind and content, for a person.</summary>
    public override string ToString() =>
        Kind switch
        {
            ValueKind.Unknown => "unknown",
            ValueKind.Null => "null",
            ValueKind.Bool => IsTrue ? "true" : "false",
            ValueKind.Int => Int.ToString(),
            ValueKind.Double => Double.ToString("R"),
            ValueKind.String => '"' + Text + '"',
            _ when items is not null => "[" + string.Join(", ", items) + "]",
            _ => Text,
        };
}
