using System.Buffers;
using Exapyte.Operations;

namespace Exapyte.Keyspaces;

/// <summary>What a keyspace's name and settings must be. Every check names every reason at once.</summary>
public static class KeyspaceRules
{
    /// <summary>Longest name, in characters.</summary>
    public const int NameCharsMax = 63;

    private static readonly SearchValues<char> NameChars = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyz0123456789-_."
    );

    private const int PartitionDelimiterCharsMax = 16;
    private const int IdempotencyWindowSecondsMax = 86_400;
    private const int ChangeRetentionSecondsMax = 604_800;
    private const int CacheEntriesMax = 1_000_000;
    private const int CacheTtlSecondsMax = 86_400;

    /// <summary>Whether the name is 1 to 63 of <c>a-z 0-9 - _ .</c>, with a letter or digit first.</summary>
    public static bool IsName(ReadOnlySpan<char> name) =>
        name.Length is > 0 and <= NameCharsMax
        && char.IsAsciiLetterOrDigit(name[0])
        && name.IndexOfAnyExcept(NameChars) < 0;

    /// <summary>Why <paramref name="settings"/> cannot be a keyspace's; empty where they can.</summary>
    public static IReadOnlyList<string> ReasonsAgainst(KeyspaceSettings settings)
    {
        List<string> reasons = [];
        if (!Enum.IsDefined(settings.Replication))
        {
            reasons.Add("replication must be raft, quorum or async.");
        }
        if (!Enum.IsDefined(settings.Distribution))
        {
            reasons.Add("distribution must be hash or range.");
        }
        if (!Enum.IsDefined(settings.Storage))
        {
            reasons.Add("storage must be disk or memory.");
        }
        Within(reasons, "replicas", settings.Replicas, 1, Limits.ReplicasMax);
        Within(reasons, "shards", settings.Shards, 1, Limits.ShardsMax);
        Within(reasons, "idempotencyWindowSeconds", settings.IdempotencyWindowSeconds, 1, IdempotencyWindowSecondsMax);
        Within(reasons, "changeRetentionSeconds", settings.ChangeRetentionSeconds, 0, ChangeRetentionSecondsMax);
        if (settings.DefaultTtlSeconds is { } ttl)
        {
            Within(reasons, "defaultTtlSeconds", ttl, 1, Limits.TtlMsMax / 1_000);
        }
        if (settings.PartitionDelimiter is { Length: 0 or > PartitionDelimiterCharsMax })
        {
            reasons.Add($"partitionDelimiter must be 1 to {PartitionDelimiterCharsMax} characters.");
        }
        AddQuotaReasons(reasons, settings.Quota);
        RangeRules.Add(reasons, settings);
        if (settings.Cache is { } cache)
        {
            Within(reasons, "cache.entriesMax", cache.EntriesMax, 1, CacheEntriesMax);
            Within(reasons, "cache.ttlSeconds", cache.TtlSeconds, 1, CacheTtlSecondsMax);
        }
        if (settings is { Replication: ReplicationKind.Raft, Storage: StorageKind.Memory })
        {
            reasons.Add(
                "storage memory does not go with replication raft: a member that forgets its log breaks its vote. "
                    + "Use disk, or replication quorum or async."
            );
        }
        AddQuorumReasons(reasons, settings);
        reasons.AddRange(IndexRules.ReasonsAgainst(settings));
        return reasons;
    }

    /// <summary>Why a keyspace with <paramref name="current"/> settings cannot take <paramref name="wanted"/>; empty where it can.</summary>
    public static IReadOnlyList<string> ReasonsAgainstChange(KeyspaceSettings current, KeyspaceSettings wanted)
    {
        List<string> reasons = [];
        Fixed(reasons, "replication", current.Replication, wanted.Replication);
        Fixed(reasons, "distribution", current.Distribution, wanted.Distribution);
        Fixed(reasons, "storage", current.Storage, wanted.Storage);
        Fixed(reasons, "shards", current.Shards, wanted.Shards);
        Fixed(reasons, "partitionDelimiter", current.PartitionDelimiter, wanted.PartitionDelimiter);
        Fixed(reasons, "splitKeys", current.SplitKeys, wanted.SplitKeys);
        return reasons;
    }

    private static void AddQuotaReasons(List<string> reasons, KeyspaceQuota? quota)
    {
        if (quota is { Entries: null, Bytes: null })
        {
            reasons.Add("quota must say entries, bytes or both.");
        }
        if (quota?.Entries is { } entries)
        {
            Within(reasons, "quota.entries", entries, 1, Limits.QuotaMax);
        }
        if (quota?.Bytes is { } bytes)
        {
            Within(reasons, "quota.bytes", bytes, 1, Limits.QuotaMax);
        }
    }

    private static void AddQuorumReasons(List<string> reasons, KeyspaceSettings settings)
    {
        if (settings.Replication != ReplicationKind.Quorum)
        {
            if (settings.WriteQuorum is not null || settings.ReadQuorum is not null)
            {
                reasons.Add("writeQuorum and readQuorum go with replication quorum only.");
            }
            return;
        }
        var write = settings.WriteQuorum ?? Majority(settings.Replicas);
        var read = settings.ReadQuorum ?? Majority(settings.Replicas);
        Within(reasons, "writeQuorum", write, 1, settings.Replicas);
        Within(reasons, "readQuorum", read, 1, settings.Replicas);
        if (write + read <= settings.Replicas)
        {
            reasons.Add(
                $"writeQuorum {write} + readQuorum {read} must be greater than replicas {settings.Replicas}, "
                    + "or reads could miss acknowledged writes."
            );
        }
    }

    /// <summary>How many shards a keyspace of these settings is created with.</summary>
    public static int ShardsAtCreation(KeyspaceSettings settings) =>
        settings.Distribution == DistributionKind.Range ? (settings.SplitKeys?.Keys.Length ?? 0) + 1 : settings.Shards;

    /// <summary>The smallest count of <paramref name="replicas"/> that is more than half.</summary>
    public static int Majority(int replicas) => (replicas / 2) + 1;

    internal static void Within(List<string> reasons, string name, long value, long least, long most)
    {
        if (value < least || value > most)
        {
            reasons.Add($"{name} must be {least} to {most}, not {value}.");
        }
    }

    private static void Fixed<T>(List<string> reasons, string name, T current, T wanted)
    {
        if (!EqualityComparer<T>.Default.Equals(current, wanted))
        {
            reasons.Add($"{name} is fixed at creation: it is '{current}' and cannot become '{wanted}'.");
        }
    }
}
