using System.Text;
using System.Text.Json;
using Exapyte.Gateway.Entries;
using Exapyte.Gateway.Http;
using Exapyte.Operations;

namespace Exapyte.Gateway.Batches;

/// <summary>
/// Reads one item of a batch: <c>{op, key | key64, value | value64 | json | by, contentType, ttl | expires, ifVersion,
/// ifAbsent, consistency}</c>. What is wrong goes to the batch's reasons, with the item's position.
/// </summary>
internal sealed class BatchItemReader(int position, ExapyteGatewayOptions limits, List<string> reasons)
    : EntryMembers(limits)
{
    private const string Members =
        "op, key, key64, value, value64, json, by, contentType, ttl, expires, ifVersion, ifAbsent and consistency";

    private readonly int reasonsBefore = reasons.Count;
    private OperationKind? kind;
    private WriteCondition? ifVersion;
    private bool ifAbsent;
    private long? by;

    /// <summary>The operation; null where the item is refused.</summary>
    public Operation? Read(JsonElement item, string? requestId, ConsistencyRequest level)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            Add("must be an object.");
            return null;
        }
        var isOwnLevel = false;
        foreach (var member in item.EnumerateObject())
        {
            if (member.Name == "consistency")
            {
                isOwnLevel = true;
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
        if (isWrite && !isOwnLevel && level.Level == ConsistencyLevel.Session)
        {
            // The batch's level is then its reads': a write has no such, and is part of the session all the same.
            level = default;
        }
        return new()
        {
            Kind = kind!.Value,
            Key = Key,
            Value = kind == OperationKind.Increment ? Encoding.ASCII.GetBytes($"{by ?? 1}") : Value,
            ContentType = kind == OperationKind.Put ? ContentTypeOrDefault : "",
            TtlMs = TtlMs ?? 0,
            ExpiresAtMs = ExpiresAtMs ?? 0,
            Condition = ifAbsent ? WriteCondition.IfAbsent : ifVersion,
            RequestId = isWrite ? requestId : null,
            Level = level.Level,
            MaxStalenessMs = level.MaxStalenessMs,
        };
    }

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
            case "ifVersion":
                ReadVersion(element);
                break;
            case "ifAbsent":
                ifAbsent = Flag($"items[{position}].ifAbsent", element, reasons);
                break;
            case "by":
                by = element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var amount) ? amount : null;
                if (by is null)
                {
                    Add("by must be a whole number of 64 bits.");
                }
                break;
            default:
                if (!TryReadMember(name, element))
                {
                    Add($"has '{name}', which is not known; an item has {Members}.");
                }
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
            : element.ValueEquals("increment"u8) ? OperationKind.Increment
            : element.ValueEquals("patch"u8) ? OperationKind.Merge
            : null;
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
            Add("ifVersion must be a version as text, as an earlier answer gave it, or \"*\".");
        }
    }

    private void Judge()
    {
        if (kind is null)
        {
            Add("op must be get, head, put, delete, increment or patch.");
        }
        JudgeEntry();
        JudgeChange();
        if (kind == OperationKind.Put && Value is null)
        {
            Add("needs value, value64 or json.");
        }
        if (
            kind is OperationKind.Get or OperationKind.Head or OperationKind.Delete
            && (Value is not null || ContentType is not null || TtlMs is not null || ExpiresAtMs is not null)
        )
        {
            Add("only a put takes a value, contentType, ttl or expires.");
        }
        if (kind < OperationKind.Put && (ifVersion is not null || ifAbsent))
        {
            Add("only a write takes ifVersion or ifAbsent.");
        }
        if (ifVersion is not null && ifAbsent)
        {
            Add("takes ifVersion or ifAbsent, not both.");
        }
    }

    private void JudgeChange()
    {
        if (kind == OperationKind.Merge && !HasJson)
        {
            Add("needs json, the merge patch.");
        }
        if (kind == OperationKind.Increment && Value is not null)
        {
            Add("takes by, and no value.");
        }
        if (kind is OperationKind.Increment or OperationKind.Merge && ContentType is not null)
        {
            Add("takes no contentType: the entry keeps its own.");
        }
        if (kind is not null and not OperationKind.Increment && by is not null)
        {
            Add("only an increment takes by.");
        }
    }

    /// <inheritdoc/>
    protected override void Add(string fault) => reasons.Add($"items[{position}]: {fault}");
}
