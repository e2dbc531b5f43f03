using System.Text;
using System.Text.Json;
using Exapyte.Queries.Documents;
using Exapyte.Queries.Evaluation;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Tests;

/// <summary>Evaluates one expression over one entry.</summary>
internal static class Evaluated
{
    public static string Over(string json, string expression, string? parameters = null) =>
        With(Entry(json), expression, parameters).ToString();

    public static Value With(EntryView entry, string expression, string? parameters = null)
    {
        var compiler = new ExpressionCompiler(Parameters(parameters));
        var evaluator = compiler.Compile(expression);
        var context = compiler.NewContext();
        context.MoveTo(entry);
        return evaluator.Evaluate(context);
    }

    public static EntryView Entry(string json, string key = "k") =>
        new()
        {
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(json),
            Version = "v1",
            ContentType = "application/json",
            ModifiedMs = 1_000,
        };

    public static Dictionary<string, Value> Parameters(string? json) =>
        json is null
            ? []
            : JsonDocument
                .Parse(json)
                .RootElement.EnumerateObject()
                .ToDictionary(member => member.Name, member => ValueJson.Read(member.Value));
}
