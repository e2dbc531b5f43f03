using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>What a keyspace's settings say about its commands. The leader resolves them, once, when it proposes.</summary>
/// <param name="DefaultTtlMs">Lifetime of what is put without one, in milliseconds; 0: it stays.</param>
/// <param name="RequestIdWindowMs">For how long request ids are remembered, in milliseconds.</param>
/// <param name="ChangeRetentionMs">For how long changes are kept, in milliseconds; 0: none are.</param>
/// <param name="Ownership">Which keys are the shard's by its map, for a shard whose state does not say so yet; null: unknown.</param>
internal readonly record struct CommandRules(
    long DefaultTtlMs,
    long RequestIdWindowMs,
    long ChangeRetentionMs = 0,
    ShardOwnership? Ownership = null
)
{
    /// <summary>What a shard may hold; null: as much as it likes.</summary>
    public Usage? Limits { get; init; }

    /// <summary>The indexes that the shard is to have; null: no map has said so yet.</summary>
    public KeyspaceIndex[]? Indexes { get; init; }

    /// <summary>The epoch of the map that says so.</summary>
    public long MapEpoch { get; init; }

    public static CommandRules Of(KeyspaceSettings settings) =>
        new(
            settings.DefaultTtlSeconds.GetValueOrDefault() * 1_000,
            settings.IdempotencyWindowSeconds * 1_000L,
            settings.ChangeRetentionSeconds * 1_000L
        )
        {
            Limits = settings.Quota is { } quota
                ? new(quota.Entries ?? long.MaxValue, quota.Bytes ?? long.MaxValue)
                : null,
        };

    /// <summary>Those of a shard of a raft keyspace.</summary>
    public static CommandRules Of(KeyspaceMap map, long shardId) =>
        Of(map.Settings) with
        {
            Ownership = ShardOwnership.Of(map, shardId),
            Indexes = map.Settings.Indexes?.Items ?? [],
            MapEpoch = map.Epoch,
        };

    /// <summary>Lifetime of a put in milliseconds; 0: it stays.</summary>
    public long TtlMsOf(Operation operation) =>
        operation.TtlMs switch
        {
            0 => DefaultTtlMs,
            Operation.NeverExpires => 0,
            var ttlMs => ttlMs,
        };

    /// <summary>When an entry that is put at <paramref name="stampMs"/> ends, Unix milliseconds; 0: it stays.</summary>
    public long ExpiresMsOf(Operation operation, long stampMs) =>
        Lifetimes.ExpiresMs(stampMs, TtlMsOf(operation), operation.ExpiresAtMs);
}

/// <summary>When entries end.</summary>
internal static class Lifetimes
{
    /// <summary>The end of an entry, Unix milliseconds; 0: it stays.</summary>
    /// <param name="stampMs">When it is put, Unix milliseconds.</param>
    /// <param name="ttlMs">Its lifetime in milliseconds; 0: none.</param>
    /// <param name="expiresAtMs">The moment that was asked for, Unix milliseconds, which goes before a lifetime; 0: none.</param>
    public static long ExpiresMs(long stampMs, long ttlMs, long expiresAtMs) =>
        expiresAtMs != 0 ? expiresAtMs
        : ttlMs == 0 ? 0
        : stampMs + ttlMs;
}
