using System.Diagnostics;

namespace Exapyte.Testing.Processes;

/// <summary>Waits for what another process does: asks a condition again and again until it holds or a deadline passes.</summary>
public static class Poll
{
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>Returns how long the condition took to hold.</summary>
    /// <exception cref="TimeoutException">
    /// It did not hold in time; the message carries <paramref name="what"/> and, where given, <paramref name="explain"/>.
    /// </exception>
    public static async Task<TimeSpan> UntilAsync(
        string what,
        TimeSpan deadline,
        Func<Task<bool>> condition,
        Func<string>? explain = null
    )
    {
        var since = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(since) > deadline)
                throw new TimeoutException($"Not within {deadline.TotalSeconds:0.#} s: {what}.\n{explain?.Invoke()}");
            await Task.Delay(s_pause);
        }
        return Stopwatch.GetElapsedTime(since);
    }
}
