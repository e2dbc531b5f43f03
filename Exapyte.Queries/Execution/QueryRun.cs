using System.Buffers;
using System.Text.Json;
using Exapyte.Queries.Documents;
using Exapyte.Queries.Evaluation;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Execution;

/// <summary>A row of a query's page: an entry, or the JSON of what was selected or aggregated.</summary>
/// <typeparam name="TItem">What the caller calls an entry.</typeparam>
/// <param name="Item">The entry, where the query selects nothing.</param>
/// <param name="Json">A JSON object, where it does; else empty.</param>
public readonly record struct QueryRow<TItem>(TItem? Item, ReadOnlyMemory<byte> Json);

/// <summary>A query's page.</summary>
/// <typeparam name="TItem">What the caller calls an entry.</typeparam>
/// <param name="Rows">The rows, in order.</param>
/// <param name="End">Where it ended, for the page behind it; empty where there is none.</param>
public sealed record QueryResult<TItem>(IReadOnlyList<QueryRow<TItem>> Rows, ReadOnlyMemory<byte> End);

/// <summary>
/// One page of a query under way. Entries are given to it in the order of their keys; when it is full, or they have ended,
/// it has the page. Used by one thread at a time, once.
/// </summary>
/// <typeparam name="TItem">What the caller calls an entry.</typeparam>
public sealed class QueryRun<TItem>
{
    private readonly QueryPlan plan;
    private readonly EvaluationContext context;
    private readonly RowCollector<TItem> rows;

    internal QueryRun(QueryPlan plan, EvaluationContext context, ReadOnlyMemory<byte> after)
    {
        this.plan = plan;
        this.context = context;
        rows =
            plan.Query.IsAggregate ? new GroupCollector<TItem>(plan, after)
            : plan.OrderBy.Count > 0 ? new SortedCollector<TItem>(plan, after)
            : new KeyOrderCollector<TItem>(plan, after);
    }

    /// <summary>The key behind which entries are wanted; null: all of the plan's keys.</summary>
    public ReadOnlyMemory<byte>? AfterKey => rows.AfterKey;

    /// <summary>Entries examined so far.</summary>
    public long Examined { get; private set; }

    /// <summary>Whether the page is full: more entries would change nothing.</summary>
    public bool IsFull => rows.IsFull;

    /// <summary>Takes the next entry.</summary>
    /// <exception cref="QueryTooLargeException">What must be remembered no longer fits.</exception>
    public void Add(in EntryView entry, TItem item)
    {
        Examined++;
        context.MoveTo(entry);
        if (plan.Where is null || plan.Where.Evaluate(context).IsTrue)
        {
            rows.Add(context, item);
        }
        else
        {
            rows.PassOver(entry.Key);
        }
    }

    /// <summary>The page.</summary>
    /// <param name="isWhole">Whether all entries were given, so that a page that is not full is the last.</param>
    /// <exception cref="QueryTooLargeException">Where it ends cannot be told in a bounded number of bytes.</exception>
    public QueryResult<TItem> Finish(bool isWhole) => rows.Finish(isWhole);
}

/// <summary>Gathers the rows of one page.</summary>
internal abstract class RowCollector<TItem>(QueryPlan plan)
{
    private readonly ArrayBufferWriter<byte> buffer = new();

    public virtual ReadOnlyMemory<byte>? AfterKey => null;

    public virtual bool IsFull => false;

    protected QueryPlan Plan => plan;

    /// <summary>Takes the context's entry, which matches.</summary>
    public abstract void Add(EvaluationContext context, TItem item);

    /// <summary>Hears of an entry that does not match.</summary>
    public virtual void PassOver(ReadOnlyMemory<byte> key) { }

    public abstract QueryResult<TItem> Finish(bool isWhole);

    /// <summary>The row of the context's entry, and how many bytes it is.</summary>
    protected (QueryRow<TItem> Row, int Bytes) RowOf(EvaluationContext context, TItem item)
    {
        if (plan.Select.Count == 0)
        {
            return (new(item, default), context.Entry.Key.Length + context.Entry.Value.Length);
        }
        using (var writer = BeginJson())
        {
            writer.WriteStartObject();
            foreach (var (name, expression) in plan.Select)
            {
                var value = expression.Evaluate(context);
                if (!value.IsUnknown)
                {
                    writer.WritePropertyName(name);
                    ValueJson.Write(writer, value);
                }
            }
            writer.WriteEndObject();
        }
        return (new(default, buffer.WrittenSpan.ToArray()), buffer.WrittenCount);
    }

    /// <summary>A writer of one row's JSON, which <see cref="EndJson"/> then gives.</summary>
    protected Utf8JsonWriter BeginJson()
    {
        buffer.ResetWrittenCount();
        return new(buffer, new JsonWriterOptions { SkipValidation = true });
    }

    protected byte[] EndJson() => buffer.WrittenSpan.ToArray();
}

/// <summary>Rows in the order of keys: the page ends as soon as it is full.</summary>
internal sealed class KeyOrderCollector<TItem>(QueryPlan plan, ReadOnlyMemory<byte> after) : RowCollector<TItem>(plan)
{
    private readonly List<QueryRow<TItem>> rows = [];
    private readonly ReadOnlyMemory<byte> after = after;
    private ReadOnlyMemory<byte> last = after;
    private long bytes;

    public override ReadOnlyMemory<byte>? AfterKey => after.IsEmpty ? null : after;

    public override bool IsFull => rows.Count >= Plan.Query.RowsMax || bytes >= QueryLimits.PageBytesMax;

    public override void Add(EvaluationContext context, TItem item)
    {
        var (row, size) = RowOf(context, item);
        rows.Add(row);
        bytes += size;
        last = context.Entry.Key;
    }

    public override void PassOver(ReadOnlyMemory<byte> key) => last = key;

    public override QueryResult<TItem> Finish(bool isWhole) => new(rows, isWhole ? default : last);
}
