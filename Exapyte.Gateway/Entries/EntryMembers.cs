using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;

namespace Exapyte.Gateway.Entries;

/// <summary>
/// The members by which JSON says what an entry is, in an item of a batch and in a line of an import:
/// <c>key | key64, value | value64 | json, contentType, ttl | expires</c>. For one object and one thread.
/// </summary>
internal abstract class EntryMembers(ExapyteGatewayOptions limits)
{
    private const string Keys = "key or key64";
    private const string Values = "value, value64 or json";

    private bool isJson;

    /// <summary>The key; null where none was named.</summary>
    protected byte[]? Key { get; private set; }

    /// <summary>The value; null where none was named.</summary>
    protected byte[]? Value { get; private set; }

    /// <summary>The media type that was named; null where none was.</summary>
    protected string? ContentType { get; private set; }

    /// <summary>Whether the value was named as JSON.</summary>
    protected bool HasJson => isJson;

    /// <summary>The media type that was named, else what the kind of the value says.</summary>
    protected string ContentTypeOrDefault => ContentType ?? (isJson ? "application/json" : "");

    /// <summary>The lifetime in milliseconds that was named; null where none was.</summary>
    protected long? TtlMs { get; private set; }

    /// <summary>When it ends, Unix milliseconds; null where no moment was named.</summary>
    protected long? ExpiresAtMs { get; private set; }

    /// <summary>Takes what is wrong, as the rest of a sentence about the object.</summary>
    protected abstract void Add(string fault);

    /// <summary>Reads a member; false where it is none of an entry's.</summary>
    protected bool TryReadMember(string name, JsonElement element)
    {
        switch (name)
        {
            case "key":
                Key = Once(Key, Utf8Text(name, element), Keys);
                return true;
            case "key64":
                Key = Once(Key, Base64(name, element), Keys);
                return true;
            case "value":
                Value = Once(Value, Utf8Text(name, element), Values);
                return true;
            case "value64":
                Value = Once(Value, Base64(name, element), Values);
                return true;
            case "json":
                Value = Once(Value, JsonMarshal.GetRawUtf8Value(element).ToArray(), Values);
                isJson = true;
                return true;
            case "contentType":
                ReadContentType(element);
                return true;
            case "ttl":
                ReadTtl(element);
                return true;
            case "expires":
                ReadExpires(element);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Judges the sizes, that there is a key, and that there is one end at most.</summary>
    protected void JudgeEntry()
    {
        if (TtlMs is not null && ExpiresAtMs is not null)
        {
            Add("takes expires or ttl, not both.");
        }
        if (Key is null)
        {
            Add($"needs {Keys}.");
        }
        else if (Key.Length == 0 || Key.Length > limits.KeyBytesMax)
        {
            Add($"key is {Key.Length} bytes long; a key is 1 to {limits.KeyBytesMax}.");
        }
        if (Value?.Length > limits.ValueBytesMax)
        {
            Add($"value is {Value.Length} bytes long, more than {limits.ValueBytesMax}.");
        }
    }

    private void ReadContentType(JsonElement element)
    {
        ContentType = element.ValueKind == JsonValueKind.String ? element.GetString() : null;
        if (ContentType is null || !EntryRequest.IsContentType(ContentType))
        {
            Add($"contentType must be text of printable ASCII, at most {Limits.ContentTypeCharsMax} characters.");
        }
    }

    private void ReadTtl(JsonElement element)
    {
        var text = element.ValueKind switch
        {
            JsonValueKind.String when element.ValueEquals(EntryRequest.Never) => EntryRequest.Never,
            JsonValueKind.Number => element.GetRawText(),
            _ => "",
        };
        if (!EntryRequest.TryReadTtl(text, out var read))
        {
            Add($"ttl must be {EntryRequest.TtlRule}.");
        }
        TtlMs = read;
    }

    private void ReadExpires(JsonElement element)
    {
        if (
            element.ValueKind != JsonValueKind.String
            || !EntryRequest.TryReadExpires(element.GetString()!, out var expiresAtMs)
        )
        {
            Add($"expires must be {EntryRequest.ExpiresRule}.");
            return;
        }
        ExpiresAtMs = expiresAtMs;
    }

    private byte[] Utf8Text(string name, JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String)
        {
            return Encoding.UTF8.GetBytes(element.GetString()!);
        }
        Add($"{name} must be text; other bytes go into {name}64.");
        return [];
    }

    private byte[] Base64(string name, JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.String && Base64Text.TryDecode(element.GetString(), out var bytes))
        {
            return bytes;
        }
        Add($"{name} must be {Base64Text.Rule}.");
        return [];
    }

    private byte[] Once(byte[]? before, byte[] bytes, string names)
    {
        if (before is not null)
        {
            Add($"takes one of {names}.");
        }
        return bytes;
    }
}
