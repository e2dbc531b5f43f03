using Exapyte.Client.Retries;
using Exapyte.Client.Routing;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Caching;

/// <summary>A read whose answer is to be kept: where, and since when it is under way.</summary>
/// <param name="Cache">Where.</param>
/// <param name="Begun">See <see cref="EntryCache.Begin"/>.</param>
/// <param name="Moment">When it began.</param>
internal sealed record CacheFill(EntryCache Cache, long Begun, CacheMoment Moment)
{
    /// <summary>Keeps the answer, where it is an entry.</summary>
    public void Take(Operation operation, in OperationCall call)
    {
        if (call.Result.Outcome.Kind == OutcomeKind.Ok && call.AnsweredBy is { } lane && call.Reply is { } reply)
        {
            Cache.Fill(
                operation.Key,
                new()
                {
                    Outcome = call.Result.Outcome,
                    HasValue = operation.Kind == OperationKind.Get,
                    Replica = lane.Key,
                    Served = call.Result.Served,
                    ReadAfter = reply.ReadAfter,
                    Began = Moment,
                },
                Begun
            );
        }
    }
}

/// <summary>
/// Reads of keyspaces with a cache, at levels that it may answer: (1) what is kept, where it is recent enough; (2) what another
/// caller is fetching, once it is there; (3) the shard.
/// </summary>
internal sealed class CachedReads(EntryCaches caches, ExapyteClientOptions options, MonotonicClock clock)
{
    /// <summary>Runs one read.</summary>
    /// <param name="map">The map, of a keyspace with a cache.</param>
    /// <param name="operation">The read.</param>
    /// <param name="policy">What its level means.</param>
    /// <param name="terms">What the caller asks besides.</param>
    /// <param name="ask">Asks the shard.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<OperationResult> RunAsync(
        RoutedMap map,
        Operation operation,
        ConsistencyPolicy policy,
        CallTerms terms,
        Func<CacheFill, ValueTask<OperationResult>> ask,
        CancellationToken cancellationToken
    )
    {
        var cache = map.Cache!;
        if (Find(map, cache, operation, policy, terms.Session) is { } kept)
        {
            return kept;
        }
        var mine = cache.Fills.Begin(operation.Key, out var underWay);
        if (underWay is not null)
        {
            await WaitAsync(underWay, terms.DeadlineMs, cancellationToken).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            if (Find(map, cache, operation, policy, terms.Session) is { } fetched)
            {
                return fetched;
            }
        }
        caches.Meter.CacheMissed();
        try
        {
            return await ask(new(cache, cache.Begin(), caches.Now)).ConfigureAwait(false);
        }
        finally
        {
            cache.Fills.End(operation.Key, mine);
        }
    }

    private OperationResult? Find(
        RoutedMap map,
        EntryCache cache,
        Operation operation,
        ConsistencyPolicy policy,
        ClientSession? session
    )
    {
        var shardId = map.RouteOf(operation.Key.Span).Placement.ShardId;
        var taking = policy.Proof == ReadProof.Session ? session : null;
        if (cache.Find(operation, policy.Proof, shardId, taking, out var stalenessMs) is not { } entry)
        {
            return null;
        }
        caches.Meter.CacheHit();
        var isHere = options.LocalNode.Length > 0;
        var served = new ServedBy(
            policy.Level,
            isHere ? options.LocalNode : entry.Served.Node,
            isHere ? options.Region : entry.Served.Region,
            stalenessMs,
            CacheHit: true
        );
        return entry.Answer(map, operation, session, served);
    }

    /// <summary>No longer than one replica may take: whoever fetches it may be held up by several.</summary>
    private async Task WaitAsync(Task underWay, long deadlineMs, CancellationToken cancellationToken)
    {
        var leftMs = Math.Clamp(deadlineMs - clock.NowMs, 1, (long)options.AttemptTimeout.TotalMilliseconds);
        await underWay
            .WaitAsync(TimeSpan.FromMilliseconds(leftMs), clock.Time, cancellationToken)
            .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
