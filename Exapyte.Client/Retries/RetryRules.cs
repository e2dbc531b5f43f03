using Exapyte.Client.Lanes;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>What to do after one try.</summary>
internal enum NextStep : byte
{
    /// <summary>That is the outcome.</summary>
    Done,

    /// <summary>Go to the replica that was named, at once.</summary>
    Redirect,

    /// <summary>Pause, then try the next replica.</summary>
    NextReplica,

    /// <summary>All replicas were tried in vain: pause, then begin anew, by a newer map if one is found meanwhile.</summary>
    RestartRound,

    /// <summary>Pause, then try the same replica again.</summary>
    SameReplica,

    /// <summary>The map is old: load a newer one, pause, start over.</summary>
    Reload,

    /// <summary>Every replica that can be asked has known for a while that it cannot serve: no use in waiting on.</summary>
    GiveUp,
}

/// <summary>
/// The judgement on one try, free of time and chance. The rule that everything rests on: what may have been executed is
/// tried again only where that does no harm, which is a read or a write with a request id.
/// </summary>
internal static class RetryRules
{
    /// <summary>Whether executing it twice does no harm.</summary>
    public static bool IsRepeatable(Operation operation) => !operation.IsWrite || operation.RequestId is not null;

    /// <summary>What to do after this try; <paramref name="outcome"/> is what the replica said, if it did.</summary>
    public static NextStep After(bool repeatable, AttemptKind attempt, OperationOutcome? outcome) =>
        attempt switch
        {
            AttemptKind.Answered when outcome is not null => AfterAnswer(repeatable, outcome),
            AttemptKind.Refused => NextStep.Done,
            AttemptKind.NotSent => NextStep.NextReplica,
            _ => repeatable ? NextStep.NextReplica : NextStep.Done,
        };

    /// <summary>Whether the operation may have been executed by a try that ended so.</summary>
    public static bool MayHaveHappened(AttemptKind attempt, OperationOutcome? outcome) =>
        attempt is AttemptKind.Failed or AttemptKind.TimedOut || outcome is { Kind: OutcomeKind.Unknown };

    /// <summary>Whether what the replica said will not have changed within an operation's time.</summary>
    public static bool Lasts(OperationOutcome? outcome) =>
        outcome is { Kind: OutcomeKind.NoQuorum or OutcomeKind.ClockWrong };

    private static NextStep AfterAnswer(bool repeatable, OperationOutcome outcome) =>
        outcome.Kind switch
        {
            OutcomeKind.NotLeader => outcome.LeaderReplicaId != 0 ? NextStep.Redirect : NextStep.NextReplica,
            OutcomeKind.WrongShard or OutcomeKind.NoSuchReplica => NextStep.Reload,
            OutcomeKind.Unavailable or OutcomeKind.NoQuorum or OutcomeKind.ClockWrong or OutcomeKind.DeadlineExceeded =>
                NextStep.NextReplica,
            OutcomeKind.Overloaded => NextStep.SameReplica,
            OutcomeKind.Unknown => repeatable ? NextStep.NextReplica : NextStep.Done,
            _ => NextStep.Done,
        };
}
