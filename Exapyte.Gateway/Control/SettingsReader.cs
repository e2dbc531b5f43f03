using System.Text.Json;
using Exapyte.Keyspaces;

namespace Exapyte.Gateway.Control;

/// <summary>
/// Reads a settings document. Unknown members, wrong types and values out of range are refused, all of them at once;
/// a member that is left out has its default.
/// </summary>
internal static class SettingsReader
{
    private const string Members =
        "replication, replicas, writeQuorum, readQuorum, distribution, shards, storage, defaultTtlSeconds, "
        + "partitionDelimiter, idempotencyWindowSeconds, changeRetentionSeconds, quota, splitKeys, splitKeys64, splitBytes, "
        + "indexes and cache";

    /// <summary>Reads the document; null for no body at all: every default.</summary>
    public static KeyspaceSettings Read(JsonDocument? document, List<string> reasons)
    {
        var settings = new KeyspaceSettings();
        if (document is null)
        {
            return settings;
        }
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            reasons.Add("The settings must be a JSON object; {} asks for every default.");
            return settings;
        }
        foreach (var member in document.RootElement.EnumerateObject())
        {
            settings = ReadMember(settings, member, reasons);
        }
        AddRangeReasons(document.RootElement, settings, reasons);
        reasons.AddRange(KeyspaceRules.ReasonsAgainst(settings));
        return settings;
    }

    /// <summary>What the settings do not show: that a member was named, be it with its default.</summary>
    private static void AddRangeReasons(JsonElement document, KeyspaceSettings settings, List<string> reasons)
    {
        if (document.TryGetProperty("splitKeys", out _) && document.TryGetProperty("splitKeys64", out _))
        {
            reasons.Add("splitKeys and splitKeys64 are two ways to say the same: leave one out.");
        }
        if (
            settings is { Distribution: DistributionKind.Range, Shards: KeyspaceSettings.ShardsDefault }
            && document.TryGetProperty("shards", out _)
        )
        {
            reasons.Add(RangeRules.ShardsRefused);
        }
    }

    private static KeyspaceSettings ReadMember(KeyspaceSettings settings, JsonProperty member, List<string> reasons)
    {
        var (name, value) = (member.Name, member.Value);
        switch (name)
        {
            case "replication":
                return settings with
                {
                    Replication = Kind(name, value, reasons, SettingNames.Of, settings.Replication),
                };
            case "distribution":
                return settings with
                {
                    Distribution = Kind(name, value, reasons, SettingNames.Of, settings.Distribution),
                };
            case "storage":
                return settings with { Storage = Kind(name, value, reasons, SettingNames.Of, settings.Storage) };
            case "replicas":
                return settings with { Replicas = Int32(name, value, reasons) ?? settings.Replicas };
            case "shards":
                return settings with { Shards = Int32(name, value, reasons) ?? settings.Shards };
            case "idempotencyWindowSeconds":
                return settings with
                {
                    IdempotencyWindowSeconds = Int32(name, value, reasons) ?? settings.IdempotencyWindowSeconds,
                };
            case "changeRetentionSeconds":
                return settings with
                {
                    ChangeRetentionSeconds = Int32(name, value, reasons) ?? settings.ChangeRetentionSeconds,
                };
            case "writeQuorum":
                return settings with { WriteQuorum = Int32OrNull(name, value, reasons) };
            case "readQuorum":
                return settings with { ReadQuorum = Int32OrNull(name, value, reasons) };
            case "defaultTtlSeconds":
                return settings with { DefaultTtlSeconds = NumberOrNull(name, value, reasons) };
            case "partitionDelimiter":
                return settings with { PartitionDelimiter = Text(name, value, reasons) };
            case "quota":
                return settings with { Quota = Quota(value, reasons) };
            case "splitKeys":
                return settings with { SplitKeys = SplitKeysReader.Read(name, value, isText: true, reasons) };
            case "splitKeys64":
                return settings with { SplitKeys = SplitKeysReader.Read(name, value, isText: false, reasons) };
            case "splitBytes":
                return settings with { SplitBytes = NumberOrNull(name, value, reasons) };
            case "indexes":
                return settings with { Indexes = IndexesReader.Read(value, reasons) };
            case "cache":
                return settings with { Cache = Cache(value, reasons) };
            default:
                reasons.Add($"'{name}' is no setting; the settings are {Members}.");
                return settings;
        }
    }

    private static KeyspaceQuota? Quota(JsonElement value, List<string> reasons)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        if (value.ValueKind != JsonValueKind.Object)
        {
            reasons.Add($"quota must be an object with entries, bytes or both, or null, not {Shown(value)}.");
            return null;
        }
        var quota = new KeyspaceQuota();
        foreach (var member in value.EnumerateObject())
        {
            switch (member.Name)
            {
                case "entries":
                    quota = quota with { Entries = NumberOrNull("quota.entries", member.Value, reasons) };
                    break;
                case "bytes":
                    quota = quota with { Bytes = NumberOrNull("quota.bytes", member.Value, reasons) };
                    break;
                default:
                    reasons.Add($"'quota.{member.Name}' is not known; a quota has entries and bytes.");
                    break;
            }
        }
        return quota;
    }

    private static KeyspaceCache? Cache(JsonElement value, List<string> reasons)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        if (value.ValueKind != JsonValueKind.Object)
        {
            reasons.Add($"cache must be an object with entriesMax and ttlSeconds, or null, not {Shown(value)}.");
            return null;
        }
        var cache = new KeyspaceCache();
        foreach (var member in value.EnumerateObject())
        {
            switch (member.Name)
            {
                case "entriesMax":
                    cache = cache with
                    {
                        EntriesMax = Int32("cache.entriesMax", member.Value, reasons) ?? cache.EntriesMax,
                    };
                    break;
                case "ttlSeconds":
                    cache = cache with
                    {
                        TtlSeconds = Int32("cache.ttlSeconds", member.Value, reasons) ?? cache.TtlSeconds,
                    };
                    break;
                default:
                    reasons.Add($"'cache.{member.Name}' is not known; a cache has entriesMax and ttlSeconds.");
                    break;
            }
        }
        return cache;
    }

    private static T Kind<T>(string name, JsonElement value, List<string> reasons, Func<T, string> nameOf, T otherwise)
        where T : struct, Enum
    {
        foreach (var kind in Enum.GetValues<T>())
        {
            if (value.ValueKind == JsonValueKind.String && value.ValueEquals(nameOf(kind)))
            {
                return kind;
            }
        }
        var names = string.Join(", ", Enum.GetValues<T>().Select(kind => $"\"{nameOf(kind)}\""));
        reasons.Add($"{name} must be {(names.Contains(',') ? "one of " : "")}{names}, not {Shown(value)}.");
        return otherwise;
    }

    private static int? Int32OrNull(string name, JsonElement value, List<string> reasons) =>
        value.ValueKind == JsonValueKind.Null ? null : Int32(name, value, reasons);

    /// <summary>Numbers beyond 32 bits become the nearest one within: far outside what any setting may be.</summary>
    private static int? Int32(string name, JsonElement value, List<string> reasons) =>
        Number(name, value, reasons) is { } number ? (int)Math.Clamp(number, int.MinValue, int.MaxValue) : null;

    private static long? NumberOrNull(string name, JsonElement value, List<string> reasons) =>
        value.ValueKind == JsonValueKind.Null ? null : Number(name, value, reasons);

    private static long? Number(string name, JsonElement value, List<string> reasons)
    {
        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number))
        {
            return number;
        }
        reasons.Add($"{name} must be a whole number, not {Shown(value)}.");
        return null;
    }

    private static string? Text(string name, JsonElement value, List<string> reasons)
    {
        if (value.ValueKind is JsonValueKind.String or JsonValueKind.Null)
        {
            return value.GetString();
        }
        reasons.Add($"{name} must be text, not {Shown(value)}.");
        return null;
    }

    /// <summary>A value as the reason that refuses it shows it.</summary>
    public static string Shown(JsonElement value)
    {
        const int charsMax = 40;
        var text = value.GetRawText();
        return text.Length <= charsMax ? text : value.ValueKind.ToString();
    }
}
