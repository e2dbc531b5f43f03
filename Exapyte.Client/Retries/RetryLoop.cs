using System.Runtime.CompilerServices;
using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>What one try came to.</summary>
/// <param name="Step">What to do next.</param>
/// <param name="Kind">How the try ended.</param>
/// <param name="Why">What the replica said that led to the step; null where it said nothing.</param>
internal readonly record struct Verdict(NextStep Step, AttemptKind Kind, OperationOutcome? Why);

/// <summary>
/// What is tried until it is done: an operation, a group of a batch, a page of a listing. It knows what is asked and how its
/// end is told; where and when it is asked is the loop's.
/// </summary>
/// <typeparam name="TAttempt">What comes back from one try.</typeparam>
internal interface IRetriedCall<TAttempt>
{
    /// <summary>Which replica is preferred.</summary>
    Preference Preference { get; }

    /// <summary>When its time is up, in the clock's milliseconds.</summary>
    long DeadlineMs { get; }

    /// <summary>Its shard by this map; null where the map has none.</summary>
    ShardRoute? RouteOf(RoutedMap map);

    /// <summary>Asks one replica once.</summary>
    /// <param name="map">The map.</param>
    /// <param name="lane">The replica.</param>
    /// <param name="atAnyMember">See <see cref="Exapyte.Operations.Operation.AtAnyMember"/>.</param>
    /// <param name="nowMs">The clock's milliseconds.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    ValueTask<TAttempt> AskAsync(
        RoutedMap map,
        ReplicaBatcher lane,
        bool atAnyMember,
        long nowMs,
        CancellationToken cancellationToken
    );

    /// <summary>Takes what came back; keeps the result where it is done.</summary>
    Verdict Judge(RoutedMap map, ReplicaBatcher lane, TAttempt attempt);

    /// <summary>Ends it: its time is up, or no replica that can be asked will serve it.</summary>
    void OutOfTime();

    /// <summary>Ends it: its keyspace is gone or is another one (as the lookup has it), or its shard (then null).</summary>
    void Lost(MapLookup? found);

    /// <summary>Whether it goes on by a newer map; else it ends here, to be gone on with by its owner.</summary>
    bool GoesOnBy(RoutedMap newer);
}

/// <summary>
/// The only retry loop: (1) find the shard and the replica to try, (2) ask it, (3) judge what came back, (4) pause, load a
/// newer map where that is asked for, and go on at 1, until it is done or its time is up.
/// </summary>
internal sealed class RetryLoop(
    MapResolver paths,
    ExapyteClientOptions options,
    MonotonicClock clock,
    ClientMeter meter
)
{
    /// <summary>Runs a call to its end.</summary>
    /// <returns>The call, which holds its result.</returns>
    /// <remarks>A call may be a structure, so that an operation that succeeds at once allocates nothing for it.</remarks>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<TCall> RunAsync<TCall, TAttempt>(
        TCall call,
        RoutedMap map,
        CancellationToken cancellationToken
    )
        where TCall : IRetriedCall<TAttempt>
    {
        var state = new RetryState(options, call.Preference);
        while (true)
        {
            var nowMs = clock.NowMs;
            if (nowMs >= call.DeadlineMs)
            {
                call.OutOfTime();
                return call;
            }
            if (call.RouteOf(map) is not { } route)
            {
                call.Lost(null);
                return call;
            }
            var at = state.Next(route, nowMs);
            var (step, pauseMs) = (NextStep.Reload, 0);
            if (at >= 0)
            {
                var lane = route.Lanes[at];
                var atAnyMember = call.Preference == Preference.AnyMember && route.IsAskedForLeader(at);
                var attempt = await call.AskAsync(map, lane, atAnyMember, nowMs, cancellationToken)
                    .ConfigureAwait(false);
                (step, var kind, var why) = call.Judge(map, lane, attempt);
                if (step == NextStep.Done)
                {
                    state.Arrived(route, at, kind, atAnyMember);
                    return call;
                }
                pauseMs = state.Turn(ref step, route, at, why, clock.NowMs);
                if (step == NextStep.GiveUp)
                {
                    call.OutOfTime();
                    return call;
                }
            }
            else
            {
                pauseMs = state.Pause();
            }
            meter.Retried();
            var found = await paths
                .GoOnAsync(map, step, pauseMs, call.DeadlineMs, cancellationToken)
                .ConfigureAwait(false);
            if (found.Map is not { } next || next.Map.KeyspaceId != map.Map.KeyspaceId)
            {
                call.Lost(found);
                return call;
            }
            if (next != map)
            {
                map = next;
                state.StartOver();
                if (!call.GoesOnBy(map))
                {
                    return call;
                }
            }
        }
    }
}
