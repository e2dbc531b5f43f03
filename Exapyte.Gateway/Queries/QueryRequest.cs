using System.Text.Json;
using Exapyte.Client.Queries;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Operations;
using Exapyte.Queries;
using Exapyte.Queries.Values;

namespace Exapyte.Gateway.Queries;

/// <summary>A query's body, read and compiled.</summary>
/// <param name="Plan">What is run.</param>
/// <param name="Options">How, but for the place where the page before ended.</param>
/// <param name="Cursor">The cursor's text; null for the first page.</param>
internal sealed record QueryRequest(QueryPlan Plan, QueryOptions Options, string? Cursor)
{
    private const string Members =
        "where, params, select, orderBy, groupBy, aggregate, limit, cursor, index, allowScan, maxExamined and consistency";

    /// <summary>Reads the body; the problem where it is refused.</summary>
    public static Problem? Read(JsonDocument? document, ConsistencyRequest asked, out QueryRequest? request)
    {
        request = null;
        if (document is { RootElement.ValueKind: not JsonValueKind.Object })
        {
            return new(ProblemKinds.InvalidBody, "The body must be a JSON object; {} asks for every entry.");
        }
        List<string> reasons = [];
        var reader = new QueryReader(reasons);
        if (document is not null)
        {
            foreach (var member in document.RootElement.EnumerateObject())
            {
                reader.Read(member);
            }
        }
        if (reader.Level is { } named && asked.Level != ConsistencyLevel.Default && named != asked.Level)
        {
            reasons.Add("consistency and the request's own name different levels; give one of them.");
        }
        if (reader.Level == ConsistencyLevel.Bounded && asked.MaxStalenessMs == 0)
        {
            reasons.Add(
                $"consistency bounded needs the headers {Headers.Consistency}: bounded and {Headers.MaxStaleness} on the query."
            );
        }
        if (reasons.Count > 0)
        {
            return OutcomeProblems.WithReasons(ProblemKinds.InvalidBody, reasons);
        }
        try
        {
            request = new(
                QueryPlan.Compile(reader.Query),
                reader.Options(asked with { Level = reader.Level ?? asked.Level }),
                reader.Cursor
            );
            return null;
        }
        catch (QueryException exception)
        {
            return new(ProblemKinds.InvalidBody, $"{exception.Member}: {exception.Message}") { Expression = exception };
        }
    }

    /// <summary>Gathers the members of the body and what is wrong with them.</summary>
    private sealed class QueryReader(List<string> reasons)
    {
        private long? examinedMax;
        private bool allowScan;
        private string? index;

        public Query Query { get; private set; } = new();

        public string? Cursor { get; private set; }

        public ConsistencyLevel? Level { get; private set; }

        public QueryOptions Options(ConsistencyRequest asked) =>
            new()
            {
                Level = asked.Level,
                MaxStalenessMs = asked.MaxStalenessMs,
                AllowScan = allowScan,
                ExaminedMax = examinedMax,
                Index = index,
            };

        public void Read(JsonProperty member)
        {
            var value = member.Value;
            switch (member.Name)
            {
                case "where":
                    Query = Query with { Where = Text(member.Name, value) };
                    break;
                case "params":
                    Query = Query with { Parameters = ReadParameters(value) };
                    break;
                case "select":
                    Query = Query with { Select = Named(member.Name, value) };
                    break;
                case "aggregate":
                    Query = Query with { Aggregates = Named(member.Name, value) };
                    break;
                case "groupBy":
                    Query = Query with { GroupBy = Texts(member.Name, value) };
                    break;
                case "orderBy":
                    Query = Query with { OrderBy = ReadOrder(value) };
                    break;
                case "limit":
                    Query = Query with
                    {
                        RowsMax = (int)(Count(member.Name, value, QueryLimits.RowsMax) ?? Query.RowsMax),
                    };
                    break;
                case "maxExamined":
                    examinedMax = Count(member.Name, value, long.MaxValue);
                    break;
                case "allowScan":
                    allowScan = Flag(member.Name, value);
                    break;
                case "cursor":
                    Cursor = value.ValueKind == JsonValueKind.Null ? null : Text(member.Name, value);
                    break;
                case "index":
                    index = value.ValueKind == JsonValueKind.Null ? null : Text(member.Name, value);
                    break;
                case "consistency":
                    ReadLevel(value);
                    break;
                default:
                    reasons.Add($"'{member.Name}' is no member of a query; they are {Members}.");
                    break;
            }
        }

