using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>How an entry is read. Immutable.</summary>
public sealed record ReadOptions
{
    /// <summary>How strongly it is answered; by default as the keyspace says.</summary>
    public ConsistencyLevel Level { get; init; }

    /// <summary>For <see cref="ConsistencyLevel.Bounded"/>: the greatest acceptable age, more than zero.</summary>
    public TimeSpan? MaxStaleness { get; init; }

    /// <summary>As <see cref="CallOptions.Session"/>.</summary>
    public ClientSession? Session { get; init; }

    /// <summary>
    /// Longest time for the call with all its retries, 1 ms to 5 minutes; null:
    /// <see cref="ExapyteClientOptions.OperationTimeout"/>.
    /// </summary>
    public TimeSpan? Timeout { get; init; }
}

/// <summary>What every write may ask for. Immutable.</summary>
public abstract record WriteOptions
{
    /// <summary>Only over the entry at this version; null: whatever is there.</summary>
    public EntryVersion? IfVersion { get; init; }

    /// <summary>Only where there is an entry.</summary>
    public bool IfPresent { get; init; }

    /// <summary>How many replicas must hold it (leaderless keyspaces); by default as the keyspace says.</summary>
    public ConsistencyLevel Level { get; init; }

    /// <summary>
    /// Longest time for the call with all its retries, 1 ms to 5 minutes; null:
    /// <see cref="ExapyteClientOptions.OperationTimeout"/>.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// A name for this write, 1 to 128 characters, by which it applies once however often it is sent (raft keyspaces). Null:
    /// the client makes one for each call. Give one of your own where the write may be sent again by another process.
    /// </summary>
    public string? RequestId { get; init; }

    /// <summary>As <see cref="CallOptions.Session"/>.</summary>
    public ClientSession? Session { get; init; }

    internal virtual WriteCondition? Condition() =>
        (IfVersion, IfPresent) switch
        {
            ({ } version, false) => WriteCondition.IfVersion(version.Stamp),
            (null, true) => WriteCondition.IfPresent,
            (null, false) => null,
            _ => throw new InvalidRequestException(
                $"{nameof(IfVersion)} says more than {nameof(IfPresent)}: give one of them."
            ),
        };
}

/// <summary>How an entry is written. Immutable.</summary>
public sealed record PutOptions : WriteOptions
{
    /// <summary>Only where there is no entry.</summary>
    public bool IfAbsent { get; init; }

    /// <summary>Lifetime of the entry, more than zero; null: the keyspace's default. Rounded up to a millisecond.</summary>
    public TimeSpan? Ttl { get; init; }

    /// <summary>The moment at which the entry ends, instead of <see cref="Ttl"/>; null: as that says.</summary>
    public DateTimeOffset? Expires { get; init; }

    /// <summary>The entry stays for good, whatever the keyspace's default is.</summary>
    public bool NeverExpires { get; init; }

    /// <summary>Media type of the value, up to 255 characters; null: that of its form (JSON, text).</summary>
    public string? ContentType { get; init; }

    internal override WriteCondition? Condition()
    {
        if (!IfAbsent)
        {
            return base.Condition();
        }
        return IfVersion is null && !IfPresent
            ? WriteCondition.IfAbsent
            : throw new InvalidRequestException($"{nameof(IfAbsent)} contradicts the other condition.");
    }

    /// <summary>Lifetime in milliseconds as the wire has it, and the moment of the end.</summary>
    internal (long TtlMs, long ExpiresAtMs) Lifetime()
    {
        var given = (Ttl is null ? 0 : 1) + (Expires is null ? 0 : 1) + (NeverExpires ? 1 : 0);
        if (given > 1)
        {
            throw new InvalidRequestException(
                $"Give one of {nameof(Ttl)}, {nameof(Expires)} and {nameof(NeverExpires)}."
            );
        }
        if (Ttl is { } span)
        {
            return span <= TimeSpan.Zero
                ? throw new InvalidRequestException($"{nameof(Ttl)} must be more than zero, not {span}.")
                : ((long)Math.Ceiling(span.TotalMilliseconds), 0);
        }
        return Expires is { } end ? (0, end.ToUnixTimeMilliseconds()) : (NeverExpires ? Operation.NeverExpires : 0, 0);
    }
}

/// <summary>How an entry is removed. Immutable.</summary>
public sealed record DeleteOptions : WriteOptions;
