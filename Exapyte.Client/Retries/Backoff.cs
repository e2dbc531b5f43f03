namespace Exapyte.Client.Retries;

/// <summary>
/// Pauses that double from the least to the most, each with full jitter (Brooker, "Exponential Backoff And Jitter", 2015):
/// anything from nothing to the present bound, so that callers who failed together do not return together.
/// </summary>
internal struct Backoff(ExapyteClientOptions options)
{
    private const int DoublingsMax = 24;

    private int doublings;

    /// <summary>Milliseconds to wait now.</summary>
    public int NextMs()
    {
        var least = (long)options.RetryPauseMin.TotalMilliseconds;
        var most = (long)options.RetryPauseMax.TotalMilliseconds;
        var bound = (int)Math.Min(least << doublings, most);
        doublings = Math.Min(doublings + 1, DoublingsMax);
        return Jitter.Between(0, bound);
    }
}