        private void ReadLevel(JsonElement value)
        {
            if (Text("consistency", value) is { } name)
            {
                if (Levels.TryParse(name, out var level))
                {
                    Level = level;
                }
                else
                {
                    reasons.Add($"consistency must be {Levels.Names}.");
                }
            }
        }

        private Dictionary<string, Value> ReadParameters(JsonElement value)
        {
            Dictionary<string, Value> parameters = new(StringComparer.Ordinal);
            if (value.ValueKind != JsonValueKind.Object)
            {
                reasons.Add("params must be an object of names and values.");
                return parameters;
            }
            foreach (var member in value.EnumerateObject())
            {
                var parameter = ValueJson.Read(member.Value);
                if (parameter.IsUnknown)
                {
                    reasons.Add($"params.{member.Name} is a number that fits neither 64 bits nor a double.");
                }
                parameters[member.Name] = parameter;
            }
            return parameters;
        }

        private List<NamedExpression> Named(string name, JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Object)
            {
                reasons.Add($"{name} must be an object of names and expressions.");
                return [];
            }
            return
            [
                .. value
                    .EnumerateObject()
                    .Select(member => new NamedExpression(
                        member.Name,
                        Text($"{name}.{member.Name}", member.Value) ?? "null"
                    )),
            ];
        }

        private List<string> Texts(string name, JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Array)
            {
                reasons.Add($"{name} must be a list of expressions.");
                return [];
            }
            return [.. value.EnumerateArray().Select((item, at) => Text($"{name}[{at}]", item) ?? "null")];
        }

        private List<SortExpression> ReadOrder(JsonElement value)
        {
            if (value.ValueKind != JsonValueKind.Array)
            {
                reasons.Add("orderBy must be a list such as [{\"by\":\"doc.age\",\"descending\":true}].");
                return [];
            }
            return [.. value.EnumerateArray().Select(ReadSort)];
        }

        private SortExpression ReadSort(JsonElement item, int at)
        {
            if (item.ValueKind != JsonValueKind.Object || !item.TryGetProperty("by", out var by))
            {
                reasons.Add($"orderBy[{at}] must be an object with by, an expression, and perhaps descending.");
                return new("null", false);
            }
            var descending = false;
            foreach (var member in item.EnumerateObject())
            {
                if (member.Name == "descending")
                {
                    descending = Flag($"orderBy[{at}].descending", member.Value);
                }
                else if (member.Name != "by")
                {
                    reasons.Add($"orderBy[{at}] has by and descending, not '{member.Name}'.");
                }
            }
            return new(Text($"orderBy[{at}].by", by) ?? "null", descending);
        }

        private string? Text(string name, JsonElement value)
        {
            if (value.ValueKind == JsonValueKind.String)
            {
                return value.GetString();
            }
            reasons.Add($"{name} must be text.");
            return null;
        }

        private bool Flag(string name, JsonElement value)
        {
            if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
            {
                reasons.Add($"{name} must be true or false.");
            }
            return value.ValueKind == JsonValueKind.True;
        }

        private long? Count(string name, JsonElement value, long most)
        {
            if (
                value.ValueKind == JsonValueKind.Number
                && value.TryGetInt64(out var count)
                && count >= 1
                && count <= most
            )
            {
                return count;
            }
            reasons.Add(
                most == long.MaxValue ? $"{name} must be a whole number, 1 or more." : $"{name} must be 1 to {most}."
            );
            return null;
        }
    }
}
