using Exapyte.Client.Lanes;
using Exapyte.Client.Retries;
using Exapyte.Client.Routing;
using Exapyte.Client.Rules;
using Exapyte.Operations;

namespace Exapyte.Client.Scans;

/// <summary>One page of one shard: what came, by which map and from which replica, or why nothing did.</summary>
internal readonly record struct ShardPage(
    ScanReply? Reply,
    RoutedMap? Map,
    OperationOutcome? WhyNot,
    ReplicaBatcher? From = null
);

/// <summary>Reads pages of single shards, with the retries of a read.</summary>
internal sealed class ShardScanner(
    RetryLoop loop,
    MapCache maps,
    ExapyteClientOptions options,
    MonotonicClock clock,
    CallFailures failures
)
{
    private static readonly Operation AsRead = new() { Kind = OperationKind.Get, Key = ReadOnlyMemory<byte>.Empty };

    private static readonly OperationOutcome ShardGone = OperationOutcome.Of(
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
        var call = new ShardCall(this, map, shardId, request, deadlineMs);
        await loop.RunAsync<ShardCall, ScanAttempt>(call, map, cancellationToken);
        return call.Page;
    }

    private async ValueTask<ScanAttempt> AskAsync(
        RoutedMap map,
        ReplicaBatcher lane,
        ScanRequest request,
        bool atAnyMember,
        long deadlineMs,
        CancellationToken cancellationToken
    )
    {
        var leftMs = Math.Max(1, deadlineMs - clock.NowMs);
        var patience = TimeSpan.FromMilliseconds(Math.Min(leftMs, (long)options.AttemptTimeout.TotalMilliseconds));
        var asked = new ScanRequest
        {
            Start = request.Start,
            End = request.End,
            Reverse = request.Reverse,
            EntriesMax = request.EntriesMax,
            BytesMax = request.BytesMax,
            KeysOnly = request.KeysOnly,
            Pin = request.Pin,
            Delimiter = request.Delimiter,
            FoldFrom = request.FoldFrom,
            Level = request.Level,
            MaxStalenessMs = request.MaxStalenessMs,
            Session = request.Session,
            AtAnyMember = atAnyMember && !request.Pin,
            MapEpoch = map.Map.Epoch,
            TimeoutMs = (int)patience.TotalMilliseconds,
        };
        try
        {
            var reply = await lane.Replica.Scan(asked).AsTask().WaitAsync(patience, clock.Time, cancellationToken);
            lane.CircuitBreaker.Answered();
            if (reply.NewerMap is { } newer)
            {
                maps.Offer(newer);
            }
            // An empty page that claims more leads nowhere.
            var broken = reply is { Kind: OutcomeKind.Ok, Entries.Length: 0, More: true };
            return broken ? new(AttemptKind.Failed, null) : new(AttemptKind.Answered, reply);
        }
        catch (Exception exception)
            when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            lane.CircuitBreaker.Failed(clock.NowMs);
            return new(exception is TimeoutException ? AttemptKind.TimedOut : failures.Classify(exception), null);
        }
    }

    private static OperationOutcome OutcomeOf(ScanReply reply) =>
        new()
        {
            Kind = reply.Kind,
            LeaderReplicaId = reply.LeaderReplicaId,
            Detail = reply.Detail,
        };

    /// <summary>One try at a page: what came back, if anything did.</summary>
    private readonly record struct ScanAttempt(AttemptKind Kind, ScanReply? Reply);

    /// <summary>One page that is tried until it is there.</summary>
    private sealed class ShardCall(
        ShardScanner scanner,
        RoutedMap first,
        long shardId,
        ScanRequest request,
        long deadlineMs
    ) : IRetriedCall<ScanAttempt>
    {
        private RoutedMap map = first;
        private AttemptHistory history;

        public ShardPage Page { get; private set; }

        public Preference Preference { get; } =
            LevelRules.PreferenceOf(first.Map.Settings.Replication, isWrite: false, request.Level);

        public long DeadlineMs => deadlineMs;

        public ShardRoute? RouteOf(RoutedMap map) =>
            Array.Find(map.Routes, route => route.Placement.ShardId == shardId);

        public ValueTask<ScanAttempt> AskAsync(
            RoutedMap map,
            ReplicaBatcher lane,
            bool atAnyMember,
            long nowMs,
            CancellationToken cancellationToken
        ) => scanner.AskAsync(map, lane, request, atAnyMember, deadlineMs, cancellationToken);

        public Verdict Judge(RoutedMap map, ReplicaBatcher lane, ScanAttempt attempt)
        {
            var outcome = attempt.Reply is null ? null : OutcomeOf(attempt.Reply);
            history.Note(attempt.Kind, outcome);
            var step = RetryRules.After(repeatable: true, attempt.Kind, outcome);
            if (step == NextStep.Done)
            {
                Page = attempt.Reply is { Kind: OutcomeKind.Ok } page
                    ? new(page, map, null, lane)
                    : new(null, map, outcome);
            }
            return new(step, attempt.Kind, outcome);
        }

        public void OutOfTime() => Page = new(null, map, history.OutOfTime(AsRead));

        public void Lost(MapLookup? found) => Page = new(null, map, found?.WhyNot ?? ShardGone);

        public bool GoesOnBy(RoutedMap newer)
        {
            map = newer;
            return true;
        }
    }
}
