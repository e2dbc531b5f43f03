using System.Diagnostics;

namespace Exapyte.Testing.Clusters;

/// <summary>Waits for what must become true, and says what did not.</summary>
public static class Eventually
{
    private static readonly TimeSpan DeadlineDefault = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(20);

    /// <summary>Returns once the condition holds; throws <see cref="TimeoutException"/> at the deadline.</summary>
    public static Task Holds(Func<bool> condition, string what, TimeSpan? deadline = null) =>
        Holds(() => Task.FromResult(condition()), what, deadline);

    /// <summary>Returns once the condition holds; throws <see cref="TimeoutException"/> at the deadline.</summary>
    public static async Task Holds(Func<Task<bool>> condition, string what, TimeSpan? deadline = null)
    {
        var started = Stopwatch.GetTimestamp();
        Exception? last = null;
        while (Stopwatch.GetElapsedTime(started) < (deadline ?? DeadlineDefault))
        {
            try
            {
                if (await condition())
                {
                    return;
                }
                last = null;
            }
            catch (Exception failure)
            {
                last = failure;
            }
            await Task.Delay(Between);
        }
        throw new TimeoutException($"This did not become true in time: {what}", last);
    }
}
