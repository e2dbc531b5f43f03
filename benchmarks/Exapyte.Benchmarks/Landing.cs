using Exapyte.Storage.Log;

namespace Exapyte.Benchmarks;

/// <summary>Counts what has become durable; whoever waits takes one. A log that refuses ends the process.</summary>
internal sealed class Landing : ILogCompletion
{
    private readonly object landed = new();
    private int count;

    /// <inheritdoc/>
    public void Complete(LogAppendResult result)
    {
        if (!result.IsOk)
        {
            Environment.FailFast(result.Reason);
        }
        lock (landed)
        {
            count++;
            Monitor.Pulse(landed);
        }
    }

    /// <summary>Waits until one more is durable.</summary>
    public void Wait()
    {
        lock (landed)
        {
            while (count == 0)
            {
                Monitor.Wait(landed);
            }
            count--;
        }
    }
}
