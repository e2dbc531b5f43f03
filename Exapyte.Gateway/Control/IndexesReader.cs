using System.Text.Json;
using Exapyte.Keyspaces;

namespace Exapyte.Gateway.Control;

/// <summary>Reads the setting <c>indexes</c>: a list of objects with a name and paths.</summary>
internal static class IndexesReader
{
    private const string Example = "[{\"name\":\"by-city\",\"paths\":[\"doc.city\"]}]";

    /// <summary>Reads the setting; null where there is none, or what stands there is wrong.</summary>
    public static KeyspaceIndexes? Read(JsonElement value, List<string> reasons)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        if (value.ValueKind != JsonValueKind.Array)
        {
            reasons.Add($"indexes must be a list such as {Example}, or null, not {SettingsReader.Shown(value)}.");
            return null;
        }
        var before = reasons.Count;
        KeyspaceIndex[] items =
        [
            .. value.EnumerateArray().Select((item, at) => ReadIndex($"indexes[{at}]", item, reasons)),
        ];
        return reasons.Count == before ? new() { Items = items } : null;
    }

    private static KeyspaceIndex ReadIndex(string at, JsonElement value, List<string> reasons)
    {
        string? name = null;
        string[]? paths = null;
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in value.EnumerateObject())
            {
                switch (member.Name)
                {
                    case "name" when member.Value.ValueKind == JsonValueKind.String:
                        name = member.Value.GetString();
                        break;
                    case "paths" when IsTexts(member.Value):
                        paths = [.. member.Value.EnumerateArray().Select(path => path.GetString()!)];
                        break;
                    case "name" or "paths":
                        break;
                    default:
                        reasons.Add($"'{at}.{member.Name}' is not known; an index has name and paths.");
                        break;
                }
            }
        }
        if (name is null || paths is null)
        {
            reasons.Add($"{at} must be an object with name, a text, and paths, a list of texts, as in {Example}.");
        }
        return new() { Name = name ?? "", Paths = paths ?? [] };
    }

    private static bool IsTexts(JsonElement value) =>
        value.ValueKind == JsonValueKind.Array
        && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String);
}
