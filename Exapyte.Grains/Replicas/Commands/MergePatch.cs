using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// JSON merge patches (RFC 7396) over UTF-8. What a patch does not touch keeps its bytes, and members their order; new ones are
/// appended. Of members given twice the last counts.
/// </summary>
internal static class MergePatch
{
    /// <summary>How deep a document may be; a merge goes no deeper than the patch.</summary>
    private const int LevelsMax = 1_000;

    private const int PatchLevelsMax = 64;

    /// <summary>The document as the patch changes it; null where one of them is no JSON.</summary>
    /// <param name="document">The document; null: there is none.</param>
    /// <param name="patch">The patch.</param>
    public static byte[]? Apply(ReadOnlyMemory<byte>? document, ReadOnlyMemory<byte> patch)
    {
        try
        {
            using var wanted = JsonDocument.Parse(patch, new() { MaxDepth = PatchLevelsMax });
            using var present = document is { } bytes
                ? JsonDocument.Parse(bytes, new() { MaxDepth = LevelsMax })
                : null;
            var output = new ArrayBufferWriter<byte>(patch.Length + (document?.Length ?? 0));
            Write(output, present?.RootElement ?? default, wanted.RootElement);
            return output.WrittenSpan.ToArray();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // The second is what names throw that are no text.
            return null;
        }
    }

    private static void Write(ArrayBufferWriter<byte> output, JsonElement present, JsonElement patch)
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            output.Write(JsonMarshal.GetRawUtf8Value(patch));
            return;
        }
        var changes = MembersOf(patch);
        var isFirst = true;
        output.Write("{"u8);
        foreach (var member in MembersOf(present).Values)
        {
            if (!changes.Remove(member.Name, out var change))
            {
                WriteName(output, member, ref isFirst);
                output.Write(JsonMarshal.GetRawUtf8Value(member.Value));
            }
            else if (change.Value.ValueKind != JsonValueKind.Null)
            {
                WriteName(output, member, ref isFirst);
                Write(output, member.Value, change.Value);
            }
        }
        foreach (var member in changes.Values.Where(member => member.Value.ValueKind != JsonValueKind.Null))
        {
            WriteName(output, member, ref isFirst);
            Write(output, default, member.Value);
        }
        output.Write("}"u8);
    }

    /// <summary>The members of an object in their order, the last of each name; none of what is no object.</summary>
    private static OrderedDictionary<string, JsonProperty> MembersOf(JsonElement element)
    {
        OrderedDictionary<string, JsonProperty> members = new(StringComparer.Ordinal);
        if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in element.EnumerateObject())
            {
                members[member.Name] = member;
            }
        }
        return members;
    }

    private static void WriteName(ArrayBufferWriter<byte> output, JsonProperty member, ref bool isFirst)
    {
        output.Write(isFirst ? "\""u8 : ",\""u8);
        output.Write(JsonMarshal.GetRawUtf8PropertyName(member));
        output.Write("\":"u8);
        isFirst = false;
    }
}
