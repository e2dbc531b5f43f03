using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Gateway.Problems;

/// <summary>
/// Turns outcomes into problems. A refusal that the gateway itself makes is 400: the request cannot be read or breaks a
/// limit, whatever the keyspace is. A refusal of a readable request by the service is 422: this keyspace does not take it.
/// </summary>
internal static class OutcomeProblems
{
    /// <summary>The problem, null where the outcome is none: Ok.</summary>
    /// <param name="outcome">How the operation ended.</param>
    /// <param name="repeatable">Whether it may be sent again where its outcome is unknown: a read, or it has a request id.</param>
    public static Problem? Of(OperationOutcome outcome, bool repeatable)
    {
        if (outcome.Kind == OutcomeKind.Ok)
        {
            return null;
        }
        var problem = Of(outcome.Kind, outcome.Detail, repeatable);
        return outcome.Version.IsNone ? problem : problem with { Version = outcome.Version };
    }

    /// <summary>The problem that a kind of outcome is.</summary>
    public static Problem Of(OutcomeKind kind, string? detail, bool repeatable)
    {
        var problemKind = KindOf(kind);
        var problem = new Problem(problemKind, detail ?? DetailOf(kind));
        return kind == OutcomeKind.Unknown ? problem with { InDoubt = true, Retryable = repeatable } : problem;
    }

    /// <summary>The problem that a refused command on a keyspace is; null where it was done.</summary>
    public static Problem? Of(KeyspaceReply reply, string keyspace) =>
        reply.Outcome switch
        {
            KeyspaceOutcome.Ok or KeyspaceOutcome.Created => null,
            KeyspaceOutcome.NotFound => NoSuchKeyspace(keyspace),
            KeyspaceOutcome.Invalid => WithReasons(ProblemKinds.InvalidKeyspace, reply.Reasons),
            KeyspaceOutcome.Conflict => WithReasons(ProblemKinds.KeyspaceConflict, reply.Reasons),
            _ => WithReasons(ProblemKinds.Unavailable, reply.Reasons) with
            {
                // Commands on keyspaces are idempotent, and what was begun is completed later.
                InDoubt = reply.InDoubt,
            },
        };

    /// <summary>There is no keyspace of this name.</summary>
    public static Problem NoSuchKeyspace(string keyspace) =>
        new(
            ProblemKinds.NoSuchKeyspace,
            $"There is no keyspace '{keyspace}'. Create it with PUT /v1/keyspaces/{keyspace}."
        );

    /// <summary>A problem with all its reasons, the first one told in the detail.</summary>
    public static Problem WithReasons(ProblemKind kind, IReadOnlyList<string> reasons) =>
        new(kind, reasons.Count == 0 ? kind.Title : string.Join(' ', reasons)) { Reasons = reasons };

    private static ProblemKind KindOf(OutcomeKind kind) =>
        kind switch
        {
            OutcomeKind.NotFound => ProblemKinds.NotFound,
            OutcomeKind.PreconditionFailed => ProblemKinds.PreconditionFailed,
            OutcomeKind.NotLeader
            or OutcomeKind.WrongShard
            or OutcomeKind.NoSuchReplica
            or OutcomeKind.Unavailable
            or OutcomeKind.NoQuorum
            or OutcomeKind.ClockWrong => ProblemKinds.Unavailable,
            OutcomeKind.Unknown => ProblemKinds.UnknownOutcome,
            OutcomeKind.Overloaded => ProblemKinds.Overloaded,
            OutcomeKind.Invalid => ProblemKinds.NotApplicable,
            OutcomeKind.DiskFull => ProblemKinds.DiskFull,
            OutcomeKind.QuotaExceeded => ProblemKinds.QuotaExceeded,
            OutcomeKind.NoSuchKeyspace => ProblemKinds.NoSuchKeyspace,
            OutcomeKind.RequestIdReused => ProblemKinds.RequestIdReused,
            OutcomeKind.DeadlineExceeded => ProblemKinds.DeadlineExceeded,
            OutcomeKind.NotAnInteger => ProblemKinds.NotAnInteger,
            OutcomeKind.OutOfRange => ProblemKinds.OutOfRange,
            OutcomeKind.NotJson => ProblemKinds.NotJson,
            OutcomeKind.ValueTooLarge => ProblemKinds.TooLarge,
            OutcomeKind.Compacted => ProblemKinds.Compacted,
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "This outcome is no problem."),
        };

    private static string DetailOf(OutcomeKind kind) =>
        kind switch
        {
            OutcomeKind.NotFound => "The keyspace has no entry under this key.",
            OutcomeKind.PreconditionFailed => "The entry is not as the request's condition asks; nothing changed.",
            OutcomeKind.NotLeader => "The shard is choosing a leader; nothing changed. Try again.",
            OutcomeKind.WrongShard => "The key is moving between shards; nothing changed. Try again.",
            OutcomeKind.NoSuchReplica => "The replica is not hosted where the map has it; nothing changed. Try again.",
            OutcomeKind.Unavailable or OutcomeKind.NoQuorum or OutcomeKind.ClockWrong =>
                "Too few replicas are in reach; nothing changed. Try again.",
            OutcomeKind.Unknown =>
                "The write was sent and its end is not known. Read the entry before you send it again, or send writes "
                    + "with an Idempotency-Key.",
            OutcomeKind.Overloaded => "A bound was reached; nothing changed. Wait and try again.",
            OutcomeKind.DiskFull => "A replica's disk is full; nothing changed. Free space or add a node.",
            OutcomeKind.QuotaExceeded =>
                "There is no room for it in the keyspace's quota; nothing changed. Delete entries.",
            OutcomeKind.NoSuchKeyspace => "There is no such keyspace. Create it with PUT /v1/keyspaces/{keyspace}.",
            OutcomeKind.RequestIdReused => "Use a new Idempotency-Key for each distinct request; nothing changed.",
            OutcomeKind.Compacted =>
                "Changes that were asked for are not kept any more. List the entries, and go on from there.",
            OutcomeKind.DeadlineExceeded => "The time ran out before anything was sent; nothing changed. Try again.",
            OutcomeKind.NotAnInteger => "The entry's value is not a whole number of 64 bits; nothing changed.",
            OutcomeKind.OutOfRange => "The sum would not fit into 64 bits; nothing changed.",
            OutcomeKind.NotJson => "The entry's value is not JSON; nothing changed.",
            OutcomeKind.ValueTooLarge => "The value would be larger than its limit; nothing changed.",
            _ => "This keyspace does not take the request as it stands; nothing changed.",
        };
}
