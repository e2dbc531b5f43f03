using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Exapyte.Gateway.Entries;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;

namespace Exapyte.Gateway.Batches;

/// <summary>
/// Reads one item of a batch: <c>{op, key | key64, value | value64 | json, contentType, ttl, ifVersion, ifAbsent,
/// consistency}</c>. What is wrong goes to the batch's reasons, with the item's position.
/// </summary>
internal sealed class BatchItemReader(int position, ExapyteGatewayOptions limits, List<string> reasons)
{
    private const string Members =
        "op, key, key64, value, value64, json, contentType, ttl, ifVersion, ifAbsent and consistency";

    private readonly int reasonsBefore = reasons.Count;
    private OperationKind? kind;
    private byte[]? key;
    private byte[]? value;
    private bool isJson;
    private string? contentType;
    private long? ttlMs;
    private WriteCondition? ifVersion;
    private bool ifAbsent;

    /// <summary>The operation; null where the item is refused.</summary>
    public Operation? Read(JsonElement item, string? requestId, ConsistencyRequest level)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            Add("must be an object.");
            return null;
        }
        foreach (var member in item.EnumerateObject())
        {
            if (member.Name == "consistency")
            {
                level = Level($"items[{position}].consistency", member.Value, level, reasons);
            }
            else
            {
                ReadMember(member.Name, member.Value);
            }
        }
        Judge();
        if (reasons.Count > reasonsBefore)
        {
            return null;
        }
        var isWrite = kind >= OperationKind.Put;
        return new()
        {
            Kind = kind!.Value,
            Key = key,
            Value = value,
            ContentType = contentType ?? (isJson ? "application/json" : ""),
            TtlMs = ttlMs ?? 0,
            Condition = ifAbsent ? WriteCondition.IfAbsent : ifVersion,
            RequestId = isWrite && requestId is not null ? RequestIdOf(requestId, position) : null,
            Level = level.Level,
            MaxStalenessMs = level.MaxStalenessMs,
        };
    }

    /// <summary>The request id of a batch's item.</summary>
    public static string RequestIdOf(string requestId, int position) =>
        string.Create(CultureInfo.InvariantCulture, $"{requestId}#{position}");

    /// <summary>Reads a flag.</summary>
    public static bool Flag(string name, JsonElement value, List<string> reasons)
    {
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
        {
            reasons.Add($"{name} must be true or false.");
        }
        return value.ValueKind == JsonValueKind.True;
    }

    /// <summary>Reads a consistency level; bounded keeps the staleness that the header named.</summary>
    public static ConsistencyRequest Level(
        string name,
        JsonElement value,
        ConsistencyRequest inherited,
        List<string> reasons
    )
    {
        if (value.ValueKind != JsonValueKind.String || !Levels.TryParse(value.GetString(), out var level))
        {
            reasons.Add($"{name} must be {Levels.Names}.");
            return inherited;
        }
        if (level == ConsistencyLevel.Bounded && inherited.MaxStalenessMs == 0)
        {
            reasons.Add(
                $"{name} bounded needs the headers {Headers.Consistency}: bounded and {Headers.MaxStaleness} on the batch."
            );
        }
        return new(level, level == ConsistencyLevel.Bounded ? inherited.MaxStalenessMs : 0);
    }

    private void ReadMember(string name, JsonElement element)
    {
        switch (name)
        {
            case "op":
                ReadKind(element);
                break;
            case "key":
                Once(ref key, Utf8Text(name, element), "key or key64");
                break;
            case "key64":
                Once(ref key, Base64(name, element), "key or key64");
                break;
            case "value":
                Once(ref value, Utf8Text(name, element), "value, value64 or json");
                break;
            case "value64":
                Once(ref value, Base64(name, element), "value, value64 or json");
                break;
            case "json":
                Once(ref value, JsonMarshal.GetRawUtf8Value(element).ToArray(), "value, value64 or json");
                isJson = true;
                break;
            case "contentType":
                ReadContentType(element);
                break;
            case "ttl":
                ReadTtl(element);
                break;
            case "ifVersion":
                ReadVersion(element);
                break;
            case "ifAbsent":
                ifAbsent = Flag($"items[{position}].ifAbsent", element, reasons);
                break;
            default:
                Add($"has '{name}', which is not known; an item has {Members}.");
                break;
        }
    }

    private void ReadKind(JsonElement element)
    {
        kind =
            element.ValueKind != JsonValueKind.String ? null
            : element.ValueEquals("get"u8) ? OperationKind.Get
            : element.ValueEquals("head"u8) ? OperationKind.Head
            : element.ValueEquals("put"u8) ? OperationKind.Put
            : element.ValueEquals("delete"u8) ? OperationKind.Delete
            : null;
    }

    private void ReadContentType(JsonElement element)
    {
        contentType = element.ValueKind == JsonValueKind.String ? element.GetString() : null;
        if (contentType is null || !EntryRequest.IsContentType(contentType))
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
        ttlMs = 0;
        if (EntryRequest.TryReadTtl(text, out var read))
        {
            ttlMs = read;
        }
        else
        {
            Add($"ttl must be {EntryRequest.TtlRule}.");
        }
    }

    private void ReadVersion(JsonElement element)
    {
        var text = element.ValueKind == JsonValueKind.String ? element.GetString() : null;
        if (text == "*")
        {
            ifVersion = WriteCondition.IfPresent;
        }
        else if (EntityTags.TryReadVersion(text, out var version))
        {
            ifVersion = WriteCondition.IfVersion(version);
        }
        else
        {
            Add("ifVersion must be a version as text, such as \"17\", or \"*\".");
        }
    }

    private void Judge()
    {
        if (kind is null)
        {
            Add("op must be get, head, put or delete.");
        }
        if (key is null)
        {
            Add("needs key or key64.");
        }
        else if (key.Length == 0 || key.Length > limits.KeyBytesMax)
        {
            Add($"key is {key.Length} bytes long; a key is 1 to {limits.KeyBytesMax}.");
        }
        if (value?.Length > limits.ValueBytesMax)
        {
            Add($"value is {value.Length} bytes long, more than {limits.ValueBytesMax}.");
        }
        if (kind == OperationKind.Put && value is null)
        {
            Add("needs value, value64 or json.");
        }
        if (
            kind is not null and not OperationKind.Put
            && (value is not null || contentType is not null || ttlMs is not null)
        )
        {
            Add("only a put takes a value, contentType or ttl.");
        }
        if (kind < OperationKind.Put && (ifVersion is not null || ifAbsent))
        {
            Add("only a put or delete takes ifVersion or ifAbsent.");
        }
        if (ifVersion is not null && ifAbsent)
        {
            Add("takes ifVersion or ifAbsent, not both.");
        }
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
        if (element.ValueKind != JsonValueKind.String || !Base64Text.TryDecode(element.GetString(), out var bytes))
        {
            Add($"{name} must be {Base64Text.Rule}.");
            return [];
        }
        return bytes;
    }

    private void Once(ref byte[]? target, byte[] bytes, string names)
    {
        if (target is not null)
        {
            Add($"takes one of {names}.");
        }
        target = bytes;
    }

    private void Add(string reason) => reasons.Add($"items[{position}]: {reason}");
}
