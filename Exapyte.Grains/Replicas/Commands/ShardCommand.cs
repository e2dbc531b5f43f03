using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>One write inside a <see cref="ShardCommand"/>.</summary>
internal readonly struct CommandWrite
{
    /// <summary>Put or delete.</summary>
    public required OperationKind Kind { get; init; }

    public required ReadOnlyMemory<byte> Key { get; init; }

    public ReadOnlyMemory<byte> Value { get; init; }

    public string ContentType { get; init; }

    /// <summary>Lifetime in milliseconds from the command's stamp; 0: it stays, or <see cref="ExpiresAtMs"/> says.</summary>
    public long TtlMs { get; init; }

    /// <summary>The moment at which it ends, Unix milliseconds; 0: <see cref="TtlMs"/> says.</summary>
    public long ExpiresAtMs { get; init; }

    public WriteCondition? Condition { get; init; }

    public string? RequestId { get; init; }

    /// <summary>What the whole request is; none in commands of versions that did not tell.</summary>
    public RequestFingerprint Fingerprint { get; init; }

    /// <summary>See <see cref="Operation.Position"/>.</summary>
    public int Position { get; init; }

    /// <summary>Whether its request is known as a whole.</summary>
    public bool IsNamed => RequestId is not null && !Fingerprint.IsNone;

    /// <summary>When the entry ends if it is put at <paramref name="stampMs"/>, Unix milliseconds; 0: it stays.</summary>
    public long ExpiresMs(long stampMs) => Lifetimes.ExpiresMs(stampMs, TtlMs, ExpiresAtMs);
}

/// <summary>
/// What one entry of a Raft log says: writes that apply together at one stamp. The leader stamps it, with a time that
/// never decreases; whoever applies it judges expiry by that stamp alone, so that replicas never differ.
/// </summary>
internal sealed class ShardCommand
{
    /// <summary>The leader's time, Unix milliseconds.</summary>
    public required long StampMs { get; init; }

    /// <summary>All or none.</summary>
    public required bool Atomic { get; init; }

    /// <summary>For how long request ids are remembered, in milliseconds before the stamp.</summary>
    public required long RequestIdWindowMs { get; init; }

    public required CommandWrite[] Writes { get; init; }

    /// <summary>
    /// What the shard may hold once a put is done; null: as much as it likes, and nobody counts. The leader takes it from the
    /// keyspace's quota and what the other shards hold, so that each replica judges by the same.
    /// </summary>
    public Usage? Limits { get; init; }

    /// <summary>
    /// Not null: the command changes nothing, and marks the place in the log whose state all members compare, under this id.
    /// </summary>
    public ulong? ScrubId { get; init; }
}
