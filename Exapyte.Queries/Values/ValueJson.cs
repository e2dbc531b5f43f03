using System.Text.Json;

namespace Exapyte.Queries.Values;

/// <summary>Values as JSON.</summary>
public static class ValueJson
{
    /// <summary>Writes a value; what has none as null.</summary>
    public static void Write(Utf8JsonWriter writer, in Value value)
    {
        switch (value.Kind)
        {
            case ValueKind.Bool:
                writer.WriteBooleanValue(value.IsTrue);
                break;
            case ValueKind.Int:
                writer.WriteNumberValue(value.Int);
                break;
            case ValueKind.Double:
                writer.WriteNumberValue(value.Double);
                break;
            case ValueKind.String:
                writer.WriteStringValue(value.Bytes.Span);
                break;
            case ValueKind.List when value.Items is { } items:
                writer.WriteStartArray();
                foreach (ref readonly var item in items.AsSpan())
                {
                    Write(writer, item);
                }
                writer.WriteEndArray();
                break;
            case ValueKind.List or ValueKind.Object:
                WriteOnOneLine(writer, value);
                break;
            default:
                writer.WriteNullValue();
                break;
        }
    }

    /// <summary>The value of a parsed JSON element, with a copy of its text.</summary>
    public static Value Read(JsonElement element)
    {
        ReadOnlyMemory<byte> json = JsonSerializer.SerializeToUtf8Bytes(element, ValueJsonContext.Default.JsonElement);
        var reader = JsonValues.ReaderOver(json.Span);
        reader.Read();
        return JsonValues.ReadFrom(ref reader, json);
    }

    /// <summary>The text as it stands in the entry but for its line breaks, which stand between tokens only.</summary>
    private static void WriteOnOneLine(Utf8JsonWriter writer, in Value value)
    {
        if (value.Bytes.Span.IndexOfAny((byte)'\r', (byte)'\n') < 0)
        {
            writer.WriteRawValue(value.Bytes.Span, skipInputValidation: true);
            return;
        }
        var line = value.Bytes.ToArray();
        line.AsSpan().Replace((byte)'\r', (byte)' ');
        line.AsSpan().Replace((byte)'\n', (byte)' ');
        writer.WriteRawValue(line, skipInputValidation: true);
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(JsonElement))]
internal sealed partial class ValueJsonContext : System.Text.Json.Serialization.JsonSerializerContext;
