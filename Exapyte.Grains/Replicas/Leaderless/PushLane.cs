using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Pushes writes to one other replica, in batches: while a call is in flight the next batch gathers. A batch that did
/// not arrive is pushed again until it does, with pauses that grow; pushing twice is harmless, for a merge is
/// idempotent. The queue is bounded: beyond it the oldest writes are dropped, counted, and left to repair; what was
/// enqueued together with a dropped write is never acknowledged. Thread-safe.
/// </summary>
internal sealed class PushLane(
    IShardGrain peer,
    Func<bool> isAlive,
    long fromReplicaId,
    TimeProvider time,
    PushLimits limits
)
{
    private readonly Lock gate = new();
    private readonly Queue<Push> queue = new();
    private long queuedBytes;
    private long dropped;
    private List<Push> underWay = [];
    private bool pushing;
    private bool stopped;

    private long mapEpoch;

    private readonly record struct Push(StampedEntry Entry, Parcel Parcel, bool IsLast, int Bytes);

    /// <summary>What was enqueued together. Touched behind the gate.</summary>
    private sealed class Parcel(AckCounter? acks, ulong index)
    {
        public ulong Index => index;

        private bool isIncomplete;

        public void Lose() => isIncomplete = true;

        public void Arrive()
        {
            if (!isIncomplete)
            {
                acks?.Add();
            }
        }
    }

    /// <summary>The epoch of the map that this replica serves by; every push says it.</summary>
    public long MapEpoch
    {
        get => Volatile.Read(ref mapEpoch);
        set => Volatile.Write(ref mapEpoch, value);
    }

    /// <summary>Writes that wait.</summary>
    public int Waiting
    {
        get
        {
            lock (gate)
            {
                return queue.Count;
            }
        }
    }

    /// <summary>The lowest log index among the writes that have not arrived; null where all have.</summary>
    public ulong? OldestIndex
    {
        get
        {
            lock (gate)
            {
                ulong? oldest = null;
                foreach (var push in underWay.Concat(queue))
                {
                    var index = push.Parcel.Index;
                    if (index != 0 && (oldest is null || index < oldest))
                    {
                        oldest = index;
                    }
                }
                return oldest;
            }
        }
    }

    /// <summary>Writes that were dropped because the peer was away for too long.</summary>
    public long Dropped => Volatile.Read(ref dropped);

    /// <summary>Pushes the entries; the acknowledgement of the whole is counted once.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="acks">Who counts; null for nobody.</param>
    /// <param name="index">Their index in this node's log; 0 where they are in none.</param>
    public void Enqueue(ReadOnlySpan<StampedEntry> entries, AckCounter? acks, ulong index = 0)
    {
        lock (gate)
        {
            if (stopped)
            {
                return;
            }
            var parcel = new Parcel(acks, index);
            for (var i = 0; i < entries.Length; i++)
            {
                var bytes = WireBatches.BytesOf(entries[i]);
                queue.Enqueue(new(entries[i], parcel, i == entries.Length - 1, bytes));
                queuedBytes += bytes;
            }
            DropExcess();
            if (pushing)
            {
                return;
            }
            pushing = true;
        }
        _ = Run();
    }

    /// <summary>Stops pushing; what waits is forgotten.</summary>
    public void Stop()
    {
        lock (gate)
        {
            stopped = true;
            queue.Clear();
            queuedBytes = 0;
        }
    }

    private async Task Run()
    {
        await Task.Yield();
        var pause = limits.RetryPauseMin;
        while (TakeBatch() is { Count: > 0 } batch)
        {
            while (!await TryPush(batch))
            {
                if (stopped)
                {
                    return;
                }
                await Task.Delay(pause * (0.5 + Random.Shared.NextDouble()), time);
                pause = pause * 2 < limits.RetryPauseMax ? pause * 2 : limits.RetryPauseMax;
            }
            pause = limits.RetryPauseMin;
            Arrived(batch);
        }
    }

    private void Arrived(List<Push> batch)
    {
        lock (gate)
        {
            foreach (var push in batch)
            {
                if (push.IsLast)
                {
                    push.Parcel.Arrive();
                }
            }
            underWay = [];
        }
    }

    private List<Push>? TakeBatch()
    {
        lock (gate)
        {
            if (queue.Count == 0 || stopped)
            {
                pushing = false;
                return null;
            }
            List<Push> batch = [];
            long bytes = 0;
            while (queue.TryPeek(out var push) && (batch.Count == 0 || bytes + push.Bytes <= Limits.WireBatchBytesMax))
            {
                queue.Dequeue();
                batch.Add(push);
                bytes += push.Bytes;
                queuedBytes -= push.Bytes;
            }
            underWay = batch;
            return batch;
        }
    }

    private async ValueTask<bool> TryPush(List<Push> batch)
    {
        if (!isAlive())
        {
            return false;
        }
        try
        {
            var reply = await peer.Replicate(
                new()
                {
                    FromReplicaId = fromReplicaId,
                    Entries = [.. batch.Select(push => push.Entry)],
                    MapEpoch = MapEpoch,
                }
            );
            return reply.Kind == OutcomeKind.Ok;
        }
        catch (Exception)
        {
            // Whatever kept the call from arriving or from being answered: the push is idempotent and is tried again.
            return false;
        }
    }

    private void DropExcess()
    {
        while (queue.Count > limits.EntriesMax || queuedBytes > limits.BytesMax)
        {
            var push = queue.Dequeue();
            push.Parcel.Lose();
            queuedBytes -= push.Bytes;
            dropped++;
        }
    }
}

/// <summary>Bounds of a <see cref="PushLane"/>.</summary>
internal sealed record PushLimits
{
    /// <summary>Most entries that wait for one peer.</summary>
    public int EntriesMax { get; init; } = 1_000_000;

    /// <summary>Most bytes that wait for one peer.</summary>
    public long BytesMax { get; init; } = 64 << 20;

    /// <summary>First pause after a push that did not arrive.</summary>
    public TimeSpan RetryPauseMin { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Longest pause.</summary>
    public TimeSpan RetryPauseMax { get; init; } = TimeSpan.FromSeconds(1);
}
