using System.Numerics;

namespace Exapyte.Storage.Stores;

/// <summary>
/// Where an expiring entry stands in the expiry index of a store on disk: at its expiry, rounded up by at most a
/// thirty-second of its time to live (and by at most <see cref="StepMsMax"/>).
/// </summary>
/// <remarks>
/// A write does not read what it replaces, so the index row of the replaced entry stays behind until it is due, and
/// the sweep then finds that the entry lives on. Were rows exact, a session renewed every second for thirty days
/// would drag millions of them; rounded, the renewals within one step share one row.
/// </remarks>
internal static class ExpiryIndex
{
    /// <summary>About 70 minutes.</summary>
    public const long StepMsMax = 1L << 22;

    const int StepsShift = 5;

    public static long DueMs(long modifiedMs, long expiresMs)
    {
        long timeToLiveMs = expiresMs - Math.Max(modifiedMs, 0);
        if (expiresMs <= 0 || timeToLiveMs < 1L << StepsShift || expiresMs > long.MaxValue - StepMsMax)
            return Math.Max(expiresMs, 0);
        long stepMs = Math.Min(1L << (BitOperations.Log2((ulong)timeToLiveMs) - StepsShift), StepMsMax);
        return (expiresMs + stepMs - 1) & -stepMs;
    }
}
