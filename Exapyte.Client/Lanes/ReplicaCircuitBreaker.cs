namespace Exapyte.Client.Lanes;

/// <summary>
/// Whether a replica failed a moment ago and is to be tried last. Each failure in a row doubles the window; when one ends
/// a single caller probes while the others still stay away, so that a frozen node holds up one read at a time.
/// </summary>
internal sealed class ReplicaCircuitBreaker
{
    private const int WindowMsMin = 250;
    private const int WindowMsMax = 5_000;

    /// <summary>0: trusted.</summary>
    private long untilMs;
    private long failedMs = long.MinValue / 2;
    private int failures;

    public void Failed(long nowMs)
    {
        var row = Math.Min(Interlocked.Increment(ref failures), 16);
        Volatile.Write(ref failedMs, nowMs);
        Volatile.Write(ref untilMs, nowMs + Window(row));
    }

    public void Answered()
    {
        if (Volatile.Read(ref untilMs) != 0)
        {
            Volatile.Write(ref failures, 0);
            Volatile.Write(ref untilMs, 0);
        }
    }

    /// <summary>
    /// Whether it failed a moment ago, so that others who still name it as their leader may not have noticed. Shorter than
    /// the window: a leader that came back is to be found as soon as the others follow it.
    /// </summary>
    public bool FailedJustNow(long nowMs) => nowMs - Volatile.Read(ref failedMs) < WindowMsMin;

    /// <summary>Whether to stay away now. The caller that is told otherwise after a window is the one that probes.</summary>
    public bool StaysAway(long nowMs)
    {
        var until = Volatile.Read(ref untilMs);
        if (until == 0)
        {
            return false;
        }
        if (nowMs < until)
        {
            return true;
        }
        var extended = nowMs + Window(Math.Min(Volatile.Read(ref failures), 16));
        return Interlocked.CompareExchange(ref untilMs, extended, until) != until;
    }

    /// <summary>Half of the window is jitter, so that clients do not return to a replica at once.</summary>
    private static int Window(int row)
    {
        var full = (int)Math.Min((long)WindowMsMin << Math.Max(row - 1, 0), WindowMsMax);
        return Jitter.Between(full / 2, full);
    }
}
