using Exapyte.Client.Retries;
using Exapyte.Client.Tests.Scripted;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

public sealed class BackoffTests(ScriptedSilo silo)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

    [Fact]
    [Trait("Scenario", "network_manager_retry_mechanism")]
    public void Pauses_are_drawn_evenly_from_nothing_to_a_bound_that_doubles_up_to_the_greatest()
    {
        var options = new ExapyteClientOptions
        {
            RetryPauseMin = TimeSpan.FromMilliseconds(40),
            RetryPauseMax = TimeSpan.FromMilliseconds(500),
        };
        int[] bounds = [40, 80, 160, 320, 500, 500, 500];
        var drawn = Enumerable.Range(0, 400).Select(_ => Draw(new Backoff(options), bounds.Length)).ToList();

        Assert.All(
            bounds.Index(),
            step =>
            {
                var pauses = drawn.ConvertAll(pause => pause[step.Index]);
                Assert.All(pauses, pause => Assert.InRange(pause, 0, step.Item));
                // In a fourth of so many draws at either end: never by bad luck.
                Assert.Contains(pauses, pause => pause <= step.Item / 4);
                Assert.Contains(pauses, pause => pause >= step.Item * 3 / 4);
                Assert.InRange(pauses.Average(), step.Item * 0.4, step.Item * 0.6);
            }
        );
    }

    [Theory]
    [InlineData(OperationKind.Get)]
    [InlineData(OperationKind.Put)]
    [Trait("Scenario", "network_manager_retry_mechanism")]
    [Trait("Scenario", "network_manager_timeout_handling")]
    public async Task What_is_refused_again_and_again_is_tried_after_growing_pauses_and_ends_at_its_deadline(
        OperationKind kind
    )
    {
        var keyspace = new ScriptedKeyspace(replicas: 1);
        keyspace[0, 0].Always(OperationOutcome.Of(OutcomeKind.Overloaded, "not now"));
        using var time = new StoppedTime();
        await using var client = silo.Open(
            keyspace,
            time,
            options =>
            {
                options.OperationTimeout = Deadline;
                options.RetryPauseMin = TimeSpan.FromMilliseconds(200);
                options.RetryPauseMax = TimeSpan.FromMilliseconds(1_600);
            }
        );

        var asked = client.Run(kind == OperationKind.Get ? Ops.Get("a") : Ops.Put("a"));
        // Time moves only by the pauses that the client makes.
        for (var seen = 0; !asked.IsCompleted; seen++)
        {
            await Ops.UntilAsync(() => asked.IsCompleted || time.PausesMs.Length > seen);
            if (time.PausesMs.Length > seen)
            {
                time.Advance(TimeSpan.FromMilliseconds(time.PausesMs[seen]));
            }
        }

        var pauses = time.PausesMs;
        Assert.Equal(OutcomeKind.Overloaded, (await asked).Outcome.Kind);
        Assert.Equal(Deadline.TotalMilliseconds, time.PassedMs);
        // Pauses of nothing begin no timer: the bound of a later one can only be lower than that of its call.
        Assert.All(pauses.Index(), pause => Assert.InRange(pause.Item, 1, 1_600));
        Assert.Contains(pauses, pause => pause > 800);
        // On average 800 ms each, and 20 s in all: neither a storm of calls nor a few.
        Assert.InRange(keyspace[0, 0].Calls, 14, 100);
        Assert.InRange(pauses.Distinct().Count(), 10, int.MaxValue);
    }

    private static int[] Draw(Backoff backoff, int count)
    {
        var drawn = new int[count];
        for (var at = 0; at < count; at++)
        {
            drawn[at] = backoff.NextMs();
        }
        return drawn;
    }
}
