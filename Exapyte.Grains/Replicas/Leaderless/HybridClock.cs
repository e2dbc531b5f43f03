using System.Diagnostics.CodeAnalysis;
using Exapyte.Grains.Nodes;
using Exapyte.Operations;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What the clock answers: a stamp, or why there is none.</summary>
internal readonly record struct ClockReading(VersionStamp Stamp, OutcomeKind Kind, string? Detail)
{
    /// <summary>Whether there is a stamp.</summary>
    public bool IsOk => Kind == OutcomeKind.Ok;

    /// <summary>When the write was made, as best known, in Unix milliseconds: its modification time, and what a lifetime counts from.</summary>
    public long AtMs { get; init; }

    /// <summary>
    /// The stamp is one more than that of the entry that it replaces, which is too far ahead to be followed: the clock has
    /// not given it out and does not know it.
    /// </summary>
    public bool IsAhead { get; init; }
}

/// <summary>
/// The node's hybrid logical clock: 48 bits of Unix milliseconds, 16 bits of counter, and the node's <c>storeId</c> as
/// origin. Stamps never repeat and never go back, over restarts and steps of the wall clock too: the clock only gives out
/// stamps up to a high-water mark that is durable in the node log, and starts behind it. Thread-safe.
/// </summary>
/// <remarks>
/// Kulkarni, Demirbas, Madappa, Avva, Leone: Logical Physical Clocks (2014), section 3. Neither a stamp nor the mark is
/// ever further ahead of the wall clock than the tolerated skew: so the peers follow every stamp, and a node that starts
/// again and again does not drive its clock ahead. While the others' clocks say that the wall clock is wrong
/// (<see cref="PeerClocks"/>) nothing is stamped. An entry whose stamp is too far ahead to be followed, one of a clock that was
/// wrong and that nobody could contradict, is overwritten by one more than its own stamp; no clock moves by that. The mark is renewed when half of it is used, so that a busy node's
/// writes do not wait for it; the first after a rest does.
/// </remarks>
internal sealed class HybridClock
{
    private const int CounterBits = 16;

    /// <summary>A mark that took longer to write than it lasts is of no use; after as many the disk is given up on.</summary>
    private const int MarksAwaitedMax = 3;

    /// <summary>What the wall clock lacks to the next stamp is worth waiting for up to here.</summary>
    private const long AwaitedMs = 1_000;

    private readonly Lock gate = new();
    private readonly PeerClocks clocks;
    private readonly INodeLog log;
    private readonly ulong origin;
    private readonly ulong skew;
    private ulong last;
    private ulong reserved;
    private MarkWrite? marking;

    /// <summary>Creates the clock of a node.</summary>
    /// <param name="clocks">The wall clock, and what those of the others say of it.</param>
    /// <param name="log">Where the high-water mark is made durable.</param>
    /// <param name="origin">The node's <c>storeId</c>.</param>
    /// <param name="recovered">The mark found at start, 0 for none.</param>
    /// <param name="inDoubt">A higher mark may have been lost: start behind the highest that there can have been.</param>
    /// <param name="skewMsMax">How far stamps may be ahead of the wall clock, in milliseconds: own ones and followed ones.</param>
    public HybridClock(PeerClocks clocks, INodeLog log, ulong origin, long recovered, bool inDoubt, long skewMsMax)
    {
        this.clocks = clocks;
        this.log = log;
        this.origin = origin;
        skew = (ulong)skewMsMax << CounterBits;
        last = unchecked((ulong)recovered);
        if (inDoubt)
        {
            last = Math.Max(last, NowStamp + skew);
        }
        reserved = last;
    }

    private ulong NowStamp => FirstOf(clocks.NowMs);

    /// <summary>Unix milliseconds of a stamp.</summary>
    public static long MillisecondsOf(ulong stamp) => (long)(stamp >> CounterBits);

    /// <summary>The first stamp of a millisecond.</summary>
    public static ulong FirstOf(long unixMilliseconds) => (ulong)unixMilliseconds << CounterBits;

    /// <summary>The next stamp, once the mark covers it; none while the clock is too far ahead or the log takes no mark.</summary>
    public ValueTask<ClockReading> Next() =>
        TryNext(out var reading, out var pending) ? ValueTask.FromResult(reading) : NextBehind(pending);

    /// <summary>
    /// A stamp that wins over one that is held, whatever clock that came from. The caller sees to it that two writes under
    /// way over one held stamp do not both get the same: see <see cref="ClockReading.IsAhead"/>.
    /// </summary>
    public ValueTask<ClockReading> Over(ulong held)
    {
        Observe(held);
        var next = Next();
        return next.IsCompletedSuccessfully ? new(Over(held, next.Result)) : Later(next, held);
    }

