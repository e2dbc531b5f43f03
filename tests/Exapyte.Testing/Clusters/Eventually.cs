using Exapyte.Testing.Processes;

namespace Exapyte.Testing.Clusters;

/// <summary>Waits for what must become true, through whatever fails meanwhile, and says what did not.</summary>
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
                catch (Exception failure)
                {
                    last = failure;
                    return false;
                }
            },
            () => $"{last}"
        );
    }
}
