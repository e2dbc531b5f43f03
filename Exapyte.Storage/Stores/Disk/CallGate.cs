namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// Lets any number of calls through until it is closed, and closes only when the last of them is out: native code is
/// never inside an object that is being freed.
/// </summary>
/// <remarks>
/// A caller counts itself in first and looks whether the gate is closed second; the closer closes first and counts
/// second. Both sides put a full fence between the two, so one of them sees the other. The counters are spread over
/// cache lines so that readers on different cores do not fight for one.
/// </remarks>
internal sealed class CallGate(string name)
{
    const int Stripes = 8;
    const int LongsPerCacheLine = 16;

    readonly long[] _inside = new long[(Stripes + 1) * LongsPerCacheLine];
    volatile bool _closed;

    /// <summary>Enters, or throws <see cref="ObjectDisposedException"/> when the gate is closed.</summary>
    public Pass Enter() => TryEnter(out Pass pass) ? pass : throw new ObjectDisposedException(name);

    public bool TryEnter(out Pass pass)
    {
        int stripe = ((Environment.CurrentManagedThreadId & (Stripes - 1)) + 1) * LongsPerCacheLine;
        ref long inside = ref _inside[stripe];
        Interlocked.Increment(ref inside);
        pass = new Pass(ref inside);
        if (!_closed)
            return true;
        Interlocked.Decrement(ref inside);
        pass = default;
        return false;
    }

    /// <summary>Refuses new calls and waits for those inside.</summary>
    public void Close()
    {
        _closed = true;
        Interlocked.MemoryBarrier();
        var spinner = new SpinWait();
        while (CountInside() != 0)
            spinner.SpinOnce();
    }

    long CountInside()
    {
        long inside = 0;
        for (int stripe = 1; stripe <= Stripes; stripe++)
            inside += Volatile.Read(ref _inside[stripe * LongsPerCacheLine]);
        return inside;
    }

    /// <summary>The right to be inside, given back by disposing it.</summary>
    public readonly ref struct Pass(ref long inside)
    {
        readonly ref long _inside = ref inside;

        public void Dispose() => Interlocked.Decrement(ref _inside);
    }
}
