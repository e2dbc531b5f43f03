using System.Globalization;
using System.Numerics;

namespace Exapyte.Queries.Tests;

/// <summary>Values of the oracle: long, double, bool, string, lists, dictionaries, and what <see cref="Oracle"/> names.</summary>
internal static class OracleValues
{
    public static object NumberOf(string text) =>
        text.AsSpan().IndexOfAny(".eE") < 0
            ? (object)long.Parse(text, CultureInfo.InvariantCulture)
            : double.Parse(text, CultureInfo.InvariantCulture);

    public static bool IsNumber(object value) => value is long or double;

    /// <summary>A number as a whole one: a double is a whole number of 2^-1074.</summary>
    public static BigInteger Exact(object number)
    {
        if (number is long whole)
        {
            return (BigInteger)whole << 1_074;
        }
        var bits = BitConverter.DoubleToInt64Bits((double)number);
        var exponent = (int)((bits >> 52) & 0x7FF);
        var mantissa = bits & 0xFFFFFFFFFFFFF;
        var value = exponent == 0 ? (BigInteger)mantissa : (BigInteger)(mantissa | 0x10000000000000) << (exponent - 1);
        return bits < 0 ? -value : value;
    }

    public static object AreEqual(object left, object right)
    {
        if (left == Oracle.Unknown || right == Oracle.Unknown)
        {
            return Oracle.Unknown;
        }
        if (IsNumber(left) && IsNumber(right))
        {
            return Exact(left) == Exact(right);
        }
        switch (left, right)
        {
            case (List<object> mine, List<object> theirs):
                return mine.Count == theirs.Count
                    && mine.Zip(theirs).All(pair => AreEqual(pair.First, pair.Second) is true);
            case (Dictionary<string, object> mine, Dictionary<string, object> theirs):
                return mine.Count == theirs.Count
                    && mine.All(member =>
                        theirs.TryGetValue(member.Key, out var other) && AreEqual(member.Value, other) is true
                    );
            default:
                return Equals(left, right);
        }
    }

    public static object IsIn(object sought, object container)
    {
        if (sought == Oracle.Unknown)
        {
            return Oracle.Unknown;
        }
        switch (container)
        {
            case Dictionary<string, object> members:
                return sought is string name ? members.ContainsKey(name) : Oracle.Unknown;
            case List<object> items:
                var equal = items.Select(item => AreEqual(sought, item)).ToList();
                return equal.Contains(true) ? true
                    : equal.Contains(Oracle.Unknown) ? Oracle.Unknown
                    : false;
            default:
                return Oracle.Unknown;
        }
    }

    public static object Compute(char sign, object left, object right)
    {
        if (left is string one && right is string other)
        {
            return sign == '+' ? one + other : Oracle.Unknown;
        }
        if (!IsNumber(left) || !IsNumber(right))
        {
            return Oracle.Unknown;
        }
        if (left is long a && right is long b)
        {
            if (b == 0 && sign is '/' or '%')
            {
                return Oracle.Unknown;
            }
            var exact = sign switch
            {
                '+' => (BigInteger)a + b,
                '-' => (BigInteger)a - b,
                '*' => (BigInteger)a * b,
                '/' => BigInteger.Divide(a, b),
                _ => BigInteger.Remainder(a, b),
            };
            return exact >= long.MinValue && exact <= long.MaxValue ? (long)exact : Oracle.Unknown;
        }
        var (x, y) = (
            Convert.ToDouble(left, CultureInfo.InvariantCulture),
            Convert.ToDouble(right, CultureInfo.InvariantCulture)
        );
        if (sign == '%' || (sign == '/' && y == 0))
        {
            return Oracle.Unknown;
        }
        var rounded = sign switch
        {
            '+' => x + y,
            '-' => x - y,
            '*' => x * y,
            _ => x / y,
        };
        return double.IsFinite(rounded) ? rounded : Oracle.Unknown;
    }
}
