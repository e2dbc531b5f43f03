namespace Exapyte.Queries.Execution;

/// <summary>Keys from a first one to, but without, a last one. Immutable.</summary>
/// <param name="Start">First key; empty: from the beginning.</param>
/// <param name="End">First key behind; null: to the end.</param>
public readonly record struct KeyInterval(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte>? End)
{
    /// <summary>All keys.</summary>
    public static KeyInterval All => new(default, null);

    /// <summary>Whether no key lies inside.</summary>
    public bool IsEmpty => End is { } end && Start.Span.SequenceCompareTo(end.Span) >= 0;

    /// <summary>Whether one key at most lies inside.</summary>
    public bool IsSingle =>
        End is { } end
        && (IsEmpty || (end.Length == Start.Length + 1 && end.Span[^1] == 0 && end.Span.StartsWith(Start.Span)));

    /// <summary>From a key on.</summary>
    public static KeyInterval From(ReadOnlyMemory<byte> key) => new(key, null);

    /// <summary>Behind a key.</summary>
    public static KeyInterval Behind(ReadOnlyMemory<byte> key) => new(Successor(key), null);

    /// <summary>Before a key.</summary>
    public static KeyInterval Before(ReadOnlyMemory<byte> key) => new(default, key);

    /// <summary>Up to a key, with it.</summary>
    public static KeyInterval UpTo(ReadOnlyMemory<byte> key) => new(default, Successor(key));

    /// <summary>Keys that begin with a prefix.</summary>
    public static KeyInterval WithPrefix(ReadOnlyMemory<byte> prefix)
    {
        var last = prefix.Span.LastIndexOfAnyExcept((byte)255);
        if (last < 0)
        {
            return new(prefix, null);
        }
        var behind = prefix.Span[..(last + 1)].ToArray();
        behind[last]++;
        return new(prefix, behind);
    }

    /// <summary>The keys in both.</summary>
    public KeyInterval Intersect(KeyInterval other)
    {
        var start = Start.Span.SequenceCompareTo(other.Start.Span) >= 0 ? Start : other.Start;
        var end =
            End is not { } mine ? other.End
            : other.End is not { } theirs ? End
            : mine.Span.SequenceCompareTo(theirs.Span) <= 0 ? End
            : other.End;
        return new(start, end);
    }

    private static byte[] Successor(ReadOnlyMemory<byte> key)
    {
        var next = new byte[key.Length + 1];
        key.Span.CopyTo(next);
        return next;
    }
}
