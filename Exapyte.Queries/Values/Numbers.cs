namespace Exapyte.Queries.Values;

/// <summary>
/// Arithmetic and comparison of numbers. Ints and doubles compare as the numbers they are, without rounding; whatever does
/// not fit its type has no value.
/// </summary>
internal static class Numbers
{
    private const double TwoTo63 = 9_223_372_036_854_775_808d;

    /// <summary>Compares two numbers exactly.</summary>
    public static int Compare(in Value left, in Value right) =>
        (left.Kind, right.Kind) switch
        {
            (ValueKind.Int, ValueKind.Int) => left.Int.CompareTo(right.Int),
            (ValueKind.Int, _) => Compare(left.Int, right.Double),
            (_, ValueKind.Int) => -Compare(right.Int, left.Double),
            _ => left.Double < right.Double ? -1
            : left.Double > right.Double ? 1
            : 0,
        };

    /// <summary>The whole number that a double is; null where it is none of 64 bits.</summary>
    public static long? AsInt(double number) =>
        number >= -TwoTo63 && number < TwoTo63 && Math.Floor(number) == number ? (long)number : null;

    /// <summary>The sum; of numbers only.</summary>
    public static Value Add(in Value left, in Value right)
    {
        if (left.Kind != ValueKind.Int || right.Kind != ValueKind.Int)
        {
            return Value.Of(left.AsDouble + right.AsDouble);
        }
        var sum = unchecked(left.Int + right.Int);
        var overflows = ((left.Int ^ sum) & (right.Int ^ sum)) < 0;
        return overflows ? Value.Unknown : Value.Of(sum);
    }

    /// <summary>The difference; of numbers only.</summary>
    public static Value Subtract(in Value left, in Value right)
    {
        if (left.Kind != ValueKind.Int || right.Kind != ValueKind.Int)
        {
            return Value.Of(left.AsDouble - right.AsDouble);
        }
        var difference = unchecked(left.Int - right.Int);
        var overflows = ((left.Int ^ right.Int) & (left.Int ^ difference)) < 0;
        return overflows ? Value.Unknown : Value.Of(difference);
    }

    /// <summary>The product; of numbers only.</summary>
    public static Value Multiply(in Value left, in Value right)
    {
        if (left.Kind != ValueKind.Int || right.Kind != ValueKind.Int)
        {
            return Value.Of(left.AsDouble * right.AsDouble);
        }
        var high = Math.BigMul(left.Int, right.Int, out var product);
        return high == product >> 63 ? Value.Of(product) : Value.Unknown;
    }

    /// <summary>The quotient, cut towards zero between ints; of numbers only. By zero it has no value.</summary>
    public static Value Divide(in Value left, in Value right)
    {
        if (left.Kind != ValueKind.Int || right.Kind != ValueKind.Int)
        {
            return right.AsDouble == 0 ? Value.Unknown : Value.Of(left.AsDouble / right.AsDouble);
        }
        return right.Int == 0 || (left.Int == long.MinValue && right.Int == -1)
            ? Value.Unknown
            : Value.Of(left.Int / right.Int);
    }

    /// <summary>What is left of an int division, with the dividend's sign. Of doubles, and by zero, it has no value.</summary>
    public static Value Remainder(in Value left, in Value right)
    {
        if (left.Kind != ValueKind.Int || right.Kind != ValueKind.Int || right.Int == 0)
        {
            return Value.Unknown;
        }
        // The processor traps on the smallest int by -1, whose remainder is plainly 0.
        return right.Int == -1 ? Value.Of(0L) : Value.Of(left.Int % right.Int);
    }

    /// <summary>The opposite number.</summary>
    public static Value Negate(in Value number) =>
        number.Kind == ValueKind.Double ? Value.Of(-number.Double)
        : number.Int == long.MinValue ? Value.Unknown
        : Value.Of(-number.Int);

    private static int Compare(long whole, double number)
    {
        if (number >= TwoTo63)
        {
            return -1;
        }
        if (number < -TwoTo63)
        {
            return 1;
        }
        var truncated = (long)number;
        if (whole != truncated)
        {
            return whole < truncated ? -1 : 1;
        }
        var fraction = number - truncated;
        return fraction > 0 ? -1
            : fraction < 0 ? 1
            : 0;
    }
}
