using Exapyte.Operations;

namespace Exapyte.Client.Scans;

/// <summary>The range that a listing walks: start inclusive, end exclusive, null for open. Immutable.</summary>
internal readonly record struct ScanBounds(ReadOnlyMemory<byte> Start, ReadOnlyMemory<byte>? End)
{
    /// <summary>Whether no key can lie in it.</summary>
    public bool IsEmpty => End is { } end && Start.Span.SequenceCompareTo(end.Span) >= 0;

    /// <summary>The range of a query: its bounds, its prefix and the place to go on from, all at once.</summary>
    public static ScanBounds Of(ScanQuery query)
    {
        var bounds = new ScanBounds(query.Start, query.End);
        if (!query.Prefix.IsEmpty)
        {
            bounds = bounds.NotBefore(query.Prefix).Before(BehindPrefix(query.Prefix));
        }
        return query.After is { } after ? bounds.Behind(after, query.Folding, query.Reverse) : bounds;
    }

    /// <summary>All keys that begin with a prefix.</summary>
    public static ScanBounds OfPrefix(ReadOnlyMemory<byte> prefix) => Of(new() { Prefix = prefix });

    /// <summary>The part of the range that lies in another one.</summary>
    public ScanBounds Within(ScanBounds other) => NotBefore(other.Start).Before(other.End);

    /// <summary>The rest of the range behind another one in the direction of the walk.</summary>
    public ScanBounds Behind(ScanBounds other, bool reverse) =>
        reverse ? Before(other.Start)
        : other.End is { } end ? NotBefore(end)
        : new(Start, Start);

    /// <summary>The rest of the range behind a key, or behind all keys that fold as it does, in the direction of the walk.</summary>
    public ScanBounds Behind(ReadOnlyMemory<byte> key, in KeyFolding folding, bool reverse)
    {
        var folded = folding.FoldedBytes(key.Span);
        return folded == 0 ? Behind(key, reverse)
            : reverse ? Before(key[..folded])
            // Behind a prefix of nothing but 255 there is no key: the range ends before it begins.
            : BehindPrefix(key[..folded]) is { } behind ? NotBefore(behind)
            : new(key, key);
    }

    /// <summary>The rest of the range behind a key in the direction of the walk.</summary>
    public ScanBounds Behind(ReadOnlyMemory<byte> key, bool reverse) =>
        reverse ? Before(key) : NotBefore(Successor(key));

    private ScanBounds NotBefore(ReadOnlyMemory<byte> key) =>
        key.Span.SequenceCompareTo(Start.Span) > 0 ? this with { Start = key } : this;

    private ScanBounds Before(ReadOnlyMemory<byte>? key) =>
        key is { } end && (End is not { } present || end.Span.SequenceCompareTo(present.Span) < 0)
            ? this with
            {
                End = end,
            }
            : this;

    /// <summary>The smallest key that is greater: one zero byte more.</summary>
    private static byte[] Successor(ReadOnlyMemory<byte> key)
    {
        var next = new byte[key.Length + 1];
        key.Span.CopyTo(next);
        return next;
    }

    /// <summary>The smallest key behind all that begin with the prefix; null where there is none (all bytes 255).</summary>
    private static ReadOnlyMemory<byte>? BehindPrefix(ReadOnlyMemory<byte> prefix)
    {
        var last = prefix.Span.LastIndexOfAnyExcept((byte)255);
        if (last < 0)
        {
            return null;
        }
        var behind = prefix.Span[..(last + 1)].ToArray();
        behind[last]++;
        return behind;
    }
}
