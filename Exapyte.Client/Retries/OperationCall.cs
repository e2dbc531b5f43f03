using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Client.Rules;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>One operation that is tried until it is done.</summary>
internal struct OperationCall(Operation operation, KeyspaceSettings settings, CallTerms terms, long attemptMs)
    : IRetriedCall<Attempt>
{
    private readonly bool repeatable = RetryRules.IsRepeatable(operation);
    private AttemptHistory history;

    /// <summary>How it ended.</summary>
    public OperationResult Result { get; private set; }

    /// <summary>The reply that it ended by; null where there was none.</summary>
    public BatchReply? Reply { get; private set; }

    /// <summary>Whose reply that is.</summary>
    public ReplicaBatcher? AnsweredBy { get; private set; }

    /// <summary>Where it goes on, because its keyspace is another one now and nothing of it can have happened.</summary>
    public MapLookup? Elsewhere { get; private set; }

    public readonly Preference Preference =>
        LevelRules.PreferenceOf(settings.Replication, operation.IsWrite, operation.Level);

    public readonly long DeadlineMs => terms.DeadlineMs;

    public readonly ShardRoute? RouteOf(RoutedMap map) => map.RouteOf(operation.Key.Span);

    public readonly ValueTask<Attempt> AskAsync(
        RoutedMap map,
        ReplicaBatcher lane,
        bool atAnyMember,
        long nowMs,
        CancellationToken cancellationToken
    )
    {
        var patience = AttemptDeadlines.Of(
            nowMs + attemptMs,
            terms.DeadlineMs,
            Preference != Preference.Nearest,
            repeatable
        );
        var sent = operation.With(terms.Session, map.Map, lane.Key.ShardId);
        sent = atAnyMember ? sent with { AtAnyMember = true } : sent;
        return lane.RunAsync(PendingOperation.Rent(sent, patience), cancellationToken);
    }

    public Verdict Judge(RoutedMap map, ReplicaBatcher lane, Attempt attempt)
    {
        var outcome = attempt.OutcomeAt(0);
        history.Note(attempt.Kind, outcome);
        var step = RetryRules.After(repeatable, attempt.Kind, outcome);
        if (step == NextStep.Done)
        {
            var end = history.Outcome(operation, attempt.Kind, outcome);
            var level = LevelRules.Resolve(settings.Replication, operation.Level);
            end = terms.Session.Note(map.Map, lane, end, attempt);
            Result = new(end, Served.By(lane, attempt, level, end));
            (Reply, AnsweredBy) = (attempt.Reply, lane);
        }
        return new(step, attempt.Kind, outcome);
    }

    public void OutOfTime() => Result = new(history.OutOfTime(operation), ServedBy.Nothing);

    public void Lost(MapLookup? found)
    {
        if (history.MayHaveHappened && operation.IsWrite)
        {
            OutOfTime();
        }
        else
        {
            Elsewhere = found;
        }
    }

    public readonly bool GoesOnBy(RoutedMap newer) => true;
}
