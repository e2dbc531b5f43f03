namespace Exapyte.Queries.Syntax;

/// <summary>A part of an expression's text.</summary>
/// <param name="Position">First UTF-16 unit, counted from 0.</param>
/// <param name="Length">Number of UTF-16 units.</param>
public readonly record struct TextSpan(int Position, int Length)
{
    /// <summary>Position behind the last unit.</summary>
    public int End => Position + Length;

    /// <summary>From the beginning of this part to the end of another.</summary>
    public TextSpan To(TextSpan last) => new(Position, last.End - Position);
}
