using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>One write inside a <see cref="WriteCommand"/>.</summary>
internal readonly struct CommandWrite
{
    /// <summary>Which kind of write.</summary>
    public required OperationKind Kind { get; init; }

    public required ReadOnlyMemory<byte> Key { get; init; }

    public ReadOnlyMemory<byte> Value { get; init; }

    public string ContentType { get; init; }

    /// <summary>Lifetime in milliseconds from the command's stamp; 0: it stays, or <see cref="ExpiresAtMs"/> says.</summary>
    public long TtlMs { get; init; }

    /// <summary>The moment at which it ends, Unix milliseconds; 0: <see cref="TtlMs"/> says.</summary>
    public long ExpiresAtMs { get; init; }

    /// <summary>An entry that is there keeps its end, whatever is named: only one that is created gets it.</summary>
    public bool KeepsEnd { get; init; }

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
