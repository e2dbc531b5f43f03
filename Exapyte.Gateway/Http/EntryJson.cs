using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;

namespace Exapyte.Gateway.Http;

/// <summary>
/// Entries as JSON has them, in listings and batches. A key is <c>key</c> where it is UTF-8, else <c>key64</c>. A value
/// is <c>json</c> where its media type says JSON and it is, else <c>value</c> where it is UTF-8, else <c>value64</c>.
/// </summary>
internal static class EntryJson
{
    private static readonly SearchValues<byte> LineBreaks = SearchValues.Create("\r\n"u8);
    private static readonly JsonReaderOptions ValueOptions = new() { MaxDepth = JsonBody.LevelsMax };

    /// <summary>Writes <c>key</c> or <c>key64</c>.</summary>
    public static void WriteKey(Utf8JsonWriter writer, ReadOnlySpan<byte> key)
    {
        if (Utf8.IsValid(key))
        {
            writer.WriteString("key"u8, key);
        }
        else
        {
            writer.WriteString("key64"u8, Base64Text.Encode(key));
        }
    }

    /// <summary>Writes <c>prefix</c> or <c>prefix64</c>.</summary>
    public static void WritePrefix(Utf8JsonWriter writer, ReadOnlySpan<byte> prefix)
    {
        if (Utf8.IsValid(prefix))
        {
            writer.WriteString("prefix"u8, prefix);
        }
        else
        {
            writer.WriteString("prefix64"u8, Base64Text.Encode(prefix));
        }
    }

    /// <summary>Writes the array <c>prefixes</c>, and <c>prefixes64</c> where some are no UTF-8.</summary>
    public static void WritePrefixes(Utf8JsonWriter writer, IReadOnlyList<ReadOnlyMemory<byte>> prefixes)
    {
        writer.WriteStartArray("prefixes"u8);
        foreach (var prefix in prefixes.Where(prefix => Utf8.IsValid(prefix.Span)))
        {
            writer.WriteStringValue(prefix.Span);
        }
        writer.WriteEndArray();
        if (prefixes.All(prefix => Utf8.IsValid(prefix.Span)))
        {
            return;
        }
        writer.WriteStartArray("prefixes64"u8);
        foreach (var prefix in prefixes.Where(prefix => !Utf8.IsValid(prefix.Span)))
        {
            writer.WriteStringValue(Base64Text.Encode(prefix.Span));
        }
        writer.WriteEndArray();
    }

    /// <summary>Writes the entry's other members into an open object.</summary>
    public static void WriteEntry(Utf8JsonWriter writer, OperationOutcome entry, bool withValue)
    {
        writer.WriteString("version"u8, entry.Version.ToString());
        if (entry.ContentType.Length > 0)
        {
            writer.WriteString("contentType"u8, entry.ContentType);
        }
        if (entry.ModifiedMs > 0)
        {
            writer.WriteString("modified"u8, Timestamps.Rfc3339(entry.ModifiedMs));
        }
        if (entry.ExpiresMs > 0)
        {
            writer.WriteString("expires"u8, Timestamps.Rfc3339(entry.ExpiresMs));
        }
        writer.WriteNumber("bytes"u8, withValue ? entry.Value.Length : entry.ValueBytes);
        if (withValue)
        {
            WriteValue(writer, entry.Value.Span, entry.ContentType);
        }
    }

    /// <summary>Writes the members of what an increment made into an open object.</summary>
    public static void WriteIncremented(Utf8JsonWriter writer, OperationOutcome outcome)
    {
        writer.WritePropertyName("value"u8);
        writer.WriteRawValue(outcome.Value.Span);
        WriteWritten(writer, outcome);
    }

    /// <summary>Writes the members of what was written into an open object.</summary>
    public static void WriteWritten(Utf8JsonWriter writer, OperationOutcome outcome)
    {
        writer.WriteString("version"u8, outcome.Version.ToString());
        if (outcome.ExpiresMs > 0)
        {
            writer.WriteString("expires"u8, Timestamps.Rfc3339(outcome.ExpiresMs));
        }
    }

    private static void WriteValue(Utf8JsonWriter writer, ReadOnlySpan<byte> value, string contentType)
    {
        if (!Utf8.IsValid(value))
        {
            writer.WriteString("value64"u8, Base64Text.Encode(value));
        }
        else if (contentType.Length > 0 && JsonBody.IsJson(contentType) && IsOneJsonValue(value))
        {
            writer.WritePropertyName("json"u8);
            WriteOnOneLine(writer, value);
        }
        else
        {
            writer.WriteString("value"u8, value);
        }
    }

    private static bool IsOneJsonValue(ReadOnlySpan<byte> value)
    {
        var reader = new Utf8JsonReader(value, ValueOptions);
        try
        {
            while (reader.Read()) { }
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>
    /// Writes valid JSON as it is but for its line breaks: those stand between tokens only (a string holds them escaped),
    /// and a line of NDJSON must not hold one.
    /// </summary>
    private static void WriteOnOneLine(Utf8JsonWriter writer, ReadOnlySpan<byte> json)
    {
        if (!json.ContainsAny(LineBreaks))
        {
            writer.WriteRawValue(json, skipInputValidation: true);
            return;
        }
        var line = ArrayPool<byte>.Shared.Rent(json.Length);
        json.ReplaceAny(line, LineBreaks, (byte)' ');
        writer.WriteRawValue(line.AsSpan(0, json.Length), skipInputValidation: true);
        ArrayPool<byte>.Shared.Return(line);
    }
}
