using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Counts the replicas that hold some entries durably and ends when there are enough; remembers what the entries lost to
/// where a replica holds something greater. Thread-safe.
/// </summary>
internal sealed class AckCounter(int needed)
{
    private readonly TaskCompletionSource enough = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private VersionStamp[]? winners;
    private int acknowledged;
    private volatile bool isOver;

    /// <summary>Acknowledgements so far.</summary>
    public int Acknowledged => Volatile.Read(ref acknowledged);

    /// <summary>Ends once enough replicas have acknowledged.</summary>
    public Task Enough => enough.Task;

    /// <summary>Whether nobody waits for acknowledgements any more.</summary>
    public bool IsOver => isOver || enough.Task.IsCompleted;

    /// <summary>
    /// One an entry: the greatest stamp that any replica said to hold instead of it, none where none did. Null where all hold
    /// all of them.
    /// </summary>
    public VersionStamp[]? Winners
    {
        get
        {
            lock (gate)
            {
                return (VersionStamp[]?)winners?.Clone();
            }
        }
    }

    /// <summary>One more replica holds the entries, or what won over them.</summary>
    /// <param name="won">One an entry, as <see cref="Winners"/>; empty where it holds them all.</param>
    public void Add(ReadOnlySpan<VersionStamp> won = default)
    {
        if (won.ContainsAnyExcept(VersionStamp.None))
        {
            lock (gate)
            {
                winners ??= new VersionStamp[won.Length];
                for (var i = 0; i < won.Length; i++)
                {
                    winners[i] = won[i] > winners[i] ? won[i] : winners[i];
                }
            }
        }
        if (Interlocked.Increment(ref acknowledged) >= needed)
        {
            enough.TrySetResult();
        }
    }

    /// <summary>Waits for enough acknowledgements until the deadline; false where they did not come.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="milliseconds">How long it waits, at most.</param>
    /// <param name="stop">Ends the wait: nobody acknowledges any more.</param>
    public async ValueTask<bool> Wait(TimeProvider time, long milliseconds, CancellationToken stop = default)
    {
        if (enough.Task.IsCompleted)
        {
            return true;
        }
        if (milliseconds <= 0)
        {
            isOver = true;
            return false;
        }
        try
        {
            await enough.Task.WaitAsync(TimeSpan.FromMilliseconds(milliseconds), time, stop);
            return true;
        }
        catch (Exception ended) when (ended is TimeoutException or OperationCanceledException)
        {
            return enough.Task.IsCompleted;
        }
        finally
        {
            isOver = true;
        }
    }
}
