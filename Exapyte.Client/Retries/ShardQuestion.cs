using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Client.Rules;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>One try: what came back, if anything did.</summary>
internal readonly record struct ShardAttempt<TReply>(AttemptKind Kind, TReply? Reply)
    where TReply : class, IShardReply;

/// <summary>Asks single replicas once, with a deadline; what they know of newer maps is kept.</summary>
internal sealed class ShardAsker(MapCache maps, MonotonicClock clock, CallFailures failures)
{
    /// <summary>Asks a replica.</summary>
    /// <param name="lane">The replica.</param>
    /// <param name="ask">The question.</param>
    /// <param name="patience">How long its answer is waited for.</param>
    /// <param name="cancellationToken">Ends the wait; what else goes wrong is in the attempt.</param>
    public async ValueTask<ShardAttempt<TReply>> AskAsync<TReply>(
        ReplicaBatcher lane,
        Func<ValueTask<TReply>> ask,
        TimeSpan patience,
        CancellationToken cancellationToken
    )
        where TReply : class, IShardReply
    {
        try
        {
            var reply = await ask().AsTask().WaitAsync(patience, clock.Time, cancellationToken).ConfigureAwait(false);
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
}

/// <summary>A question about one shard that is tried until it is answered.</summary>
/// <param name="first">The map to begin with.</param>
/// <param name="shardId">The shard.</param>
/// <param name="level">How strongly it is answered: which replica is preferred.</param>
/// <param name="deadlineMs">When its time is up, in the clock's milliseconds.</param>
internal abstract class ShardQuestion<TReply>(RoutedMap first, long shardId, ConsistencyLevel level, long deadlineMs)
    : IRetriedCall<ShardAttempt<TReply>>
    where TReply : class, IShardReply
{
    private static readonly Operation AsRead = new() { Kind = OperationKind.Get, Key = ReadOnlyMemory<byte>.Empty };

    private AttemptHistory history;

    /// <summary>The shard.</summary>
    protected long ShardId => shardId;

    /// <summary>The last answer, whatever it says; null where there was none.</summary>
    public TReply? Reply { get; private set; }

    /// <summary>The map that it was asked by at last.</summary>
    public RoutedMap Map { get; private set; } = first;

    /// <summary>The replica that answered; null where none did.</summary>
    public ReplicaBatcher? From { get; private set; }

    /// <summary>Why it was not answered; null where it was.</summary>
    public OperationOutcome? WhyNot { get; private set; }

    public Preference Preference { get; } =
        LevelRules.PreferenceOf(first.Map.Settings.Replication, isWrite: false, level);

    public long DeadlineMs => deadlineMs;

    /// <summary>What is told where the keyspace goes on without the shard.</summary>
    protected abstract OperationOutcome ShardGone { get; }

    public ShardRoute? RouteOf(RoutedMap map) => Array.Find(map.Routes, route => route.Placement.ShardId == shardId);

    public abstract ValueTask<ShardAttempt<TReply>> AskAsync(
        RoutedMap map,
        ReplicaBatcher lane,
        bool atAnyMember,
        long nowMs,
        CancellationToken cancellationToken
    );

    public Verdict Judge(RoutedMap map, ReplicaBatcher lane, ShardAttempt<TReply> attempt)
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
            Reply = attempt.Reply;
            From = lane;
            WhyNot = outcome is { Kind: OutcomeKind.Ok } ? null : outcome;
        }
        return new(step, attempt.Kind, outcome);
    }

    public void OutOfTime() => WhyNot = history.OutOfTime(AsRead);

    public void Lost(MapLookup? found) => WhyNot = found?.WhyNot ?? ShardGone;

    public virtual bool GoesOnBy(RoutedMap newer)
    {
        Map = newer;
        return true;
    }
}
