using Exapyte.Client.Lanes;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>Tells what served an operation.</summary>
internal static class Served
{
    /// <summary>The replica and what it says of its answer; of a refusal there is no age to tell.</summary>
    public static ServedBy By(ReplicaBatcher lane, Attempt attempt, ConsistencyLevel level, OperationOutcome outcome) =>
        attempt.Reply is { } reply
            ? lane.ServedBy(
                level,
                reply,
                outcome.Kind is OutcomeKind.Ok or OutcomeKind.NotFound or OutcomeKind.PreconditionFailed
                    ? reply.StalenessMs
                    : -1
            )
            : ServedBy.Nothing;
}
