using Exapyte.Operations;
using Exapyte.Storage.Log;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Pushes writes to one other replica, in batches: while a call is in flight the next batch gathers. A batch that did not
/// arrive is pushed again until it does, with pauses that grow; pushing twice is harmless, for a merge is idempotent.
/// Thread-safe.
/// </summary>
/// <remarks>
/// Entries are kept only while the peer is alive and the node's <see cref="PushBudget"/> has room; for the rest the lane keeps
/// one range of the node's log (<see cref="PushBacklog"/>) and reads it again when its time comes. A copy in memory has no log:
/// what finds no room drives the oldest out, which is counted and left to repair, and never acknowledged.
/// A batch that is refused is pushed on write by write, so that one that the peer will never take holds up no other: it is
/// dropped where the peer says so, and put aside where calls with it keep failing.
/// </remarks>
internal sealed class PushLane(
    IShardGrain peer,
    Func<bool> isAlive,
    long fromReplicaId,
    TimeProvider time,
    PushLimits limits,
    PushBudget budget,
    PushLog? log
)
{
    private const int AsideMax = 16;

    private readonly Lock gate = new();
    private readonly Queue<PushedWrite> fresh = new();
    private readonly Queue<PushedWrite> aside = new();
    private readonly PushBacklog backlog = new();
    private List<PushedWrite> underWay = [];
    private Queue<PushedWrite> next = new();
    private int failures;
    private bool pushing;
    private bool stopped;
    private long dropped;
    private long mapEpoch;

    /// <summary>The epoch of the map that this replica serves by; every push says it.</summary>
    public long MapEpoch
    {
        get => Volatile.Read(ref mapEpoch);
        set => Volatile.Write(ref mapEpoch, value);
    }

    /// <summary>Writes that wait, those under way not among them; of the log as many as it can be at most.</summary>
    public long Waiting
    {
        get
        {
            lock (gate)
            {
                return fresh.Count + next.Count + aside.Count + backlog.Count;
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
                var oldest = backlog.IsEmpty ? ulong.MaxValue : backlog.From;
                foreach (var write in underWay.Concat(next).Concat(fresh).Concat(aside))
                {
                    oldest = write.Index != 0 && write.Index < oldest ? write.Index : oldest;
                }
                return oldest == ulong.MaxValue ? null : oldest;
            }
        }
    }

    /// <summary>Writes that were dropped: there was no room, the log forgot them, or the peer does not take them.</summary>
    public long Dropped => Volatile.Read(ref dropped);

    /// <summary>Pushes the entries; the acknowledgement of the whole is counted once.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="acks">Who counts; null for nobody.</param>
    /// <param name="index">Their index in this node's log; 0 where they are in none.</param>
    public void Enqueue(StampedEntry[] entries, AckCounter? acks, ulong index = 0)
    {
        var write = new PushedWrite(entries, acks, index);
        lock (gate)
        {
            if (stopped)
            {
                return;
            }
            if (log is not null && index != 0 && (!backlog.IsEmpty || !isAlive() || !budget.TryTake(write.Bytes)))
            {
                backlog.Add(index, acks);
            }
            else if (log is not null && index != 0)
            {
                fresh.Enqueue(write);
            }
            else
            {
                EnqueueUnlogged(write);
            }
            if (pushing)
            {
                return;
            }
            pushing = true;
        }
        _ = Run();
    }

    /// <summary>Pushes what was stamped here and lies in the log between two indexes, both among it.</summary>
    public void Replay(ulong from, ulong through)
    {
        lock (gate)
        {
            if (stopped || from > through)
            {
                return;
            }
            backlog.Add(from, null);
            backlog.Add(through, null);
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
            foreach (var write in underWay.Concat(next).Concat(fresh).Concat(aside))
            {
                GiveBack(write);
            }
            underWay = [];
            next.Clear();
            fresh.Clear();
            aside.Clear();
            backlog.Clear();
        }
    }

    private async Task Run()
    {
        await Task.Yield();
        var pause = limits.RetryPauseMin;
        while (Take(out var isStuck) is { } batch)
        {
            var reply = isStuck ? null : await TryPush(batch);
            if (reply is { Kind: OutcomeKind.Ok })
            {
                pause = limits.RetryPauseMin;
                continue;
            }
            if (!isStuck && Refused(reply))
            {
                continue;
            }
            await Task.Delay(pause * (0.5 + Random.Shared.NextDouble()), time);
            pause = pause * 2 < limits.RetryPauseMax ? pause * 2 : limits.RetryPauseMax;
        }
    }

    /// <summary>The batch to push now: the one under way, else the next; null where there is none, and the lane rests.</summary>
    /// <param name="isStuck">There is something to push, but it cannot be read now.</param>
    private List<PushedWrite>? Take(out bool isStuck)
    {
        isStuck = false;
        lock (gate)
        {
            if (stopped)
            {
                pushing = false;
                return null;
            }
            if (underWay.Count > 0)
            {
                if (log is null || isAlive())
                {
                    return underWay;
                }
                // Whoever is away may stay so for long: nothing of it stays in memory.
                Forget(underWay);
                underWay = [];
            }
            if (log is not null && !isAlive())
            {
                Forget(next);
                Forget(fresh);
                Forget(aside);
                next.Clear();
                fresh.Clear();
                aside.Clear();
                isStuck = !backlog.IsEmpty;
            }
            else
            {
                Gather(next.Count > 0 ? next : fresh);
                if (underWay.Count == 0 && !backlog.IsEmpty)
                {
                    isStuck = !ReadBacklog();
                }
                if (underWay.Count == 0 && aside.TryDequeue(out var again))
                {
                    underWay.Add(again);
                    isStuck = false;
                }
            }
            pushing = underWay.Count > 0 || isStuck || !backlog.IsEmpty || fresh.Count > 0;
            return pushing ? underWay : null;
        }
    }

    private void Gather(Queue<PushedWrite> from)
    {
        long bytes = 0;
        // One at a time once a batch was refused: whatever it is in it, the others need not wait for it.
        while (
            from.TryPeek(out var write)
            && (underWay.Count == 0 || (from != next && bytes + write.Bytes <= Limits.WireBatchBytesMax))
        )
        {
            underWay.Add(from.Dequeue());
            bytes += write.Bytes;
        }
    }

    /// <summary>Reads the next part of the backlog; false where that is not possible now.</summary>
    private bool ReadBacklog()
    {
        List<(ulong Index, StampedEntry[] Entries)> read = [];
        var status = log!.Read(backlog.From, backlog.Through, Limits.WireBatchBytesMax, read, out var end);
        if (status == LogReadStatus.Compacted)
        {
            Interlocked.Add(ref dropped, backlog.SkipTo(log.FirstIndex));
            return true;
        }
        if (status != LogReadStatus.Ok || end == backlog.From)
        {
            // It cannot be read, or is not durable yet. It stays in the range, so that no mark passes it.
            return false;
        }
        foreach (var (index, entries) in read)
        {
            underWay.Add(new(entries, backlog.AcksOf(index), index) { IsRead = true });
        }
        backlog.SkipTo(end);
        return true;
    }

    /// <summary>Pushes a batch in as many calls as it takes and takes note of what has arrived; the reply that ended it.</summary>
    private async ValueTask<ReplicateReply?> TryPush(List<PushedWrite> batch)
    {
        if (!isAlive())
        {
            return null;
        }
        StampedEntry[] entries = [.. batch.SelectMany(write => write.Entries)];
        var winners = new VersionStamp[entries.Length];
        ReplicateReply? reply = new() { Kind = OutcomeKind.Ok };
        var at = 0;
        try
        {
            foreach (var part in WireBatches.Of(entries))
            {
                reply = await peer.Replicate(
                    new()
                    {
                        FromReplicaId = fromReplicaId,
                        Entries = part,
                        MapEpoch = MapEpoch,
                    }
                );
                if (reply.Kind != OutcomeKind.Ok)
                {
                    return reply;
                }
                reply.Winners.AsSpan(0, Math.Min(reply.Winners.Length, part.Length)).CopyTo(winners.AsSpan(at));
                at += part.Length;
            }
        }
        catch (Exception)
        {
            // Whatever kept the call from arriving or from being answered: the push is idempotent and is tried again.
            return null;
        }
        Arrived(batch, winners);
        return reply;
    }

    private void Arrived(List<PushedWrite> batch, ReadOnlySpan<VersionStamp> winners)
    {
        lock (gate)
        {
            failures = 0;
            foreach (var write in batch)
            {
                write.Acks?.Add(winners[..write.Entries.Length]);
                winners = winners[write.Entries.Length..];
            }
            // A lane that was stopped meanwhile has forgotten the batch and given back what it took.
            if (ReferenceEquals(underWay, batch))
            {
                batch.ForEach(GiveBack);
                underWay = [];
            }
        }
    }

    /// <summary>A push did not arrive. Whether something else can be pushed at once.</summary>
    private bool Refused(ReplicateReply? reply)
    {
        lock (gate)
        {
            failures++;
            var isForGood = reply is { Kind: OutcomeKind.Invalid };
            // Without an answer it may be what is in the batch. An answer says whether it is that.
            var isSuspect = reply is null && failures >= limits.FailuresBeforeSplit && isAlive();
            if (stopped || underWay.Count == 0 || (!isForGood && !isSuspect))
            {
                return false;
            }
            failures = 0;
            if (underWay.Count > 1)
            {
                next = new(underWay.Concat(next));
                underWay = [];
                return isForGood;
            }
            if (isForGood)
            {
                dropped += underWay[0].Entries.Length;
                GiveBack(underWay[0]);
                underWay = [];
            }
            else if (aside.Count < AsideMax)
            {
                aside.Enqueue(underWay[0]);
                underWay = [];
            }
            return isForGood;
        }
    }

    private void EnqueueUnlogged(PushedWrite write)
    {
        fresh.Enqueue(write);
        while (!budget.TryTake(write.Bytes))
        {
            var oldest = fresh.Dequeue();
            dropped += oldest.Entries.Length;
            if (ReferenceEquals(oldest, write))
            {
                return;
            }
            GiveBack(oldest);
        }
    }

    /// <summary>Writes go back to where they are in the log.</summary>
    private void Forget(IEnumerable<PushedWrite> writes)
    {
        foreach (var write in writes)
        {
            backlog.Add(write.Index, write.Acks);
            GiveBack(write);
        }
    }

    private void GiveBack(PushedWrite write)
    {
        if (!write.IsRead)
        {
            budget.GiveBack(write.Bytes);
        }
    }
}