    /// <summary>The answer where nothing can win over what is held.</summary>
    public static ClockReading NoneOver() =>
        Refused(OutcomeKind.Invalid, "The entry bears the last stamp that there is: nothing can replace it.");

    /// <summary>Follows a stamp that was met, unless it is too far ahead of the wall clock to be followed.</summary>
    public void Observe(ulong stamp)
    {
        lock (gate)
        {
            if (stamp > last && stamp <= NowStamp + skew)
            {
                last = stamp;
            }
        }
    }

    private async ValueTask<ClockReading> Later(ValueTask<ClockReading> next, ulong held) => Over(held, await next);

    private ClockReading Over(ulong held, in ClockReading reading) =>
        !reading.IsOk || reading.Stamp.Revision > held ? reading
        : held == ulong.MaxValue ? NoneOver()
        : reading with { Stamp = new(held + 1, origin), AtMs = clocks.NowMs, IsAhead = true };

    private async ValueTask<ClockReading> NextBehind(MarkWrite pending)
    {
        for (var awaited = 1; ; awaited++)
        {
            var result = await pending.Ended;
            if (!result.IsOk)
            {
                return Refused(KindOf(result.Status), $"The clock's mark was not made durable: {result.Reason}");
            }
            if (TryNext(out var reading, out var next))
            {
                return reading;
            }
            if (awaited == MarksAwaitedMax)
            {
                return Refused(
                    OutcomeKind.Unavailable,
                    "The clock's mark takes longer to be made durable than it lasts."
                );
            }
            pending = next;
        }
    }

    /// <summary>Answers now, or says which write of the mark has to end first.</summary>
    private bool TryNext(out ClockReading reading, [NotNullWhen(false)] out MarkWrite? pending)
    {
        pending = null;
        if (clocks.RefusalToStamp(out var isLasting) is { } refusal)
        {
            reading = isLasting ? Untimely(refusal) : Refused(OutcomeKind.Unavailable, refusal);
            return true;
        }
        lock (gate)
        {
            var now = NowStamp;
            var next = Math.Max(last + 1, now);
            if (next > now + skew)
            {
                var aheadMs = MillisecondsOf(next - now);
                var detail =
                    $"The clock of this node went back: its stamps are {aheadMs} ms ahead of it. It takes writes again once the clock is right, or has come near its stamps.";
                reading =
                    aheadMs - MillisecondsOf(skew) < AwaitedMs
                        ? Refused(OutcomeKind.Unavailable, detail)
                        : Untimely(detail);
                return true;
            }
            if (next > reserved)
            {
                reading = default;
                pending = marking ?? Mark(now + skew);
                return false;
            }
            if (next + (skew / 2) > reserved && marking is null && now + skew > reserved)
            {
                Mark(now + skew);
            }
            last = next;
            reading = new(new(next, origin), OutcomeKind.Ok, null) { AtMs = MillisecondsOf(next) };
            return true;
        }
    }

    private MarkWrite Mark(ulong mark)
    {
        var write = marking = new(this, mark);
        log.SetClockHighWater(unchecked((long)mark), write);
        return write;
    }

    private void Marked(ulong mark, bool durable)
    {
        lock (gate)
        {
            marking = null;
            reserved = durable ? Math.Max(reserved, mark) : reserved;
        }
    }

    private static OutcomeKind KindOf(LogAppendStatus status) =>
        status switch
        {
            LogAppendStatus.DiskFull => OutcomeKind.DiskFull,
            LogAppendStatus.Overloaded => OutcomeKind.Overloaded,
            _ => OutcomeKind.Unavailable,
        };

    /// <summary>Trying again does not help before somebody, or much time, has set the clock right.</summary>
    private static ClockReading Untimely(string detail) => Refused(OutcomeKind.ClockWrong, detail);

    private static ClockReading Refused(OutcomeKind kind, string detail) => new(VersionStamp.None, kind, detail);

    private sealed class MarkWrite(HybridClock owner, ulong mark) : ILogCompletion
    {
        private readonly TaskCompletionSource<LogAppendResult> ended = new(
            TaskCreationOptions.RunContinuationsAsynchronously
        );

        public Task<LogAppendResult> Ended => ended.Task;

        public void Complete(LogAppendResult result)
        {
            owner.Marked(mark, result.IsOk);
            ended.TrySetResult(result);
        }
    }
}
