namespace Exapyte.Grains.Replicas.Raft;

/// <summary>Wakes those who wait for the next change of a replica. Costs a replica that nobody watches one comparison. Thread-safe.</summary>
internal sealed class ChangeWaiters
{
    private TaskCompletionSource? waiting;
    private ulong told;

    /// <summary>Completes with the next change. Take it before looking at the view: what is published later completes it.</summary>
    public Task Next()
    {
        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        return (Interlocked.CompareExchange(ref waiting, mine, null) ?? mine).Task;
    }

    /// <summary>A view of this revision has been published. One thread at a time.</summary>
    public void Published(ulong revision)
    {
        if (revision == told)
        {
            return;
        }
        told = revision;
        // The view must be seen before it is looked who waits, or both sides could rely on the other.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref waiting) is not null)
        {
            Interlocked.Exchange(ref waiting, null)?.TrySetResult();
        }
    }
}
