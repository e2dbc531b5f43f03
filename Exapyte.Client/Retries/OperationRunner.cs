using System.Runtime.CompilerServices;
using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Client.Rules;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>What a caller asks of a call beside its operations.</summary>
/// <param name="DeadlineMs">When its time is up, in the clock's milliseconds.</param>
/// <param name="NamesWrites">See <see cref="CallOptions.NamesWrites"/>.</param>
internal readonly record struct CallTerms(long DeadlineMs, bool NamesWrites);

/// <summary>
/// The life of one operation: (1) find the keyspace's map, (2) judge the operation, (3) find its shard and the replica to
/// try, (4) wait in that replica's lane, (5) judge what came back, (6) pause and go on at 3, until it is done or its time
/// is up.
/// </summary>
internal sealed class OperationRunner(
    Pathfinder paths,
    ExapyteClientOptions options,
    MonotonicClock clock,
    ClientMeter meter,
    RequestIds ids
)
{
    private readonly long attemptMs = (long)options.AttemptTimeout.TotalMilliseconds;

    public ValueTask<OperationResult> RunAsync(
        string keyspace,
        Operation operation,
        CallTerms terms,
        CancellationToken cancellationToken
    )
    {
        var path = paths.FindAsync(keyspace, terms.DeadlineMs, cancellationToken);
        return path.IsCompletedSuccessfully
            ? Start(path.Result, operation, terms, cancellationToken)
            : StartLaterAsync(path, operation, terms, cancellationToken);
    }

    private async ValueTask<OperationResult> StartLaterAsync(
        ValueTask<Path> path,
        Operation operation,
        CallTerms terms,
        CancellationToken cancellationToken
    )
    {
        var found = await path.ConfigureAwait(false);
        return await Start(found, operation, terms, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask<OperationResult> Start(
        Path path,
        Operation operation,
        CallTerms terms,
        CancellationToken cancellationToken
    )
    {
        if (path.Map is not { } map)
        {
            return new(Ended(path.WhyNot!));
        }
        if (OperationRules.ReasonsAgainst(map.Map.Settings, operation) is { } reasons)
        {
            return new(Ended(OperationOutcome.Of(OutcomeKind.Invalid, reasons)));
        }
        return TravelAsync(map, operation, terms, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<OperationResult> TravelAsync(
        RoutedMap map,
        Operation asked,
        CallTerms terms,
        CancellationToken cancellationToken
    )
    {
        var operation = terms.NamesWrites ? ids.Name(map.Map.Settings, asked) : asked;
        var deadlineMs = terms.DeadlineMs;
        var repeatable = RetryRules.IsRepeatable(operation);
        var settings = map.Map.Settings;
        var preference = LevelRules.PreferenceOf(settings.Replication, operation.IsWrite, operation.Level);
        var journey = new Journey(options, preference);
        var trail = new Trail();
        while (true)
        {
            var nowMs = clock.NowMs;
            if (nowMs >= deadlineMs)
            {
                return Ended(trail.OutOfTime(operation));
            }
            var route = map.RouteOf(operation.Key.Span);
            var at = journey.Next(route, nowMs);
            var (step, pauseMs) = (NextStep.Reload, 0);
            if (at >= 0)
            {
                var patience = Patience.Of(nowMs + attemptMs, deadlineMs, preference == Preference.Leader, repeatable);
                var item = LaneItem.Rent(operation, patience);
                var attempt = await route.Lanes[at].RunAsync(item, cancellationToken).ConfigureAwait(false);
                var outcome = attempt.OutcomeAt(0);
                trail.Note(attempt.Kind, outcome);
                step = RetryRules.After(repeatable, attempt.Kind, outcome);
                if (step == NextStep.Done)
                {
                    journey.Arrived(route, at, attempt.Kind);
                    var end = trail.Outcome(operation, attempt.Kind, outcome);
                    return Result(end, operation, attempt, route.Lanes[at], settings);
                }
                pauseMs = journey.Turn(ref step, route, at, outcome, clock.NowMs);
                if (step == NextStep.GiveUp)
                {
                    return Ended(trail.OutOfTime(operation));
                }
            }
            else
            {
                pauseMs = journey.Pause();
            }
            meter.Retried();
            var path = await paths.GoOnAsync(map, step, pauseMs, deadlineMs, cancellationToken).ConfigureAwait(false);
            if (path.Map is not { } next || next.Map.KeyspaceId != map.Map.KeyspaceId)
            {
                return trail.MayHaveHappened && operation.IsWrite
                    ? Ended(trail.OutOfTime(operation))
                    : await Start(path, asked, terms, cancellationToken).ConfigureAwait(false);
            }
            if (next != map)
            {
                map = next;
                journey.StartOver();
            }
        }
    }

    private OperationResult Result(
        OperationOutcome outcome,
        Operation operation,
        Attempt attempt,
        ReplicaLane lane,
        KeyspaceSettings settings
    )
    {
        meter.Ended(outcome.Kind);
        var level = LevelRules.Resolve(settings.Replication, operation.Level);
        return new(outcome, Served.By(lane, attempt, level, outcome));
    }

    private OperationResult Ended(OperationOutcome outcome)
    {
        meter.Ended(outcome.Kind);
        return new(outcome, ServedBy.Nothing);
    }
}
