using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client.Lanes;

/// <summary>
/// The way to one replica: gathers concurrent operations into batches, each kind apart: a read must not wait for a disk,
/// and nobody for the replicas that another one's level asks for. While fewer than
/// <see cref="ExapyteClientOptions.InflightBatchesMax"/> calls of its kind are on their way an operation leaves at once, on
/// its caller's thread; else it waits for one of them to return and shares the next call with all that gathered meanwhile.
/// </summary>
/// <remarks>
/// Thread-safe. Operations of a kind leave in the order in which they came. An item in the queue or in a flight of
/// <see cref="inflight"/> is never pooled, so the sweep may look at it while it holds the lock.
/// </remarks>
internal sealed class ReplicaBatcher(ReplicaKey key, IShardReplica replica, LaneContext context)
{
    /// <summary>What a replica that handed its leadership over needs to answer all it has taken before, and to spare.</summary>
    private const int AfterLeaderMovedMs = 200;

    /// <summary>What a replica whose connection did not break needs to answer what it has taken.</summary>
    private const int AfterConnectionLostMs = 100;

    private readonly Lock gate = new();
    private readonly List<LaneQueue> queues = [];
    private readonly List<PendingOperation> taken = [];
    private readonly List<InflightBatch> inflight = new(context.Options.InflightBatchesMax);
    private readonly ServedBy?[] served = new ServedBy?[(int)ConsistencyLevel.All + 1];
    private int queuedOperations;
    private long queuedEarliestMs = long.MaxValue;
    private volatile bool busy;
    private volatile bool retired;

    public ReplicaKey Key => key;

    public IShardReplica Replica => replica;

    public ReplicaCircuitBreaker CircuitBreaker { get; } = new();

    /// <summary>The epoch that routes; rises with the maps that keep this replica.</summary>
    public long MapEpoch { get; set; }

    /// <summary>Whether the node of this process has not heard of the replica's node for long: see <see cref="NodeNews.LostNodes"/>.</summary>
    public bool IsLost => context.News.LostNodes.Contains(key.Node);

    public bool IsBusy => busy;

    public bool IsRetired => retired;

    /// <summary>The map no longer places this replica: it takes nothing new, what is on its way ends as it ends.</summary>
    public void Retire()
    {
        lock (gate)
        {
            retired = true;
        }
    }

    /// <summary>Queues the item and waits for its end. The item belongs to the lane from here on.</summary>
    public ValueTask<Attempt> RunAsync(PendingOperation item, CancellationToken cancellationToken)
    {
        var wait = item.WaitAsync(cancellationToken);
        InflightBatch? flight = null;
        AttemptKind? refusal = null;
        lock (gate)
        {
            if (retired)
            {
                refusal = AttemptKind.NotSent;
            }
            else if (queuedOperations > 0 && queuedOperations + item.Count > context.Options.QueuedOperationsMax)
            {
                refusal = AttemptKind.Refused;
            }
            else
            {
                QueueOf(item).Items.Enqueue(item);
                queuedOperations += item.Count;
                queuedEarliestMs = Math.Min(queuedEarliestMs, item.AttemptDeadlines.QueuedUntilMs);
                flight = TakeBatch();
                busy = true;
            }
        }
        if (refusal is { } kind)
        {
            item.CompleteLast(Attempt.Without(kind));
            return wait;
        }
        context.Sweeper.Wake();
        if (flight is not null)
        {
            Launch(flight);
        }
        return wait;
    }

    /// <summary>
    /// The replica leads no longer. What waits for it as a leader soon goes to the one that does, as far as it may be tried
    /// twice or was not sent.
    /// </summary>
    public void LeaderMoved()
    {
        lock (gate)
        {
            var untilMs = context.Clock.NowMs + AfterLeaderMovedMs;
            foreach (var item in queues.SelectMany(queue => queue.Items))
            {
                item.AttemptDeadlines = item.AttemptDeadlines.OnceLeaderMoved(untilMs);
                queuedEarliestMs = Math.Min(queuedEarliestMs, item.AttemptDeadlines.QueuedUntilMs);
            }
            inflight.ForEach(flight => flight.Hasten(patience => patience.OnceLeaderMoved(untilMs)));
        }
    }

