using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Exapyte.Gateway.Routing;
using Exapyte.Keyspaces;

namespace Exapyte.Gateway.Control;

/// <summary>
/// Split keys as JSON has them: <c>splitKeys</c>, a list of texts, or <c>splitKeys64</c>, the same in base64url. They are written
/// as text where all of them are.
/// </summary>
internal static class SplitKeysReader
{
    /// <summary>Reads a list; null for null, for an empty one, and where it is none, which is among the reasons then.</summary>
    public static SplitKeys? Read(string name, JsonElement value, bool isText, List<string> reasons)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        if (value.ValueKind != JsonValueKind.Array)
        {
            reasons.Add($"{name} must be a list of keys, or null, not {SettingsReader.Shown(value)}.");
            return null;
        }
        List<byte[]> keys = [];
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.String)
            {
                reasons.Add($"{name}[{keys.Count}] must be text, not {SettingsReader.Shown(item)}.");
                return null;
            }
            var text = item.GetString()!;
            if (isText)
            {
                keys.Add(Encoding.UTF8.GetBytes(text));
            }
            else if (Base64Text.TryDecode(text, out var bytes))
            {
                keys.Add(bytes);
            }
            else
            {
                reasons.Add($"{name}[{keys.Count}] must be {Base64Text.Rule}, not {SettingsReader.Shown(item)}.");
                return null;
            }
        }
        return keys.Count == 0 ? null : new() { Keys = [.. keys] };
    }

    /// <summary>The keys as text, or, where one of them is none, as base64url; of the two one is null, or both.</summary>
    public static (IReadOnlyList<string>? Text, IReadOnlyList<string>? Base64) Shown(SplitKeys? split) =>
        split is null ? default
        : split.Keys.All(key => Utf8.IsValid(key)) ? ([.. split.Keys.Select(Encoding.UTF8.GetString)], null)
        : (null, [.. split.Keys.Select(key => Base64Text.Encode(key))]);

    /// <summary>A bound as text, or, where it is none, as base64url; both null where there is none.</summary>
    public static (string? Text, string? Base64) Shown(ReadOnlyMemory<byte>? bound) =>
        bound is not { IsEmpty: false } key ? default
        : Utf8.IsValid(key.Span) ? (Encoding.UTF8.GetString(key.Span), null)
        : (null, Base64Text.Encode(key.Span));
}
