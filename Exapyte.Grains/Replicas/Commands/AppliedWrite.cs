using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>What became of one write of a command, as every replica computes it alike. Its version has no origin.</summary>
internal readonly record struct AppliedWrite(OutcomeKind Kind, VersionStamp Version, bool Changed)
{
    /// <summary>Why a put beyond the quota is refused.</summary>
    public const string QuotaDetail =
        "The keyspace would hold more than its quota; nothing changed. Delete entries, or raise the quota.";

    /// <summary>When the entry that was put ends, Unix milliseconds; 0: it stays.</summary>
    public long ExpiresMs { get; init; }

    /// <summary>The number that an increment made; null for other writes.</summary>
    public long? Number { get; init; }

    /// <summary>The outcome that the writer of the command gets.</summary>
    /// <param name="life">The origin of the keyspace's versions.</param>
    /// <param name="decidedBy">See <see cref="OperationOutcome.DecidedBy"/>.</param>
    public OperationOutcome ToOutcome(ulong life, int? decidedBy = null) =>
        new()
        {
            Kind = Kind,
            Version = Version.IsNone ? Version : new(Version.Revision, life),
            Changed = Changed,
            ExpiresMs = ExpiresMs,
            Value = Number is { } number ? ValueChange.TextOf(number) : default,
            DecidedBy = decidedBy,
            Detail = Kind switch
            {
                OutcomeKind.RequestIdReused => "The request id was used before for another request. Use a new one.",
                OutcomeKind.QuotaExceeded => QuotaDetail,
                OutcomeKind.NotAnInteger =>
                    "The entry's value is not a whole number of 64 bits in decimal digits; nothing changed. Put a number first.",
                OutcomeKind.OutOfRange => "The sum would not fit into 64 bits; nothing changed.",
                OutcomeKind.NotJson => "The entry's value is not JSON; nothing changed. Put the whole value.",
                OutcomeKind.ValueTooLarge =>
                    $"The value would be larger than {Limits.ValueBytesMax} bytes; nothing changed.",
                OutcomeKind.WrongShard => "The key belongs to another shard.",
                OutcomeKind.PreconditionFailed when Version.IsNone => "The condition does not hold: there is no entry.",
                OutcomeKind.PreconditionFailed => "The condition does not hold: the entry is at another version.",
                _ => null,
            },
        };
}

/// <summary>What became of a command.</summary>
/// <param name="Writes">One outcome a write, in their order; empty for entries that write nothing.</param>
/// <param name="RefusedAt">
/// Which write of an atomic command was refused, so that none of them happened, counted from 0; <see cref="NotRefused"/>.
/// </param>
internal readonly record struct AppliedCommand(AppliedWrite[] Writes, int RefusedAt)
{
    /// <summary>No atomic command was refused.</summary>
    public const int NotRefused = -1;

    /// <summary>Whether it is an atomic command that found no room.</summary>
    public bool IsBeyondQuota => RefusedAt != NotRefused && Writes[RefusedAt].Kind == OutcomeKind.QuotaExceeded;

    public static readonly AppliedCommand Nothing = new([], NotRefused);

    /// <summary>A command that is another shard's: nothing of it happened, and each write says so.</summary>
    public static AppliedCommand Misplaced(int writes)
    {
        var outcomes = new AppliedWrite[writes];
        Array.Fill(outcomes, new(OutcomeKind.WrongShard, default, false));
        return new(outcomes, NotRefused);
    }

    /// <summary>An atomic command of which one write was refused: none of them happened, and each says so.</summary>
    public static AppliedCommand Refused(int writes, int at, in AppliedWrite why)
    {
        var outcomes = new AppliedWrite[writes];
        Array.Fill(outcomes, new(OutcomeKind.PreconditionFailed, default, false));
        outcomes[at] = why;
        return new(outcomes, at);
    }
}
