namespace Exapyte.Client.Lanes;

/// <summary>
/// One timer for the deadlines of all lanes, so that an operation costs none. It ticks only while something is under way.
/// </summary>
internal sealed class DeadlineSweeper : IDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(10);

    private readonly MonotonicClock clock;
    private readonly ITimer timer;
    private readonly Lock gate = new();
    private readonly List<ReplicaBatcher> lanes = [];
    private int ticking;

    public DeadlineSweeper(MonotonicClock clock)
    {
        this.clock = clock;
        timer = clock.Time.CreateTimer(
            static state => ((DeadlineSweeper)state!).Sweep(),
            this,
            Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan
        );
    }

    public void Add(ReplicaBatcher lane)
    {
        lock (gate)
        {
            lanes.Add(lane);
        }
    }

    /// <summary>Something is under way: ticks until nothing is.</summary>
    public void Wake()
    {
        // The caller's mark of being busy must be seen before this is read, or both sides could rely on the other.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref ticking) == 0 && Interlocked.Exchange(ref ticking, 1) == 0)
        {
            timer.Change(Tick, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose() => timer.Dispose();

    /// <summary>Whether any lane still has something under way.</summary>
    public bool AnyBusy()
    {
        lock (gate)
        {
            return lanes.Exists(lane => lane.IsBusy);
        }
    }

    /// <summary>A connection to the cluster broke.</summary>
    public void ConnectionLost()
    {
        ReplicaBatcher[] all;
        lock (gate)
        {
            all = [.. lanes];
        }
        foreach (var lane in all)
        {
            lane.ConnectionLost();
        }
    }

    private void Sweep()
    {
        // Cleared first, and seen by others before the lanes are looked at: one that becomes busy after that sets it again.
        Interlocked.Exchange(ref ticking, 0);
        ReplicaBatcher[] busy;
        lock (gate)
        {
            lanes.RemoveAll(lane => lane is { IsRetired: true, IsBusy: false });
            busy = [.. lanes.Where(lane => lane.IsBusy)];
        }
        if (busy.Length == 0)
        {
            return;
        }
        Wake();
        var nowMs = clock.NowMs;
        foreach (var lane in busy)
        {
            lane.Expire(nowMs);
        }
    }
}
