using Exapyte.Client.Lanes;
using Exapyte.Client.Retries;
using Exapyte.Client.Routing;
using Exapyte.Operations;

namespace Exapyte.Client.Changes;

/// <summary>Changes of one shard: what came and by which map, or why nothing did.</summary>
internal readonly record struct ShardChanges(ChangesReply? Reply, RoutedMap Map, OperationOutcome? WhyNot);

/// <summary>Reads changes of single shards, with the retries of a read: from whom is near, where a shard is now from its leader.</summary>
internal sealed class ShardChangesReader(
    RetryLoop loop,
    ShardAsker asker,
    ExapyteClientOptions options,
    MonotonicClock clock
)
{
    private static readonly OperationOutcome Gone = OperationOutcome.Of(
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
        var bounds = map.BoundsOf(Array.FindIndex(map.Routes, route => route.Placement.ShardId == shardId));
        var request = new ChangesRequest
        {
            Start = bounds.Start,
            End = bounds.End,
            After = after,
            ChangesMax = changesMax,
            WaitMs = waitMs,
            MapEpoch = map.Map.Epoch,
            TimeoutMs = (int)options.AttemptTimeout.TotalMilliseconds,
        };
        var deadlineMs = clock.After(options.OperationTimeout) + waitMs;
        var patience = options.AttemptTimeout + TimeSpan.FromMilliseconds(waitMs);
        var call = new ShardCall(asker, map, shardId, request, patience, deadlineMs);
        await loop.RunAsync<ShardCall, ShardAttempt<ChangesReply>>(call, map, cancellationToken).ConfigureAwait(false);
        // A shard that has other bounds by now is not asked any more: what it has given away is changed elsewhere.
        return new(call.Reply, call.Map, call.WhyNot ?? (call.Reply is null ? Gone : null));
    }

    /// <summary>One question that is tried until it is answered.</summary>
    private sealed class ShardCall(
        ShardAsker asker,
        RoutedMap first,
        long shardId,
        ChangesRequest request,
        TimeSpan patience,
        long deadlineMs
    )
        : ShardQuestion<ChangesReply>(
            first,
            shardId,
            request.After is null ? ConsistencyLevel.Linearizable : ConsistencyLevel.Eventual,
            deadlineMs
        )
    {
        protected override OperationOutcome ShardGone => Gone;

        public override bool GoesOnBy(RoutedMap newer) =>
            base.GoesOnBy(newer) && (!newer.Map.IsRange || newer.Owns(ShardId, new(request.Start, request.End)));

        public override ValueTask<ShardAttempt<ChangesReply>> AskAsync(
            RoutedMap map,
            ReplicaBatcher lane,
            bool atAnyMember,
            long nowMs,
            CancellationToken cancellationToken
        ) => asker.AskAsync(lane, () => lane.Replica.ReadChanges(request), patience, cancellationToken);
    }
}
