namespace Exapyte.Operations;

/// <summary>
/// How a listing folds its keys: those that are alike through the first delimiter behind its prefix become one, their common
/// prefix. Immutable.
/// </summary>
/// <remarks>
/// A common prefix stands in key order where its keys stand, for between them there is no other key: it may be compared by its
/// bytes with keys that are not folded and with other common prefixes, in either direction.
/// </remarks>
/// <param name="Delimiter">The delimiter; empty: nothing is folded.</param>
/// <param name="PrefixBytes">Bytes of the listing's prefix, in which no delimiter is looked for.</param>
public readonly record struct KeyFolding(ReadOnlyMemory<byte> Delimiter, int PrefixBytes)
{
    /// <summary>Most bytes of a delimiter.</summary>
    public const int DelimiterBytesMax = 64;

    /// <summary>Whether anything is folded.</summary>
    public bool IsOn => !Delimiter.IsEmpty;

    /// <summary>Bytes of the common prefix that a key folds into, its delimiter included; 0 where it stays itself.</summary>
    public int FoldedBytes(ReadOnlySpan<byte> key)
    {
        if (!IsOn || key.Length <= PrefixBytes)
        {
            return 0;
        }
        var at = key[PrefixBytes..].IndexOf(Delimiter.Span);
        return at < 0 ? 0 : PrefixBytes + at + Delimiter.Length;
    }
}
