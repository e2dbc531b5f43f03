using Exapyte.Client.Lanes;
using Exapyte.Client.Retries;
using Exapyte.Client.Routing;
using Exapyte.Operations;

namespace Exapyte.Client.Scans;

/// <summary>
/// One page of one shard: what came, by which map and from which replica, or why nothing did; neither where the shard has other
/// bounds by the map.
/// </summary>
internal readonly record struct ShardPage(
    ScanReply? Reply,
    RoutedMap? Map,
    OperationOutcome? WhyNot,
    ReplicaBatcher? From = null
);

/// <summary>Reads pages of single shards, with the retries of a read.</summary>
internal sealed class ShardScanner(RetryLoop loop, ShardAsker asker, ExapyteClientOptions options)
{
    private static readonly OperationOutcome Gone = OperationOutcome.Of(
        OutcomeKind.Unavailable,
        "The keyspace changed while it was listed. Begin the listing again."
    );

    public async Task<ShardPage> ReadAsync(
        RoutedMap map,
        long shardId,
        ScanRequest request,
        long deadlineMs,
        CancellationToken cancellationToken
    )
    {
        var call = new ShardCall(asker, map, shardId, request, options.AttemptTimeout, deadlineMs);
        await loop.RunAsync<ShardCall, ShardAttempt<ScanReply>>(call, map, cancellationToken);
        return call.WhyNot is null ? new(call.Reply, call.Map, null, call.From) : new(null, call.Map, call.WhyNot);
    }

    /// <summary>One page that is tried until it is there, or until its shard has other bounds.</summary>
    private sealed class ShardCall(
        ShardAsker asker,
        RoutedMap first,
        long shardId,
        ScanRequest request,
        TimeSpan patienceMax,
        long deadlineMs
    ) : ShardQuestion<ScanReply>(first, shardId, request.Level, deadlineMs)
    {
        protected override OperationOutcome ShardGone => Gone;

        /// <summary>Where the shard has other bounds by then, it is another question: the listing asks it.</summary>
        public override bool GoesOnBy(RoutedMap newer) =>
            base.GoesOnBy(newer) && (!newer.Map.IsRange || newer.Owns(ShardId, new(request.Start, request.End)));

        public override async ValueTask<ShardAttempt<ScanReply>> AskAsync(
            RoutedMap map,
            ReplicaBatcher lane,
            bool atAnyMember,
            long nowMs,
            CancellationToken cancellationToken
        )
        {
            var leftMs = Math.Max(1, DeadlineMs - nowMs);
            var patience = TimeSpan.FromMilliseconds(Math.Min(leftMs, (long)patienceMax.TotalMilliseconds));
            var asked = request with
            {
                AtAnyMember = atAnyMember && !request.Pin,
                MapEpoch = map.Map.Epoch,
                TimeoutMs = (int)patience.TotalMilliseconds,
            };
            var attempt = await asker
                .AskAsync(lane, () => lane.Replica.Scan(asked), patience, cancellationToken)
                .ConfigureAwait(false);
            // An empty page that claims more leads nowhere.
            return attempt.Reply is { Kind: OutcomeKind.Ok, Entries.Length: 0, More: true }
                ? new(AttemptKind.Failed, null)
                : attempt;
        }
    }
}
