using Exapyte.Grains.Replicas.Leaderless;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class AckCounterTests
{
    private readonly FakeTimeProvider time = new();

    [Fact]
    public async Task It_ends_with_the_acknowledgement_that_makes_enough()
    {
        var acks = new AckCounter(2);
        var wait = acks.Wait(time, 1_000).AsTask();
        acks.Add();
        Assert.False(wait.IsCompleted);
        acks.Add();
        Assert.True(await wait);
        acks.Add();
        Assert.Equal(3, acks.Acknowledged);
    }

    [Fact]
    public async Task At_the_deadline_there_were_not_enough()
    {
        var acks = new AckCounter(2);
        acks.Add();
        var wait = acks.Wait(time, 1_000).AsTask();
        time.Advance(TimeSpan.FromMilliseconds(1_000));
        Assert.False(await wait);
        Assert.Equal(1, acks.Acknowledged);
    }

    [Fact]
    public async Task A_stop_ends_the_wait_before_the_deadline()
    {
        using var stop = new CancellationTokenSource();
        var acks = new AckCounter(2);
        var wait = acks.Wait(time, 1_000, stop.Token).AsTask();
        await stop.CancelAsync();
        Assert.False(await wait);
    }

    [Fact]
    public async Task With_no_time_left_what_came_before_still_counts()
    {
        var acks = new AckCounter(1);
        Assert.False(await acks.Wait(time, 0));
        acks.Add();
        Assert.True(await acks.Wait(time, 0));
    }

    [Fact]
    public async Task Acknowledgements_of_many_threads_are_all_counted()
    {
        var acks = new AckCounter(64);
        await Parallel.ForAsync(
            0,
            64,
            TestContext.Current.CancellationToken,
            (_, _) =>
            {
                acks.Add();
                return ValueTask.CompletedTask;
            }
        );
        Assert.True(await acks.Wait(time, 0));
        Assert.Equal(64, acks.Acknowledged);
    }
}
