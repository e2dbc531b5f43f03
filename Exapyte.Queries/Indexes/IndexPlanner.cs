using System.Buffers;
using Exapyte.Queries.Execution;
using Exapyte.Queries.Syntax;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Indexes;

/// <summary>
/// Finds the rows of an index that a condition's entries can have. A term counts where it is one of those that must all hold and
/// is true of nothing but null, bools, numbers and strings at a path: equality, <c>in</c> a list of such, an ordering, the
/// beginning of a string. The condition is evaluated over what the rows name all the same.
/// </summary>
internal static class IndexPlanner
{
    /// <summary>Most ranges that one query reads: a longer list of values narrows by fewer paths.</summary>
    public const int RangesMax = 256;

    /// <summary>What equality with the next path is worth; an ordering is worth half.</summary>
    private const int EqualityRank = 2;

    /// <summary>How the index answers the condition; null where no term is about its first path.</summary>
    public static IndexUse? Use(Expression condition, IReadOnlyDictionary<string, Value> parameters, IndexShape index)
    {
        var terms = PathTerms.Of(condition, parameters);
        List<IReadOnlyList<Value>> equals =
        [
            [],
        ];
        var rank = 0;
        foreach (var path in index.Paths)
        {
            if (terms.EqualTo(path) is { } values && equals.Count * values.Count <= RangesMax)
            {
                equals =
                [
                    .. equals.SelectMany(known => values.Select(value => (IReadOnlyList<Value>)[.. known, value])),
                ];
                rank += EqualityRank;
                continue;
            }
            if (terms.BoundsOf(path) is { } bounds)
            {
                return new(index, Ordered(equals.Select(known => RangeOf(known, bounds))), rank + 1);
            }
            break;
        }
        return rank == 0 ? null : new(index, Ordered(equals.Select(known => RangeOf(known, null))), rank);
    }

    private static IndexRange RangeOf(IReadOnlyList<Value> equal, PathBounds? bounds)
    {
        ArrayBufferWriter<byte> output = new();
        foreach (var value in equal)
        {
            IndexKeyCodec.Write(output, value);
        }
        if (bounds is null)
        {
            var (first, behind) = Below(output.WrittenSpan.ToArray());
            return new(first, behind) { Equal = equal };
        }
        var known = output.WrittenSpan.ToArray();
        var (start, end) = (StartOf(known, bounds), EndOf(known, bounds));
        if (!bounds.StartsWith.IsUnknown)
        {
            output.ResetWrittenCount();
            output.Write(known);
            IndexKeyCodec.WriteTextStart(output, bounds.StartsWith.Bytes.Span);
            var (first, behind) = Below(output.WrittenSpan.ToArray());
            start = first.AsSpan().SequenceCompareTo(start) > 0 ? first : start;
            end = behind.AsSpan().SequenceCompareTo(end) < 0 ? behind : end;
        }
        return new(start, end)
        {
            Equal = equal,
            From = bounds.From,
            To = bounds.To,
            StartsWith = bounds.StartsWith,
        };
    }

    private static byte[] StartOf(byte[] known, PathBounds bounds)
    {
        if (bounds.From.IsUnknown)
        {
            return [.. known, bounds.Tag];
        }
        var (first, behind) = Below(Joined(known, bounds.From));
        return bounds.IsFromExclusive && !IndexKeyCodec.IsCut(bounds.From) ? behind : first;
    }

    private static byte[] EndOf(byte[] known, PathBounds bounds)
    {
        if (bounds.To.IsUnknown)
        {
            return [.. known, (byte)(bounds.Tag + 1)];
        }
        var (first, behind) = Below(Joined(known, bounds.To));
        return bounds.IsToExclusive && !IndexKeyCodec.IsCut(bounds.To) ? first : behind;
    }

    private static byte[] Joined(byte[] known, in Value value)
    {
        ArrayBufferWriter<byte> output = new();
        output.Write(known);
        IndexKeyCodec.Write(output, value);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>All rows that begin so. A row begins with a tag, and no tag is 255.</summary>
    private static (byte[] Start, byte[] End) Below(byte[] beginning) =>
        (beginning, KeyInterval.WithPrefix(beginning).End!.Value.ToArray());

    /// <summary>The ranges in order, without those that hold nothing and those that stand there already.</summary>
    private static List<IndexRange> Ordered(IEnumerable<IndexRange> ranges)
    {
        List<IndexRange> ordered =
        [
            .. ranges
                .Where(range => range.Start.Span.SequenceCompareTo(range.End.Span) < 0)
                .OrderBy(range => range.Start, Comparer<ReadOnlyMemory<byte>>.Create(Compare)),
        ];
        // Values that are cut alike have one place, and so have 1 and 1.0: ranges are equal or apart.
        for (var at = ordered.Count - 1; at > 0; at--)
        {
            if (Compare(ordered[at].Start, ordered[at - 1].Start) == 0)
            {
                ordered.RemoveAt(at);
            }
        }
        return ordered;
    }

    private static int Compare(ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right) =>
        left.Span.SequenceCompareTo(right.Span);
}
