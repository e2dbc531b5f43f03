using Exapyte.Client.Retries;

namespace Exapyte.Client.Tests;

public class BackoffTests
{
    private const int Draws = 2_000;

    private readonly ExapyteClientOptions options = new()
    {
        RetryPauseMin = TimeSpan.FromMilliseconds(10),
        RetryPauseMax = TimeSpan.FromMilliseconds(100),
    };

    [Theory]
    [InlineData(0, 10)]
    [InlineData(1, 20)]
    [InlineData(3, 80)]
    [InlineData(4, 100)]
    [InlineData(40, 100)]
    public void A_pause_is_anything_up_to_a_bound_that_doubles_and_stops_at_the_longest(int earlier, int bound)
    {
        var pauses = Enumerable.Range(0, Draws).Select(_ => PauseAfter(earlier)).ToArray();

        Assert.All(pauses, pause => Assert.InRange(pause, 0, bound));
        // Of two thousand draws the greatest is in the upper half, and all of it is used: the mean is near the middle.
        Assert.InRange(pauses.Max(), (bound / 2) + 1, bound);
        Assert.InRange(pauses.Average(), bound * 0.4, bound * 0.6);
    }

    private int PauseAfter(int earlier)
    {
        var backoff = new Backoff(options);
        for (var i = 0; i < earlier; i++)
        {
            backoff.NextMs();
        }
        return backoff.NextMs();
    }
}
