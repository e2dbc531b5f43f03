using Exapyte.Client.Tests.Scripted;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

public sealed class StressTests(ScriptedSilo silo)
{
    [Fact]
    public async Task Answers_reach_nobody_but_their_caller_whatever_is_cancelled_or_late()
    {
        const int callers = 24,
            each = 80;
        var keyspace = new ScriptedKeyspace(shards: 2);
        await using var client = silo.Open(
            keyspace,
            options =>
            {
                options.AttemptTimeout = TimeSpan.FromMilliseconds(100);
                options.BatchOperationsMax = 16;
            }
        );
        await client.Batch([.. Enumerable.Range(0, callers).Select(i => Ops.Put($"{i}", $"{i}"))]);
        var over = new TaskCompletionSource();
        foreach (var replica in keyspace.Shards.SelectMany(shard => shard.Replicas))
        {
            var calls = 0;
            replica.Script = async _ =>
            {
                // Some calls are answered after their callers have given up.
                var late = Interlocked.Increment(ref calls) % 10 == 0 ? 300 : 0;
                await Task.WhenAny(Task.Delay(late), over.Task);
                return null;
            };
        }

        var answers = await Task.WhenAll(
            Enumerable.Range(0, callers).Select(caller => Task.Run(() => AskAsync(client, caller, each)))
        );
        over.SetResult();

        // Enough of them were really answered, and enough were cancelled or timed out on the way.
        Assert.InRange(answers.Sum(), callers * each / 4, callers * each);
    }

    [Fact]
    public async Task A_grain_that_blocks_its_turn_holds_up_nobody_who_shares_its_lane()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(
            keyspace,
            // No deadline comes to the rescue: the client is patient.
            options => options.InflightBatchesMax = 1
        );
        await client.Put("a", "1");
        var gate = keyspace[0, 0].Hold();
        AskingGrain.Client = client.Client;
        var asking = silo.InsideGrains.GetGrain<IAskingGrain>(keyspace.Name).Ask("a");
        await Ops.UntilAsync(() => keyspace[0, 0].Calls == 2);

        var other = client.Get("a");
        gate.SetResult();
        var result = await other;
        AskingGrain.Release.Set();

        Assert.Equal("1", Ops.Text(result.Outcome.Value));
        Assert.Equal("1", await asking);
    }

    private static async Task<int> AskAsync(OpenedKeyspace client, int caller, int times)
    {
        var answered = 0;
        for (var i = 0; i < times; i++)
        {
            using var source = new CancellationTokenSource();
            if (i % 3 == 0)
            {
                source.CancelAfter(TimeSpan.FromMilliseconds(i % 7));
            }
            try
            {
                var result = await client.Client.ExecuteAsync(client.Keyspace, Ops.Get($"{caller}"), source.Token);
                Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
                Assert.Equal($"{caller}", Ops.Text(result.Outcome.Value));
                answered++;
            }
            catch (OperationCanceledException)
            {
                Assert.True(source.IsCancellationRequested);
            }
        }
        return answered;
    }
}

public interface IAskingGrain : IGrainWithStringKey
{
    Task<string> Ask(string key);
}

public sealed class AskingGrain : Grain, IAskingGrain
{
    public static IExapyteClient? Client { get; set; }

    public static ManualResetEventSlim Release { get; } = new();

    public async Task<string> Ask(string key)
    {
        var asked = Client!.GetAsync(this.GetPrimaryKeyString(), key).AsTask();
        // The turn is blocked on purpose: nothing that others wait for may need it.
        Assert.True(Release.Wait(TimeSpan.FromMinutes(1)), "Another caller was held up by this grain's turn.");
        return Ops.Text((await asked).Outcome.Value);
    }
}
