using System.Collections.Concurrent;

namespace Exapyte.Client.Caching;

/// <summary>Reads that fill a cache: one a key, for which all wait who ask for it meanwhile. Thread-safe.</summary>
internal sealed class FillsUnderWay
{
    private readonly ConcurrentDictionary<KeyBytes, TaskCompletionSource> fills = new();

    /// <summary>Begins one where there is none: <see cref="End"/> must follow. Else the one to wait for.</summary>
    /// <param name="key">The key.</param>
    /// <param name="underWay">The other one; null where this is the one.</param>
    public TaskCompletionSource Begin(ReadOnlyMemory<byte> key, out Task? underWay)
    {
        var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = fills.GetOrAdd(new(key), mine);
        underWay = first == mine ? null : first.Task;
        return mine;
    }

    /// <summary>Ends it, however it went.</summary>
    public void End(ReadOnlyMemory<byte> key, TaskCompletionSource mine)
    {
        fills.TryRemove(new(new(key), mine));
        mine.TrySetResult();
    }
}
