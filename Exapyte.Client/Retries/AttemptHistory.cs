using Exapyte.Client.Lanes;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>What one operation has met on its way so far; tells its outcome when there is no time left.</summary>
internal struct AttemptHistory
{
    private bool sent;
    private bool mayHaveHappened;
    private OperationOutcome? last;

    /// <summary>Whether some try may have been executed.</summary>
    public readonly bool MayHaveHappened => mayHaveHappened;

    /// <summary>Takes note of a try.</summary>
    public void Note(AttemptKind attempt, OperationOutcome? outcome)
    {
        sent |= attempt is not (AttemptKind.NotSent or AttemptKind.Refused);
        mayHaveHappened |= RetryRules.MayHaveHappened(attempt, outcome);
        last = outcome ?? last;
    }

    /// <summary>The outcome after a try that is not followed by another one.</summary>
    public readonly OperationOutcome Outcome(Operation operation, AttemptKind attempt, OperationOutcome? outcome)
    {
        if (outcome is not null)
        {
            // What this try refuses may still be done by the try before it, unless its place in the log has decided.
            return operation.IsWrite && mayHaveHappened && !IsDecided(outcome.Kind)
                ? outcome.Kind == OutcomeKind.Unknown
                    ? outcome
                    : Doubt
                : Public(outcome);
        }
        if (attempt == AttemptKind.Refused)
        {
            return operation.IsWrite && mayHaveHappened ? Doubt : QueueFull;
        }
        return OutOfTime(operation);
    }

    /// <summary>The outcome when the deadline passed.</summary>
    public readonly OperationOutcome OutOfTime(Operation operation)
    {
        if (operation.IsWrite && mayHaveHappened)
        {
            return last is { Kind: OutcomeKind.Unknown } ? last : Doubt;
        }
        if (!sent)
        {
            return NeverSent;
        }
        return last is { Kind: not OutcomeKind.Unknown } ? Public(last) : NoAnswer;
    }

    /// <summary>
    /// Whether the outcome was judged where the write is applied: a try before it, under the same request id, has then
    /// answered the same or will.
    /// </summary>
    private static bool IsDecided(OutcomeKind kind) =>
        kind
            is OutcomeKind.Ok
                or OutcomeKind.PreconditionFailed
                or OutcomeKind.RequestIdReused
                or OutcomeKind.NotAnInteger
                or OutcomeKind.OutOfRange
                or OutcomeKind.NotJson
                or OutcomeKind.ValueTooLarge;

    /// <summary>What a caller sees of an outcome: where to go instead is no news to it.</summary>
    private static OperationOutcome Public(OperationOutcome outcome) =>
        outcome.Kind switch
        {
            OutcomeKind.NotLeader => NoLeader,
            OutcomeKind.NoQuorum or OutcomeKind.ClockWrong => NoQuorum(outcome),
            OutcomeKind.WrongShard or OutcomeKind.NoSuchReplica => NoMap,
            // Something was sent, so it was the replica's time that ran out.
            OutcomeKind.DeadlineExceeded => NoAnswer,
            _ => outcome,
        };

    /// <summary>What every replica that answers has known for long, and says at once.</summary>
    private static OperationOutcome NoQuorum(OperationOutcome outcome) =>
        OperationOutcome.Of(
            OutcomeKind.Unavailable,
            outcome.Detail ?? "Most replicas of the shard are out of reach; nothing changed."
        );

    /// <summary>The outcome when the keyspace is gone.</summary>
    public readonly OperationOutcome Lost(Operation operation, OperationOutcome why) =>
        operation.IsWrite && mayHaveHappened ? OutOfTime(operation) : why;

    private static readonly OperationOutcome Doubt = OperationOutcome.Of(
        OutcomeKind.Unknown,
        "The write was sent and no answer came: it may or may not have happened. Read the entry, or send a request id."
    );

    private static readonly OperationOutcome QueueFull = OperationOutcome.Of(
        OutcomeKind.Overloaded,
        "Too many operations wait for this shard's replica. Try again later."
    );

    private static readonly OperationOutcome NeverSent = OperationOutcome.Of(
        OutcomeKind.DeadlineExceeded,
        "The deadline passed before the operation could be sent to any replica; nothing changed."
    );

    private static readonly OperationOutcome NoLeader = OperationOutcome.Of(
        OutcomeKind.Unavailable,
        "No replica of the shard led in time; nothing changed."
    );

    private static readonly OperationOutcome NoMap = OperationOutcome.Of(
        OutcomeKind.Unavailable,
        "No replica that hosts the key's shard was found in time; nothing changed."
    );

    private static readonly OperationOutcome NoAnswer = OperationOutcome.Of(
        OutcomeKind.Unavailable,
        "No replica answered in time; nothing changed."
    );
}
