using Exapyte.Client.Lanes;
using Exapyte.Client.Retries;
using Exapyte.Client.Routing;
using Exapyte.Client.Rules;
using Exapyte.Operations;

namespace Exapyte.Client.Changes;

/// <summary>Changes of one shard: what came and by which map, or why nothing did.</summary>
internal readonly record struct ShardChanges(ChangesReply? Reply, RoutedMap Map, OperationOutcome? WhyNot);

/// <summary>Reads changes of single shards, with the retries of a read: from whom is near, where a shard is now from its leader.</summary>
internal sealed class ShardChangesReader(
    RetryLoop loop,
    MapCache maps,
    ExapyteClientOptions options,
    MonotonicClock clock,
    CallFailures failures
)
{
    private static readonly Operation AsRead = new() { Kind = OperationKind.Get, Key = ReadOnlyMemory<byte>.Empty };

    private static readonly OperationOutcome ShardGone = OperationOutcome.Of(
        OutcomeKind.Compacted,
        "The keyspace's shards have changed. List the entries, and go on from the token of the listing."
    );

    /// <summary>Where the shard is now.</summary>
    public Task<ShardChanges> PositionAsync(RoutedMap map, long shardId, CancellationToken cancellationToken) =>
        RunAsync(map, shardId, null, 1, 0, cancellationToken);

    /// <summary>The next changes behind a revision.</summary>
    public Task<ShardChanges> ReadAsync(
        RoutedMap map,
        long shardId,
        ulong after,
        int changesMax,
        int waitMs,
        CancellationToken cancellationToken
    ) => RunAsync(map, shardId, after, changesMax, waitMs, cancellationToken);

    private async Task<ShardChanges> RunAsync(
        RoutedMap map,
        long shardId,
        ulong? after,
        int changesMax,
        int waitMs,
        CancellationToken cancellationToken
    )
    {
        var request = new ChangesRequest
        {
            After = after,
            ChangesMax = changesMax,
            WaitMs = waitMs,
            MapEpoch = map.Map.Epoch,
            TimeoutMs = (int)options.AttemptTimeout.TotalMilliseconds,
        };
        var deadlineMs = clock.After(options.OperationTimeout) + waitMs;
        var call = new ShardCall(this, map, shardId, request, deadlineMs);
        await loop.RunAsync<ShardCall, ChangesAttempt>(call, map, cancellationToken).ConfigureAwait(false);
        return call.Result;
    }

    private async ValueTask<ChangesAttempt> AskAsync(
        ReplicaBatcher lane,
        ChangesRequest request,
        CancellationToken cancellationToken
    )
    {
        var patience = options.AttemptTimeout + TimeSpan.FromMilliseconds(request.WaitMs);
        try
        {
            var reply = await lane
                .Replica.ReadChanges(request)
                .AsTask()
                .WaitAsync(patience, clock.Time, cancellationToken)
                .ConfigureAwait(false);
            lane.CircuitBreaker.Answered();
            if (reply.NewerMap is { } newer)
            {
                maps.Offer(newer);
            }
            return new(AttemptKind.Answered, reply);
        }
        catch (Exception exception)
            when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            lane.CircuitBreaker.Failed(clock.NowMs);
            return new(exception is TimeoutException ? AttemptKind.TimedOut : failures.Classify(exception), null);
        }
    }

    /// <summary>One try: what came back, if anything did.</summary>
    private readonly record struct ChangesAttempt(AttemptKind Kind, ChangesReply? Reply);

    /// <summary>One question that is tried until it is answered.</summary>
    private sealed class ShardCall(
        ShardChangesReader reader,
        RoutedMap first,
        long shardId,
        ChangesRequest request,
        long deadlineMs
    ) : IRetriedCall<ChangesAttempt>
    {
        private RoutedMap map = first;
        private AttemptHistory history;

        public ShardChanges Result { get; private set; }

        public Preference Preference { get; } =
            LevelRules.PreferenceOf(
                first.Map.Settings.Replication,
                isWrite: false,
                request.After is null ? ConsistencyLevel.Linearizable : ConsistencyLevel.Eventual
            );

        public long DeadlineMs => deadlineMs;

        public ShardRoute? RouteOf(RoutedMap map) =>
            Array.Find(map.Routes, route => route.Placement.ShardId == shardId);

        public ValueTask<ChangesAttempt> AskAsync(
            RoutedMap map,
            ReplicaBatcher lane,
            bool atAnyMember,
            long nowMs,
            CancellationToken cancellationToken
        ) => reader.AskAsync(lane, request, cancellationToken);

        public Verdict Judge(RoutedMap map, ReplicaBatcher lane, ChangesAttempt attempt)
        {
            var outcome = attempt.Reply is { } reply
                ? new OperationOutcome
                {
                    Kind = reply.Kind,
                    LeaderReplicaId = reply.LeaderReplicaId,
                    Detail = reply.Detail,
                }
                : null;
            history.Note(attempt.Kind, outcome);
            var step = RetryRules.After(repeatable: true, attempt.Kind, outcome);
            if (step == NextStep.Done)
            {
                Result = new(attempt.Reply, map, outcome is { Kind: OutcomeKind.Ok } ? null : outcome);
            }
            return new(step, attempt.Kind, outcome);
        }

        public void OutOfTime() => Result = new(null, map, history.OutOfTime(AsRead));

        public void Lost(MapLookup? found) => Result = new(null, map, found?.WhyNot ?? ShardGone);

        public bool GoesOnBy(RoutedMap newer)
        {
            map = newer;
            return true;
        }
    }
}