    /// <summary>A connection to the cluster broke: see <see cref="AttemptDeadlines.OnceConnectionLost"/>.</summary>
    public void ConnectionLost()
    {
        lock (gate)
        {
            var untilMs = context.Clock.NowMs + AfterConnectionLostMs;
            inflight.ForEach(flight => flight.Hasten(patience => patience.OnceConnectionLost(untilMs)));
        }
    }

    /// <summary>Lets go whose time is up; a flight that nobody waits for any more makes room for the next.</summary>
    public void Expire(long nowMs)
    {
        List<InflightBatch>? launches = null;
        var missed = false;
        lock (gate)
        {
            if (nowMs >= queuedEarliestMs)
            {
                queuedEarliestMs = long.MaxValue;
                foreach (var queue in queues)
                {
                    queuedEarliestMs = Math.Min(queuedEarliestMs, ExpireQueued(queue.Items, nowMs));
                }
            }
            for (var i = inflight.Count - 1; i >= 0; i--)
            {
                var flight = inflight[i];
                if (nowMs < flight.EarliestMs)
                {
                    continue;
                }
                if (flight.Expire(nowMs))
                {
                    inflight.RemoveAt(i);
                    flight.Queue.Inflight--;
                }
                missed |= flight.Missed;
            }
            while (TakeBatch() is { } flight)
            {
                (launches ??= []).Add(flight);
            }
            busy = IsAnythingLeft;
        }
        if (missed)
        {
            CircuitBreaker.Failed(nowMs);
        }
        launches?.ForEach(Launch);
    }

    /// <summary>What served a reply of this replica; the same object for the same answer.</summary>
    public ServedBy ServedBy(ConsistencyLevel level, BatchReply reply, long stalenessMs)
    {
        var known = Volatile.Read(ref served[(int)level]);
        if (known is not null && known.StalenessMs == stalenessMs && known.Node == reply.Node)
        {
            return known;
        }
        var fresh = new ServedBy(level, reply.Node, reply.Region, stalenessMs, CacheHit: false);
        Volatile.Write(ref served[(int)level], fresh);
        return fresh;
    }

    private bool IsAnythingLeft => inflight.Count > 0 || IsAnyQueued;

    private bool IsAnyQueued => queues.Exists(static queue => queue.Items.Count > 0);

    /// <summary>The queue of an item's kind. To be called under the lock.</summary>
    private LaneQueue QueueOf(PendingOperation item)
    {
        foreach (var queue in queues)
        {
            if (queue.IsFor(item))
            {
                return queue;
            }
        }
        var made = new LaneQueue(item.IsWrite, item.Level);
        queues.Add(made);
        return made;
    }

    /// <summary>Lets go whose time is up, and says when the next one's is.</summary>
    private long ExpireQueued(Queue<PendingOperation> queue, long nowMs)
    {
        var earliest = long.MaxValue;
        for (var left = queue.Count; left > 0; left--)
        {
            var item = queue.Dequeue();
            if (item.AttemptDeadlines.QueuedUntilMs <= nowMs)
            {
                item.CompleteEarly(AttemptKind.NotSent);
            }
            if (item.IsCompleted)
            {
                queuedOperations -= item.Count;
                continue;
            }
            earliest = Math.Min(earliest, item.AttemptDeadlines.QueuedUntilMs);
            queue.Enqueue(item);
        }
        return earliest;
    }

    /// <summary>The next batch, where there is room for one and anybody waits. To be called under the lock.</summary>
    private InflightBatch? TakeBatch()
    {
        foreach (var queue in queues)
        {
            if (TakeBatch(queue) is { } flight)
            {
                return flight;
            }
        }
        return null;
    }

