namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>Counts the replicas that hold a write durably and ends when there are enough. Thread-safe.</summary>
internal sealed class AckCounter(int needed)
{
    private readonly TaskCompletionSource enough = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int acknowledged;

    /// <summary>Acknowledgements so far.</summary>
    public int Acknowledged => Volatile.Read(ref acknowledged);

    /// <summary>Ends once enough replicas have acknowledged.</summary>
    public Task Enough => enough.Task;

    /// <summary>One more replica holds the write.</summary>
    public void Add()
    {
        if (Interlocked.Increment(ref acknowledged) >= needed)
        {
            enough.TrySetResult();
        }
    }

    /// <summary>Waits for enough acknowledgements until the deadline; false where they did not come.</summary>
    public async ValueTask<bool> Wait(TimeProvider time, long milliseconds)
    {
        if (enough.Task.IsCompleted)
        {
            return true;
        }
        if (milliseconds <= 0)
        {
            return false;
        }
        try
        {
            await enough.Task.WaitAsync(TimeSpan.FromMilliseconds(milliseconds), time);
            return true;
        }
        catch (TimeoutException)
        {
            return enough.Task.IsCompleted;
        }
    }
}
