using Exapyte.Testing.Processes;

namespace Exapyte.Testing.Clusters;

/// <summary>
/// Waits for what must become true while nodes come and go, and says what did not. A call that fails for that reason
/// (<see cref="TransientFailures"/>) is asked again; any other exception is a fault and ends the wait.
/// </summary>
public static class Eventually
{
    private static readonly TimeSpan DeadlineDefault = TimeSpan.FromSeconds(30);

    /// <summary>Returns once the condition holds; throws <see cref="TimeoutException"/> at the deadline.</summary>
    public static Task Holds(Func<bool> condition, string what, TimeSpan? deadline = null) =>
        Holds(() => Task.FromResult(condition()), what, deadline);

    /// <summary>Returns once the condition holds; throws <see cref="TimeoutException"/> at the deadline.</summary>
    public static Task Holds(Func<Task<bool>> condition, string what, TimeSpan? deadline = null)
    {
        Exception? last = null;
        return Poll.UntilAsync(
            what,
            deadline ?? DeadlineDefault,
            async () =>
            {
                try
                {
                    last = null;
                    return await condition();
                }
                catch (Exception failure) when (TransientFailures.Include(failure))
                {
                    last = failure;
                    return false;
                }
            },
            () => $"{last}"
        );
    }
}
