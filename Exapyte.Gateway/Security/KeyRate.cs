namespace Exapyte.Gateway.Security;

/// <summary>How often a key may be used, and which of the refusals beyond that are written down. Thread-safe.</summary>
/// <param name="perSecond">Uses a second, and at once.</param>
/// <param name="time">The clock.</param>
internal sealed class KeyRate(int perSecond, TimeProvider time)
{
    private const int LinesPerSecond = 1;
    private const int LinesAtOnce = 10;

    private readonly RateLimiter uses = new(perSecond, perSecond, time);
    private readonly RateLimiter lines = new(LinesPerSecond, LinesAtOnce, time);
    private long unwritten;

    /// <summary>Uses a second.</summary>
    public double PerSecond => uses.PerSecond;

    /// <summary>Takes a use; false where it is one too many.</summary>
    public bool TryTake() => uses.TryTake();

    /// <summary>Whether a refusal is written down: a key in a tight loop must not fill the log.</summary>
    /// <param name="before">Refusals since the last one that was written down.</param>
    public bool TryWrite(out long before)
    {
        if (lines.TryTake())
        {
            before = Interlocked.Exchange(ref unwritten, 0);
            return true;
        }
        Interlocked.Increment(ref unwritten);
        before = 0;
        return false;
    }
}
