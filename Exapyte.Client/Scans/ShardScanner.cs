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
    ReplicaLane? From = null
);

/// <summary>Reads pages of single shards, with the retries of a read.</summary>
internal sealed class ShardScanner(
    Pathfinder paths,
    MapCache maps,
    ExapyteClientOptions options,
    MonotonicClock clock,
    CallFailures failures,
    ClientMeter meter
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
        var replication = map.Map.Settings.Replication;
        var journey = new Journey(options, LevelRules.PreferenceOf(replication, isWrite: false, request.Level));
        var trail = new Trail();
        while (true)
        {
            var nowMs = clock.NowMs;
            if (nowMs >= deadlineMs)
            {
                return new(null, map, trail.OutOfTime(AsRead));
            }
            if (Array.Find(map.Routes, route => route.Placement.ShardId == shardId) is not { } route)
            {
                return new(null, map, ShardGone);
            }
            var at = journey.Next(route, nowMs);
            var (step, pauseMs) = (NextStep.Reload, 0);
            if (at >= 0)
            {
                var (kind, reply) = await AskAsync(map, route.Lanes[at], request, deadlineMs, cancellationToken);
                var outcome = reply is null ? null : OutcomeOf(reply);
                trail.Note(kind, outcome);
                step = RetryRules.After(repeatable: true, kind, outcome);
                if (step == NextStep.Done)
                {
                    journey.Arrived(route, at, kind);
                    return reply is { Kind: OutcomeKind.Ok }
                        ? new(reply, map, null, route.Lanes[at])
                        : new(null, map, outcome);
                }
                pauseMs = journey.Turn(ref step, route, at, outcome, clock.NowMs);
                if (step == NextStep.GiveUp)
                {
                    return new(null, map, trail.OutOfTime(AsRead));
                }
            }
            else
            {
                pauseMs = journey.Pause();
            }
            meter.Retried();
            var path = await paths.GoOnAsync(map, step, pauseMs, deadlineMs, cancellationToken);
            if (path.Map is not { } next || next.Map.KeyspaceId != map.Map.KeyspaceId)
            {
                return new(null, map, path.WhyNot ?? ShardGone);
            }
            if (next != map)
            {
                map = next;
                journey.StartOver();
            }
        }
    }

    private async Task<(AttemptKind, ScanReply?)> AskAsync(
        RoutedMap map,
        ReplicaLane lane,
        ScanRequest request,
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
            Level = request.Level,
            MapEpoch = map.Map.Epoch,
            TimeoutMs = (int)patience.TotalMilliseconds,
        };
        try
        {
            var reply = await lane.Replica.Scan(asked).AsTask().WaitAsync(patience, clock.Time, cancellationToken);
            lane.Suspicion.Answered();
            if (reply.NewerMap is { } newer)
            {
                maps.Offer(newer);
            }
            // An empty page that claims more leads nowhere.
            var broken = reply is { Kind: OutcomeKind.Ok, Entries.Length: 0, More: true };
            return broken ? (AttemptKind.Failed, null) : (AttemptKind.Answered, reply);
        }
        catch (Exception exception)
            when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            lane.Suspicion.Failed(clock.NowMs);
            return (exception is TimeoutException ? AttemptKind.TimedOut : failures.Classify(exception), null);
        }
    }

    private static OperationOutcome OutcomeOf(ScanReply reply) =>
        new()
        {
            Kind = reply.Kind,
            LeaderReplicaId = reply.LeaderReplicaId,
            Detail = reply.Detail,
        };
}
