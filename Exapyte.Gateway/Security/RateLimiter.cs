namespace Exapyte.Gateway.Security;

/// <summary>
/// So many a second, and at most a burst at once (the generic cell rate algorithm, as ATM has it): one number, the time by
/// which all that was let through would be due. Thread-safe, without a lock.
/// </summary>
internal sealed class RateLimiter(double perSecond, double burst, TimeProvider time)
{
    private readonly long interval = Math.Max(1, (long)(time.TimestampFrequency / perSecond));
    private readonly long slack = (long)(time.TimestampFrequency / perSecond * burst);
    private long due;

    /// <summary>What it lets through in a second.</summary>
    public double PerSecond { get; } = perSecond;

    /// <summary>Whether it has forgotten all that it let through.</summary>
    public bool IsIdle => Volatile.Read(ref due) <= time.GetTimestamp();

    /// <summary>Takes one; false where it is one too many.</summary>
    public bool TryTake()
    {
        var now = time.GetTimestamp();
        while (true)
        {
            var before = Volatile.Read(ref due);
            var next = Math.Max(before, now) + interval;
            if (next - now > slack)
            {
                return false;
            }
            if (Interlocked.CompareExchange(ref due, next, before) == before)
            {
                return true;
            }
        }
    }
}
