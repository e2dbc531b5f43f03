using Exapyte.Operations;

namespace Exapyte.Keyspaces;

/// <summary>What the settings of range keyspaces must be, and what goes with them only.</summary>
public static class RangeRules
{
    /// <summary>Why <c>shards</c> is refused for a range keyspace.</summary>
    public const string ShardsRefused =
        "shards does not go with distribution range: it is created with one shard more than splitKeys has keys.";

    private const int SplitKeysMax = Limits.ShardsMax - 1;
    private const long SplitBytesMin = 64 << 10;

    internal static void Add(List<string> reasons, KeyspaceSettings settings)
    {
        if (settings.Distribution != DistributionKind.Range)
        {
            if (settings.SplitKeys is not null)
            {
                reasons.Add("splitKeys goes with distribution range only.");
            }
            if (settings.SplitBytes is not null)
            {
                reasons.Add("splitBytes goes with distribution range only.");
            }
            return;
        }
        if (settings.Shards != KeyspaceSettings.ShardsDefault)
        {
            reasons.Add(ShardsRefused);
        }
        if (settings.PartitionDelimiter is not null)
        {
            reasons.Add(
                "partitionDelimiter does not go with distribution range: keys that follow each other share a shard."
            );
        }
        if (settings.SplitBytes is { } bytes)
        {
            KeyspaceRules.Within(reasons, "splitBytes", bytes, SplitBytesMin, Limits.QuotaMax);
        }
        AddSplitKeyReasons(reasons, settings.SplitKeys?.Keys ?? []);
    }

    private static void AddSplitKeyReasons(List<string> reasons, byte[][] keys)
    {
        if (keys.Length > SplitKeysMax)
        {
            reasons.Add($"splitKeys must be at most {SplitKeysMax} keys, not {keys.Length}.");
        }
        var odd = Array.FindIndex(keys, key => key.Length is 0 or > Limits.KeyBytesMax);
        if (odd >= 0)
        {
            reasons.Add($"splitKeys[{odd}] must be 1 to {Limits.KeyBytesMax} bytes, not {keys[odd].Length}.");
        }
        for (var at = 1; at < keys.Length; at++)
        {
            var order = keys[at].AsSpan().SequenceCompareTo(keys[at - 1]);
            if (order <= 0)
            {
                reasons.Add(
                    order == 0
                        ? $"splitKeys must be distinct: [{at}] is the key before it again."
                        : $"splitKeys must ascend by their bytes: [{at}] is less than the key before it."
                );
                return;
            }
        }
    }
}
