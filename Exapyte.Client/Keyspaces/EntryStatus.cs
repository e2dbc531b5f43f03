using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>How a call ended.</summary>
public enum EntryStatus
{
    /// <summary>Done; for a read, the entry is there.</summary>
    Ok,

    /// <summary>A read found no entry.</summary>
    NotFound,

    /// <summary>The condition of a write was not met; nothing changed.</summary>
    PreconditionFailed,

    /// <summary>No replica could serve it in time; nothing changed. Another try may succeed.</summary>
    Unavailable,

    /// <summary>The write may or may not have happened.</summary>
    OutcomeUnknown,

    /// <summary>More was asked than the cluster takes; nothing changed. Try again later.</summary>
    Overloaded,

    /// <summary>It is not acceptable as it stands; nothing changed.</summary>
    Invalid,

    /// <summary>A disk is full; nothing changed.</summary>
    StorageFull,

    /// <summary>The keyspace would hold more than its quota; nothing changed.</summary>
    QuotaExceeded,

    /// <summary>There is no such keyspace.</summary>
    NoSuchKeyspace,

    /// <summary>The request id was used for another write; nothing changed.</summary>
    RequestIdReused,

    /// <summary>
    /// The entry is not what the call works on: no integer, or one that would leave its 64 bits; no JSON; or the value would be
    /// too large. Nothing changed.
    /// </summary>
    NotApplicable,

    /// <summary>A read found the entry at the version that the caller knows.</summary>
    NotModified,

    /// <summary>Changes that were asked for are not kept any more: list the entries, and watch from then on.</summary>
    ChangesCompacted,
}

/// <summary>The one table from what a replica says to what a caller sees.</summary>
internal static class EntryStatuses
{
    public static EntryStatus Of(OutcomeKind kind) =>
        kind switch
        {
            OutcomeKind.Ok => EntryStatus.Ok,
            OutcomeKind.NotFound => EntryStatus.NotFound,
            OutcomeKind.PreconditionFailed => EntryStatus.PreconditionFailed,
            OutcomeKind.NotLeader
            or OutcomeKind.WrongShard
            or OutcomeKind.NoSuchReplica
            or OutcomeKind.Unavailable
            or OutcomeKind.DeadlineExceeded
            or OutcomeKind.NoQuorum
            or OutcomeKind.ClockWrong => EntryStatus.Unavailable,
            OutcomeKind.Unknown => EntryStatus.OutcomeUnknown,
            OutcomeKind.Overloaded => EntryStatus.Overloaded,
            OutcomeKind.Invalid => EntryStatus.Invalid,
            OutcomeKind.DiskFull => EntryStatus.StorageFull,
            OutcomeKind.QuotaExceeded => EntryStatus.QuotaExceeded,
            OutcomeKind.NoSuchKeyspace => EntryStatus.NoSuchKeyspace,
            OutcomeKind.RequestIdReused => EntryStatus.RequestIdReused,
            OutcomeKind.NotAnInteger or OutcomeKind.OutOfRange or OutcomeKind.NotJson or OutcomeKind.ValueTooLarge =>
                EntryStatus.NotApplicable,
            OutcomeKind.Compacted => EntryStatus.ChangesCompacted,
            // Said by a later version: what this one does not understand proves nothing.
            _ => EntryStatus.OutcomeUnknown,
        };
}
