using System.Globalization;

namespace Exapyte.Raft;

/// <summary>Names one member of one group for ever: an id is never given to another member. 0 means none.</summary>
/// <param name="Value">The number, 0 for none.</param>
public readonly record struct MemberId(ulong Value) : IComparable<MemberId>
{
    /// <summary>No member.</summary>
    public static MemberId None => default;

    /// <summary>Whether this names no member.</summary>
    public bool IsNone => Value == 0;

    /// <inheritdoc />
    public int CompareTo(MemberId other) => Value.CompareTo(other.Value);

    /// <summary>Whether the left id sorts before the right one.</summary>
    public static bool operator <(MemberId left, MemberId right) => left.Value < right.Value;

    /// <summary>Whether the left id sorts after the right one.</summary>
    public static bool operator >(MemberId left, MemberId right) => left.Value > right.Value;

    /// <summary>Whether the left id does not sort after the right one.</summary>
    public static bool operator <=(MemberId left, MemberId right) => left.Value <= right.Value;

    /// <summary>Whether the left id does not sort before the right one.</summary>
    public static bool operator >=(MemberId left, MemberId right) => left.Value >= right.Value;

    /// <inheritdoc />
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Raft's logical clock (Raft paper, section 5.1): it only rises, and has at most one leader. 0 is before all.</summary>
/// <param name="Value">The number, 0 before the first election.</param>
public readonly record struct Term(ulong Value) : IComparable<Term>
{
    /// <summary>The term an election would start.</summary>
    public Term Next => new(checked(Value + 1));

    /// <inheritdoc />
    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    /// <summary>Whether the left term is older.</summary>
    public static bool operator <(Term left, Term right) => left.Value < right.Value;

    /// <summary>Whether the left term is newer.</summary>
    public static bool operator >(Term left, Term right) => left.Value > right.Value;

    /// <summary>Whether the left term is not newer.</summary>
    public static bool operator <=(Term left, Term right) => left.Value <= right.Value;

    /// <summary>Whether the left term is not older.</summary>
    public static bool operator >=(Term left, Term right) => left.Value >= right.Value;

    /// <inheritdoc />
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A position in the log. The first entry has index 1; 0 is the place before it.</summary>
/// <param name="Value">The number, 0 before the first entry.</param>
public readonly record struct LogIndex(ulong Value) : IComparable<LogIndex>
{
    /// <summary>The place before the first entry.</summary>
    public static LogIndex Zero => default;

    /// <summary>The index behind this one.</summary>
    public LogIndex Next => new(checked(Value + 1));

    /// <summary>The index before this one; throws <see cref="OverflowException"/> at 0.</summary>
    public LogIndex Previous => new(checked(Value - 1));

    /// <inheritdoc />
    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);

    /// <summary>The smaller of two indexes.</summary>
    public static LogIndex Min(LogIndex left, LogIndex right) => left.Value <= right.Value ? left : right;

    /// <summary>The greater of two indexes.</summary>
    public static LogIndex Max(LogIndex left, LogIndex right) => left.Value >= right.Value ? left : right;

    /// <summary>Whether the left index comes first.</summary>
    public static bool operator <(LogIndex left, LogIndex right) => left.Value < right.Value;

    /// <summary>Whether the left index comes later.</summary>
    public static bool operator >(LogIndex left, LogIndex right) => left.Value > right.Value;

    /// <summary>Whether the left index does not come later.</summary>
    public static bool operator <=(LogIndex left, LogIndex right) => left.Value <= right.Value;

    /// <summary>Whether the left index does not come first.</summary>
    public static bool operator >=(LogIndex left, LogIndex right) => left.Value >= right.Value;

    /// <inheritdoc />
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
