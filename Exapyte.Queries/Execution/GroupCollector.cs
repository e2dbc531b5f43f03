using System.Buffers;
using System.Text;
using Exapyte.Queries.Evaluation;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Execution;

/// <summary>Rows that stand for groups of entries with equal values, in the order of these. Bounded in groups and bytes.</summary>
internal sealed class GroupCollector<TItem> : RowCollector<TItem>
{
    private const long BytesMax = 64 << 20;
    private const int GroupBytes = 200;

    private readonly Dictionary<string, Group> groups = new(StringComparer.Ordinal);
    private readonly ArrayBufferWriter<byte> identity = new();
    private readonly Group? after;
    private long bytes;

    public GroupCollector(QueryPlan plan, ReadOnlyMemory<byte> after)
        : base(plan)
    {
        if (!after.IsEmpty)
        {
            this.after = ReadEnd(after.Span);
        }
        if (plan.GroupBy.Count == 0)
        {
            groups.Add("", NewGroup([], ""));
        }
    }

    public override void Add(EvaluationContext context, TItem item)
    {
        var group = GroupOf(context);
        for (var i = 0; i < group.Accumulators.Length; i++)
        {
            var operand = Plan.Aggregates[i].Operand;
            bytes += group.Accumulators[i].Add(operand is null ? Value.True : operand.Evaluate(context));
        }
        if (bytes > BytesMax || groups.Count > QueryLimits.GroupsMax)
        {
            throw new QueryTooLargeException(
                $"The query makes more groups than fit ({QueryLimits.GroupsMax} groups, {BytesMax >> 20} MiB). Narrow it with "
                    + "where, or group by fewer values."
            );
        }
    }

    public override QueryResult<TItem> Finish(bool isWhole)
    {
        List<Group> ordered = [.. groups.Values];
        if (after is not null)
        {
            ordered.RemoveAll(group => Compare(group, after) <= 0);
        }
        ordered.Sort(Compare);
        List<QueryRow<TItem>> rows = [];
        long written = 0;
        foreach (var group in ordered)
        {
            if (rows.Count >= Plan.Query.RowsMax || written >= QueryLimits.PageBytesMax)
            {
                break;
            }
            var json = JsonOf(group);
            rows.Add(new(default, json));
            written += json.Length;
        }
        return new(rows, rows.Count < ordered.Count ? WriteEnd(ordered[rows.Count - 1]) : default);
    }

    private Group GroupOf(EvaluationContext context)
    {
        if (Plan.GroupBy.Count == 0)
        {
            return groups[""];
        }
        var values = new Value[Plan.GroupBy.Count];
        identity.ResetWrittenCount();
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = Plan.GroupBy[i].Evaluate(context);
            ValueCodec.Write(identity, values[i]);
        }
        var name = Encoding.Latin1.GetString(identity.WrittenSpan);
        if (!groups.TryGetValue(name, out var group))
        {
            groups.Add(name, group = NewGroup(Array.ConvertAll(values, value => value.Detached()), name));
            bytes += GroupBytes + (4L * name.Length);
        }
        return group;
    }

    private Group NewGroup(Value[] values, string name) =>
        new(values, name, [.. Plan.Aggregates.Select(aggregate => new Accumulator(aggregate.Function))]);

    private static int Compare(Group left, Group right)
    {
        for (var i = 0; i < left.Values.Length; i++)
        {
            var byValue = Comparing.OrderOfAll(left.Values[i], right.Values[i]);
            if (byValue != 0)
            {
                return byValue;
            }
        }
        // Lists and objects have no order among themselves: any order that stays will do.
        return string.CompareOrdinal(left.Name, right.Name);
    }

    private byte[] JsonOf(Group group)
    {
        using (var writer = BeginJson())
        {
            writer.WriteStartObject();
            if (Plan.GroupBy.Count > 0)
            {
                writer.WriteStartArray("group"u8);
                foreach (var value in group.Values)
                {
                    ValueJson.Write(writer, value);
                }
                writer.WriteEndArray();
            }
            for (var i = 0; i < group.Accumulators.Length; i++)
            {
                writer.WritePropertyName(Plan.Aggregates[i].Name);
                ValueJson.Write(writer, group.Accumulators[i].Result());
            }
            writer.WriteEndObject();
        }
        return EndJson();
    }

    private static ReadOnlyMemory<byte> WriteEnd(Group last) =>
        last.Name.Length <= QueryLimits.PositionBytesMax
            ? Encoding.Latin1.GetBytes(last.Name)
            : throw new QueryTooLargeException(
                "The groups' values are too long to go on behind them. Group by something shorter, or raise limit so that one "
                    + "page holds all."
            );

    private Group ReadEnd(ReadOnlySpan<byte> end)
    {
        var name = Encoding.Latin1.GetString(end);
        var values = new Value[Plan.GroupBy.Count];
        for (var i = 0; i < values.Length; i++)
        {
            if (!ValueCodec.TryRead(ref end, out values[i]))
            {
                throw new FormatException("The place where the page ended lacks a group's value.");
            }
        }
        return end.IsEmpty
            ? new(values, name, [])
            : throw new FormatException("The place where the page ended is longer.");
    }

    private sealed record Group(Value[] Values, string Name, Accumulator[] Accumulators);
}
