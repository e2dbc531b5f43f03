namespace Exapyte.Storage.Stores;

/// <summary>A range of keys in the order of their unsigned bytes.</summary>
/// <param name="Start">The first key, inclusive; empty means from the beginning.</param>
/// <param name="End">The key after the last, exclusive; <see langword="null"/> means to the end.</param>
public readonly record struct KeyRange(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte>? End)
{
    /// <summary>Every key.</summary>
    public static KeyRange All => new(ReadOnlyMemory<byte>.Empty, null);

    /// <summary>Every key that begins with <paramref name="prefix"/>.</summary>
    /// <remarks>
    /// The end is the prefix plus one, as a big-endian number without its trailing 0xFF bytes: <c>a 0xFF</c> ends
    /// before <c>b</c>, and a prefix of nothing but 0xFF has no end.
    /// </remarks>
    public static KeyRange Prefix(ReadOnlySpan<byte> prefix)
    {
        byte[] start = prefix.ToArray();
        int length = prefix.Length;
        while (length > 0 && prefix[length - 1] == 0xFF)
            length--;
        if (length == 0)
            return new KeyRange(start, null);
        byte[] end = prefix[..length].ToArray();
        end[^1]++;
        return new KeyRange(start, end);
    }

    /// <summary>Whether the range holds <paramref name="key"/>.</summary>
    public bool Contains(ReadOnlySpan<byte> key) =>
        key.SequenceCompareTo(Start.Span) >= 0 && (End is not { } end || key.SequenceCompareTo(end.Span) < 0);

    /// <summary>Whether every key of <paramref name="other"/> is in the range.</summary>
    public bool Covers(KeyRange other) =>
        other.Start.Span.SequenceCompareTo(Start.Span) >= 0
        && (End is not { } end || (other.End is { } last && last.Span.SequenceCompareTo(end.Span) <= 0));

    /// <summary>The keys that are in both ranges.</summary>
    public KeyRange Within(KeyRange bounds)
    {
        ReadOnlyMemory<byte> start = Start.Span.SequenceCompareTo(bounds.Start.Span) >= 0 ? Start : bounds.Start;
        bool endsFirst = bounds.End is not { } last || (End is { } own && own.Span.SequenceCompareTo(last.Span) <= 0);
        return new KeyRange(start, endsFirst ? End : bounds.End);
    }

    /// <summary>Whether no key can be in the range.</summary>
    public bool IsEmpty => End is { } end && end.Span.SequenceCompareTo(Start.Span) <= 0;
}
