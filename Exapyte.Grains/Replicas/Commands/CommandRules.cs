using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>What a keyspace's settings say about its commands. The leader resolves them, once, when it proposes.</summary>
internal readonly record struct CommandRules(long DefaultTtlMs, long RequestIdWindowMs)
{
    public static CommandRules Of(KeyspaceSettings settings) =>
        new(settings.DefaultTtlSeconds.GetValueOrDefault() * 1_000, settings.IdempotencyWindowSeconds * 1_000L);

    /// <summary>Lifetime of a put in milliseconds; 0: it stays.</summary>
    public long TtlMsOf(Operation operation) =>
        operation.TtlMs switch
        {
            0 => DefaultTtlMs,
            Operation.NeverExpires => 0,
            var ttlMs => ttlMs,
        };
}
