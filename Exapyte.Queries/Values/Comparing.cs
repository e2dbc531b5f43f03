namespace Exapyte.Queries.Values;

/// <summary>Equality, ordering and membership in three values.</summary>
internal static class Comparing
{
    /// <summary>Whether two values are equal: of two types never, unknown where one is.</summary>
    public static Value AreEqual(in Value left, in Value right)
    {
        if (left.IsUnknown || right.IsUnknown)
        {
            return Value.Unknown;
        }
        if (left.IsNumber && right.IsNumber)
        {
            return Value.Of(Numbers.Compare(left, right) == 0);
        }
        return left.Kind != right.Kind
            ? Value.False
            : left.Kind switch
            {
                ValueKind.Null => Value.True,
                ValueKind.Bool => Value.Of(left.IsTrue == right.IsTrue),
                ValueKind.String => Value.Of(left.Bytes.Span.SequenceEqual(right.Bytes.Span)),
                ValueKind.List => ListsAreEqual(ValueLists.ItemsOf(left), ValueLists.ItemsOf(right)),
                _ => ObjectsAreEqual(left, right),
            };
    }

    /// <summary>
    /// Compares two values of a type that has an order; null, where the operators have no answer: other types, two types,
    /// unknown. Strings by their UTF-8 bytes, which is by code point.
    /// </summary>
    public static int? Order(in Value left, in Value right)
    {
        if (left.IsNumber && right.IsNumber)
        {
            return Numbers.Compare(left, right);
        }
        return (left.Kind, right.Kind) switch
        {
            (ValueKind.String, ValueKind.String) => left.Bytes.Span.SequenceCompareTo(right.Bytes.Span),
            (ValueKind.Bool, ValueKind.Bool) => left.IsTrue.CompareTo(right.IsTrue),
            _ => null,
        };
    }

    /// <summary>Whether a list holds the value, or an object has a member of that name.</summary>
    public static Value IsIn(in Value value, in Value container)
    {
        if (value.IsUnknown)
        {
            return Value.Unknown;
        }
        if (container.Kind == ValueKind.Object)
        {
            return value.Kind == ValueKind.String
                ? Value.Of(ValueLists.TryGetMember(container, value.Bytes.Span, out _))
                : Value.Unknown;
        }
        if (container.Kind != ValueKind.List)
        {
            return Value.Unknown;
        }
        var isUnknown = false;
        foreach (var item in ValueLists.Elements(container))
        {
            var equal = AreEqual(value, item);
            if (equal.IsTrue)
            {
                return Value.True;
            }
            isUnknown |= equal.IsUnknown;
        }
        return isUnknown ? Value.Unknown : Value.False;
    }

    /// <summary>
    /// The order of <c>orderBy</c>, <c>min</c> and <c>max</c>, in which every value has a place: null, bool, number, string,
    /// then lists and objects, which are not told apart, then unknown.
    /// </summary>
    public static int OrderOfAll(in Value left, in Value right)
    {
        var byRank = RankOf(left.Kind).CompareTo(RankOf(right.Kind));
        return byRank != 0 ? byRank : Order(left, right) ?? 0;
    }

    private static int RankOf(ValueKind kind) =>
        kind switch
        {
            ValueKind.Null => 0,
            ValueKind.Bool => 1,
            ValueKind.Int or ValueKind.Double => 2,
            ValueKind.String => 3,
            ValueKind.List or ValueKind.Object => 4,
            _ => 5,
        };

    private static Value ListsAreEqual(Value[] left, Value[] right)
    {
        if (left.Length != right.Length)
        {
            return Value.False;
        }
        var isUnknown = false;
        for (var i = 0; i < left.Length; i++)
        {
            var equal = AreEqual(left[i], right[i]);
            if (equal.IsFalse)
            {
                return Value.False;
            }
            isUnknown |= equal.IsUnknown;
        }
        return isUnknown ? Value.Unknown : Value.True;
    }

    private static Value ObjectsAreEqual(in Value left, in Value right)
    {
        var mine = ValueLists.MembersOf(left);
        var theirs = ValueLists.MembersOf(right);
        if (mine.Count != theirs.Count)
        {
            return Value.False;
        }
        var isUnknown = false;
        foreach (var (name, member) in mine)
        {
            var equal = theirs.TryGetValue(name, out var other) ? AreEqual(member, other) : Value.False;
            if (equal.IsFalse)
            {
                return Value.False;
            }
            isUnknown |= equal.IsUnknown;
        }
        return isUnknown ? Value.Unknown : Value.True;
    }
}
