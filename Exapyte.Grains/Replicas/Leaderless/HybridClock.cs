using Exapyte.Grains.Nodes;
using Exapyte.Operations;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// The node's hybrid logical clock: 48 bits of Unix milliseconds, 16 bits of counter, and the node's <c>storeId</c> as
/// origin. Stamps never repeat and never go back, over restarts and steps of the wall clock too: the clock only gives out
/// stamps below a high-water mark that is durable in the node log, and starts behind it. Thread-safe.
/// </summary>
/// <remarks>
/// Kulkarni, Demirbas, Madappa, Avva, Leone: Logical Physical Clocks (2014), section 3. The mark is reserved
/// <see cref="ReserveMs"/> ahead and renewed when half of it is used, so that no write waits for it.
/// </remarks>
internal sealed class HybridClock
{
    private const int CounterBits = 16;
    private const long ReserveMs = 10_000;

    private readonly Lock gate = new();
    private readonly TimeProvider time;
    private readonly INodeLog log;
    private readonly ulong origin;
    private readonly long skewMsMax;
    private ulong last;
    private ulong reserved;
    private bool reserving;

    /// <summary>Creates the clock of a node.</summary>
    /// <param name="time">The wall clock.</param>
    /// <param name="log">Where the high-water mark is made durable.</param>
    /// <param name="origin">The node's <c>storeId</c>.</param>
    /// <param name="recovered">The mark found at start, 0 for none.</param>
    /// <param name="skewMsMax">How far a peer's stamp may be ahead of the wall clock before this clock stops following it.</param>
    public HybridClock(TimeProvider time, INodeLog log, ulong origin, long recovered, long skewMsMax)
    {
        this.time = time;
        this.log = log;
        this.origin = origin;
        this.skewMsMax = skewMsMax;
        last = unchecked((ulong)recovered);
        reserved = last;
    }

    private ulong NowStamp => (ulong)time.GetUtcNow().ToUnixTimeMilliseconds() << CounterBits;

    /// <summary>Unix milliseconds of a stamp.</summary>
    public static long MillisecondsOf(ulong stamp) => (long)(stamp >> CounterBits);

    /// <summary>The next stamp; null while the high-water mark is not durable, or while this clock runs too far ahead.</summary>
    public VersionStamp? Next()
    {
        lock (gate)
        {
            var now = NowStamp;
            var next = Math.Max(last + 1, now);
            if (MillisecondsOf(next) > MillisecondsOf(now) + skewMsMax + ReserveMs)
            {
                return null;
            }
            if (next > reserved)
            {
                Reserve(next);
                return null;
            }
            if (next + ((ulong)(ReserveMs / 2) << CounterBits) > reserved)
            {
                Reserve(next);
            }
            last = next;
            return new(next, origin);
        }
    }

    /// <summary>
    /// Makes the first mark durable; the clock gives stamps once the task has ended. On a full disk it gives none until
    /// space has returned.
    /// </summary>
    /// <exception cref="ReplicaFailedException">The log has failed.</exception>
    public async Task Start()
    {
        var marked = new LogCompletion("The clock's mark");
        ulong mark;
        lock (gate)
        {
            mark = Math.Max(last, NowStamp) + ((ulong)ReserveMs << CounterBits);
        }
        log.SetClockHighWater(unchecked((long)mark), marked);
        try
        {
            await marked.Task;
        }
        catch (ReplicaFailedException) when (log.Health.Condition == LogCondition.DiskFull)
        {
            return;
        }
        lock (gate)
        {
            reserved = Math.Max(reserved, mark);
        }
    }

    /// <summary>Follows a peer's stamp, unless it is too far ahead of the wall clock to be followed.</summary>
    public void Observe(ulong stamp)
    {
        lock (gate)
        {
            if (stamp > last && MillisecondsOf(stamp) <= MillisecondsOf(NowStamp) + skewMsMax)
            {
                last = stamp;
            }
        }
    }

    private void Reserve(ulong from)
    {
        if (reserving)
        {
            return;
        }
        reserving = true;
        var mark = from + ((ulong)ReserveMs << CounterBits);
        log.SetClockHighWater(
            unchecked((long)mark),
            new MarkCompletion(ok =>
            {
                lock (gate)
                {
                    reserving = false;
                    reserved = ok ? Math.Max(reserved, mark) : reserved;
                }
            })
        );
    }

    private sealed class MarkCompletion(Action<bool> done) : ILogCompletion
    {
        public void Complete(LogAppendResult result) => done(result.IsOk);
    }
}
