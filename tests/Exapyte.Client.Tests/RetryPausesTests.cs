using Exapyte.Client.Tests.Scripted;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

public sealed class RetryPausesTests(ScriptedSilo silo)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);

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

        // With the map at hand only pauses are left to wait for.
        await client.Get("warm");
        var (before, began) = (time.PausesMs.Length, time.PassedMs);
        keyspace[0, 0].Always(OperationOutcome.Of(OutcomeKind.Overloaded, "not now"));

        var asked = client.Run(kind == OperationKind.Get ? Ops.Get("a") : Ops.Put("a"));
        // Time moves only by the pauses that the client makes.
        for (var seen = before; !asked.IsCompleted; seen++)
        {
            await Ops.UntilAsync(() => asked.IsCompleted || time.PausesMs.Length > seen);
            if (time.PausesMs.Length > seen)
            {
                time.Advance(TimeSpan.FromMilliseconds(time.PausesMs[seen]));
            }
        }

        var pauses = time.PausesMs[before..];
        Assert.Equal(OutcomeKind.Overloaded, (await asked).Outcome.Kind);
        Assert.Equal(Deadline.TotalMilliseconds, time.PassedMs - began);
        // Pauses of nothing begin no timer: the bound of a later one can only be lower than that of its call.
        Assert.All(pauses.Index(), pause => Assert.InRange(pause.Item, 1, 1_600));
        Assert.Contains(pauses, pause => pause > 800);
        // On average 800 ms each, and 20 s in all: neither a storm of calls nor a few.
        Assert.InRange(keyspace[0, 0].Calls, 14, 100);
        Assert.InRange(pauses.Distinct().Count(), 10, int.MaxValue);
    }
}
