using Exapyte.Client.Tests.Scripted;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

public sealed class CoalescingTests(ScriptedSilo silo)
{
    [Fact]
    public async Task An_operation_leaves_at_once_while_nothing_is_under_way()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        for (var i = 0; i < 5; i++)
        {
            await client.Put("a", "1");
        }

        Assert.Equal([1, 1, 1, 1, 1], keyspace[0, 0].Batches.Select(batch => batch.Operations.Length));
    }

    [Fact]
    public async Task Operations_that_gather_while_calls_are_under_way_share_the_next_call()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace, options => options.InflightBatchesMax = 2);
        await client.Get("warm");
        var replica = keyspace[0, 0];
        var gate = replica.Hold();

        var running = Enumerable.Range(0, 200).Select(i => client.Put($"k{i}", $"{i}")).ToArray();
        await Ops.UntilAsync(() => replica.Calls == 3);
        gate.SetResult();
        var results = await Task.WhenAll(running);

        Assert.All(results, result => Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind));
        Assert.Equal([1, 1, 1, 198], replica.Batches.Select(batch => batch.Operations.Length));
        Assert.Equal(
            Enumerable.Range(0, 200).Select(i => $"k{i}"),
            replica.Batches.Skip(1).SelectMany(batch => batch.Operations).Select(operation => Ops.Text(operation.Key))
        );
    }

    [Fact]
    [Trait("Scenario", "client_consistency_levels")]
    public async Task Operations_of_different_levels_share_no_call()
    {
        var keyspace = new ScriptedKeyspace(settings: new() { Replication = ReplicationKind.Quorum });
        await using var client = silo.Open(keyspace, options => options.InflightBatchesMax = 1);
        await client.Get("warm");
        var gate = keyspace[0, 0].Hold();
        ConsistencyLevel[] levels = [ConsistencyLevel.One, ConsistencyLevel.Quorum, ConsistencyLevel.All];

        var running = Enumerable.Range(0, 60).Select(i => client.Get($"k{i}", levels[i % levels.Length])).ToList();
        running.AddRange(
            Enumerable.Range(0, 60).Select(i => client.Run(Ops.Put($"k{i}", level: levels[i % levels.Length])))
        );
        gate.SetResult();
        await Task.WhenAll(running);

        Assert.All(
            keyspace[0, 0].Batches,
            batch => Assert.Single(batch.Operations.DistinctBy(operation => (operation.Level, operation.IsWrite)))
        );
        Assert.Equal(1 + (2 * 6), keyspace[0, 0].Calls);
    }

    [Fact]
    [Trait("Scenario", "client_consistency_levels")]
    public async Task A_level_that_nobody_answers_holds_up_no_other()
    {
        var keyspace = new ScriptedKeyspace(settings: new() { Replication = ReplicationKind.Quorum });
        await using var client = silo.Open(keyspace, options => options.InflightBatchesMax = 1);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        keyspace[0, 0].Script = async batch =>
        {
            if (Array.Exists(batch.Operations, operation => operation.Level == ConsistencyLevel.All))
            {
                await gate.Task;
            }
            return null;
        };
        var all = Enumerable
            .Range(0, 5)
            .Select(i => client.Run(Ops.Put($"k{i}", level: ConsistencyLevel.All)))
            .ToArray();
        var mixed = client.Batch([
            Ops.Put("m1", level: ConsistencyLevel.All),
            Ops.Put("m2", level: ConsistencyLevel.One),
        ]);

        var one = await client.Run(Ops.Put("one", level: ConsistencyLevel.One));

        Assert.Equal(OutcomeKind.Ok, one.Outcome.Kind);
        Assert.DoesNotContain(all, write => write.IsCompleted);
        Assert.False(mixed.IsCompleted);
        gate.SetResult();
        await Task.WhenAll(all);
        await mixed;
    }

    [Fact]
    public async Task Many_concurrent_callers_share_calls_and_each_gets_its_own_answer()
    {
        const int callers = 64,
            each = 50;
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        await client.Get("warm");
        var replica = keyspace[0, 0];
        var gate = replica.Hold();
        using var asked = new CountdownEvent(callers);

        var running = Task.WhenAll(
            Enumerable
                .Range(0, callers)
                .Select(caller =>
                    Task.Run(async () =>
                    {
                        for (var i = 0; i < each; i++)
                        {
                            var key = $"{caller}/{i}";
                            var put = client.Put(key, key);
                            if (i == 0)
                            {
                                asked.Signal();
                            }
                            await put;
                            var read = await client.Get(key);
                            Assert.Equal(key, Ops.Text(read.Outcome.Value));
                        }
                    })
                )
        );
        await Ops.UntilAsync(() => asked.IsSet);
        gate.SetResult();
        await running;

        Assert.Equal((callers * each * 2) + 1, replica.Operations);
        // Two left at once, one in each call that may be under way; all that came meanwhile left together.
        Assert.Contains(replica.Batches, batch => batch.Operations.Length == callers - 2);
    }

    [Fact]
    public async Task A_batch_holds_no_more_operations_and_bytes_than_allowed()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(
            keyspace,
            options =>
            {
                options.InflightBatchesMax = 1;
                options.BatchOperationsMax = 10;
            }
        );
        var replica = keyspace[0, 0];
        var gate = replica.Hold();
        var first = client.Put("first", "1");
        await Ops.UntilAsync(() => replica.Calls == 1);

        var value = new byte[Limits.WireBatchBytesMax * 2 / 5];
        var small = Enumerable.Range(0, 25).Select(i => client.Put($"s{i}", "1"));
        var large = Enumerable.Range(0, 4).Select(i => client.Put(Ops.Bytes($"l{i}"), value));
        var running = small.Concat(large).ToArray();
        gate.SetResult();
        await Task.WhenAll([first, .. running]);

        Assert.Equal([1, 10, 10, 7, 2], replica.Batches.Select(batch => batch.Operations.Length));
    }

    [Fact]
    public async Task A_full_queue_refuses_as_overloaded_and_sends_nothing()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(
            keyspace,
            options =>
            {
                options.InflightBatchesMax = 1;
                options.QueuedOperationsMax = 3;
            }
        );
        // With the map at hand an operation stands in the queue once its call has returned.
        await client.Get("warm");
        var replica = keyspace[0, 0];
        var gate = replica.Hold();
        var running = Enumerable.Range(0, 4).Select(i => client.Put($"k{i}", "1")).ToArray();
        await Ops.UntilAsync(() => replica.Calls == 2);

        var refused = await client.Put("one-too-many", "1");
        gate.SetResult();
        await Task.WhenAll(running);

        Assert.Equal(OutcomeKind.Overloaded, refused.Outcome.Kind);
        Assert.Equal(5, replica.Operations);
    }

    [Fact]
    public async Task A_cancelled_operation_that_still_waits_is_never_sent()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace, options => options.InflightBatchesMax = 1);
        var replica = keyspace[0, 0];
        var gate = replica.Hold();
        var first = client.Put("first", "1");
        await Ops.UntilAsync(() => replica.Calls == 1);
        using var source = new CancellationTokenSource();

        var cancelled = client.Put("second", "1", token: source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        gate.SetResult();
        await first;
        await client.Put("third", "1");

        Assert.Equal(
            ["first", "third"],
            replica.Batches.SelectMany(batch => batch.Operations).Select(operation => Ops.Text(operation.Key))
        );
    }

    [Fact]
    public async Task A_cancelled_operation_under_way_lets_its_caller_go_and_the_others_stay()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace, options => options.InflightBatchesMax = 1);
        var replica = keyspace[0, 0];
        var gate = replica.Hold();
        var first = client.Put("first", "1");
        using var source = new CancellationTokenSource();
        var cancelled = client.Put("second", "1", token: source.Token);
        var other = client.Put("third", "1");

        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        gate.SetResult();

        Assert.Equal(OutcomeKind.Ok, (await first).Outcome.Kind);
        Assert.Equal(OutcomeKind.Ok, (await other).Outcome.Kind);
    }

    [Fact]
    public async Task A_read_does_not_wait_for_the_writes_before_it()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace, options => options.InflightBatchesMax = 1);
        var replica = keyspace[0, 0];
        var gate = replica.Hold();
        var first = client.Put("a", "1");
        await Ops.UntilAsync(() => replica.Calls == 1);

        var waiting = client.Put("a", "2");
        var read = client.Get("a");
        await Ops.UntilAsync(() => replica.Calls == 2);

        Assert.Equal(OperationKind.Get, replica.Batches[1].Operations.Single().Kind);
        gate.SetResult();
        await Task.WhenAll(first, waiting, read);
        Assert.Equal(3, replica.Calls);
    }
}
