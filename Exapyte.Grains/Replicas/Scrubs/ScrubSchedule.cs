namespace Exapyte.Grains.Replicas.Scrubs;

/// <summary>
/// When a shard is scrubbed: once in each interval of the wall clock, at a place in it that is the shard's own, so that the
/// shards of a cluster take turns, and a new leader or a restart neither skips a scrub nor repeats one.
/// </summary>
internal readonly struct ScrubSchedule
{
    /// <summary>Multiplicative hashing by the golden ratio (Knuth, vol. 3, 6.4): consecutive ids land far apart.</summary>
    private const ulong GoldenRatio = 0x9E37_79B9_7F4A_7C15;

    private readonly long intervalMs;
    private readonly long offsetMs;

    /// <summary>The schedule of a shard.</summary>
    /// <param name="interval">Time between two scrubs; zero or less for none.</param>
    /// <param name="shardId">The shard.</param>
    public ScrubSchedule(TimeSpan interval, long shardId)
    {
        intervalMs = (long)interval.TotalMilliseconds;
        offsetMs = intervalMs > 0 ? (long)(unchecked((ulong)shardId * GoldenRatio) % (ulong)intervalMs) : 0;
    }

    /// <summary>Whether there is any.</summary>
    public bool IsOn => intervalMs > 0;

    /// <summary>The interval that a moment (Unix milliseconds) lies in: a scrub is due when it is a later one than the last scrub's.</summary>
    public long SlotOf(long atMs) => IsOn ? (atMs + offsetMs) / intervalMs : 0;
}
