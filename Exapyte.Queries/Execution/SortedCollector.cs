using System.Buffers;
using Exapyte.Queries.Evaluation;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Execution;

/// <summary>
/// Rows in an order of their own: the first ones behind the page before, as many as the page takes. All entries must be
/// seen, but only a page of rows is kept: the last one goes whenever there are too many.
/// </summary>
internal sealed class SortedCollector<TItem> : RowCollector<TItem>
{
    private readonly PriorityQueue<SortedRow, SortedRow> kept;
    private readonly Comparison<SortedRow> order;
    private readonly SortedRow? after;
    private long bytes;
    private bool hasMore;

    public SortedCollector(QueryPlan plan, ReadOnlyMemory<byte> after)
        : base(plan)
    {
        order = Compare;
        kept = new(Comparer<SortedRow>.Create((left, right) => order(right, left)));
        if (!after.IsEmpty)
        {
            this.after = ReadEnd(after.Span);
        }
    }

    public override void Add(EvaluationContext context, TItem item)
    {
        var sort = new Value[Plan.OrderBy.Count];
        for (var i = 0; i < sort.Length; i++)
        {
            sort[i] = Plan.OrderBy[i].By.Evaluate(context);
        }
        var candidate = new SortedRow(sort, context.Entry.Key, default, 0);
        if (after is not null && Compare(candidate, after) <= 0)
        {
            return;
        }
        var isFull = kept.Count >= Plan.Query.RowsMax || bytes >= QueryLimits.PageBytesMax;
        if (isFull && Compare(candidate, kept.Peek()) > 0)
        {
            hasMore = true;
            return;
        }
        var (row, size) = RowOf(context, item);
        var sortBytes = 0;
        for (var i = 0; i < sort.Length; i++)
        {
            sort[i] = sort[i].Detached();
            sortBytes += sort[i].Bytes.Length;
        }
        candidate = candidate with { Row = row, Bytes = size + sortBytes };
        kept.Enqueue(candidate, candidate);
        bytes += candidate.Bytes;
        while (
            kept.Count > 1 && (kept.Count > Plan.Query.RowsMax || bytes - kept.Peek().Bytes >= QueryLimits.PageBytesMax)
        )
        {
            bytes -= kept.Dequeue().Bytes;
            hasMore = true;
        }
    }

    public override QueryResult<TItem> Finish(bool isWhole)
    {
        var rows = new QueryRow<TItem>[kept.Count];
        var last = kept.Count > 0 ? kept.Peek() : null;
        for (var at = rows.Length - 1; at >= 0; at--)
        {
            rows[at] = kept.Dequeue().Row;
        }
        return new(rows, hasMore && last is not null ? WriteEnd(last) : default);
    }

    private int Compare(SortedRow left, SortedRow right)
    {
        for (var i = 0; i < left.Sort.Length; i++)
        {
            var (mine, theirs) = (left.Sort[i], right.Sort[i]);
            var byValue = Comparing.OrderOfAll(mine, theirs);
            if (byValue != 0)
            {
                // What has no value stands last in both directions.
                return Plan.OrderBy[i].Descending && !mine.IsUnknown && !theirs.IsUnknown ? -byValue : byValue;
            }
        }
        return left.Key.Span.SequenceCompareTo(right.Key.Span);
    }

    private static ReadOnlyMemory<byte> WriteEnd(SortedRow last)
    {
        ArrayBufferWriter<byte> end = new();
        foreach (var value in last.Sort)
        {
            // Lists and objects have no order among themselves: that it is one says all.
            ValueCodec.Write(
                end,
                value.Kind == ValueKind.Object || value.Kind == ValueKind.List ? Value.OfList([]) : value
            );
        }
        ValueCodec.WriteBytes(end, last.Key.Span);
        return end.WrittenCount <= QueryLimits.PositionBytesMax
            ? end.WrittenMemory
            : throw new QueryTooLargeException(
                "The rows are ordered by values too long to go on behind them. Order by something shorter, or raise limit "
                    + "so that one page holds all."
            );
    }

    private SortedRow ReadEnd(ReadOnlySpan<byte> end)
    {
        var sort = new Value[Plan.OrderBy.Count];
        for (var i = 0; i < sort.Length; i++)
        {
            if (!ValueCodec.TryRead(ref end, out sort[i]))
            {
                throw new FormatException("The place where the page ended lacks a sort value.");
            }
        }
        return ValueCodec.TryReadBytes(ref end, out var key) && end.IsEmpty
            ? new(sort, key.ToArray(), default, 0)
            : throw new FormatException("The place where the page ended has no key.");
    }

    private sealed record SortedRow(Value[] Sort, ReadOnlyMemory<byte> Key, QueryRow<TItem> Row, int Bytes);
}
