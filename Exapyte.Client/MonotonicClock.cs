namespace Exapyte.Client;

/// <summary>Milliseconds since this client was made. Never goes back; shared by deadlines, pauses and suspicions.</summary>
internal sealed class MonotonicClock(TimeProvider time)
{
    private readonly long start = time.GetTimestamp();

    public TimeProvider Time => time;

    public long NowMs => (long)time.GetElapsedTime(start).TotalMilliseconds;

    public long After(TimeSpan span) => NowMs + (long)span.TotalMilliseconds;
}