    private InflightBatch? TakeBatch(LaneQueue queue)
    {
        if (queue.Items.Count == 0 || queue.Inflight >= context.Options.InflightBatchesMax)
        {
            return null;
        }
        taken.Clear();
        int count = 0,
            bytes = 0;
        long latestMs = 0;
        while (queue.Items.TryPeek(out var item))
        {
            if (!item.IsCompleted && count > 0 && !Fits(item, taken[0], count, bytes))
            {
                break;
            }
            queue.Items.Dequeue();
            queuedOperations -= item.Count;
            if (item.IsCompleted)
            {
                continue;
            }
            taken.Add(item);
            count += item.Count;
            bytes += item.Bytes;
            latestMs = Math.Max(latestMs, item.AttemptDeadlines.AnsweredUntilMs);
        }
        if (!IsAnyQueued)
        {
            queuedEarliestMs = long.MaxValue;
        }
        if (taken.Count == 0)
        {
            return null;
        }
        PendingOperation[] items = [.. taken];
        taken.Clear();
        var flight = new InflightBatch(queue, items, BatchOf(items, count, latestMs));
        inflight.Add(flight);
        queue.Inflight++;
        return flight;
    }

    private bool Fits(PendingOperation item, PendingOperation first, int count, int bytes) =>
        !item.Atomic
        && !first.Atomic
        && item.Level is not null
        && count + item.Count <= context.Options.BatchOperationsMax
        && bytes + item.Bytes <= Limits.WireBatchBytesMax;

    private OperationBatch BatchOf(PendingOperation[] items, int count, long latestMs)
    {
        var operations = new Operation[count];
        var offset = 0;
        foreach (var item in items)
        {
            item.CopyTo(operations.AsSpan(offset));
            offset += item.Count;
        }
        return new OperationBatch
        {
            Operations = operations,
            MapEpoch = MapEpoch,
            Atomic = items[0].Atomic,
            TimeoutMs = (int)Math.Max(1, latestMs - context.Clock.NowMs),
        };
    }

    /// <summary>
    /// Starts the call. It must not run as part of a grain that calls: a lane is shared, and a grain's turn, its request
    /// context and its activity are its own.
    /// </summary>
    private void Launch(InflightBatch flight)
    {
        if (TaskScheduler.Current != TaskScheduler.Default)
        {
            ThreadPool.UnsafeQueueUserWorkItem(
                static pair => _ = pair.Lane.SendAsync(pair.InflightBatch),
                (Lane: this, InflightBatch: flight),
                preferLocal: false
            );
            return;
        }
        if (ExecutionContext.IsFlowSuppressed())
        {
            _ = SendAsync(flight);
            return;
        }
        using (ExecutionContext.SuppressFlow())
        {
            _ = SendAsync(flight);
        }
    }

    private async Task SendAsync(InflightBatch flight)
    {
        BatchReply? reply = null;
        var kind = AttemptKind.Answered;
        context.Meter.Sent(flight.Batch.Operations.Length);
        var connection = context.Gateways.Mark();
        try
        {
            reply = await replica.Execute(flight.Batch).ConfigureAwait(false);
            if (reply.Outcomes.Length != flight.Batch.Operations.Length)
            {
                reply = null;
                kind = AttemptKind.Failed;
            }
        }
        catch (Exception exception)
        {
            kind = context.Gateways.NothingSince(connection)
                ? AttemptKind.NotSent
                : context.Failures.Classify(exception);
            // A call that fails at once would start the next one on this very stack.
            await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        }
        Judge(kind, reply);
        // The next batch leaves before the callers of this one wake up.
        if (TakeNext(flight) is { } next)
        {
            _ = SendAsync(next);
        }
        flight.Complete(kind, reply);
    }

    private void Judge(AttemptKind kind, BatchReply? reply)
    {
        if (kind != AttemptKind.Answered)
        {
            CircuitBreaker.Failed(context.Clock.NowMs);
            return;
        }
        CircuitBreaker.Answered();
        if (reply?.NewerMap is { } map)
        {
            context.NewerMap(map);
        }
    }

    private InflightBatch? TakeNext(InflightBatch landed)
    {
        lock (gate)
        {
            if (inflight.Remove(landed))
            {
                landed.Queue.Inflight--;
            }
            var next = TakeBatch();
            busy = IsAnythingLeft;
            return next;
        }
    }
}
