using CsCheck;
using Exapyte.Client.Tests.Scripted;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

public sealed class BatchTests(ScriptedSilo silo)
{
    private static readonly OperationOutcome Busy = OperationOutcome.Of(OutcomeKind.Overloaded, "busy");

    [Fact]
    [Trait("Scenario", "client_batch_operations")]
    public async Task A_batch_goes_to_each_shard_once_and_its_results_stand_in_order()
    {
        var keyspace = new ScriptedKeyspace(shards: 4);
        await using var client = silo.Open(keyspace);
        var keys = Enumerable.Range(0, 100).Select(i => $"k{i}").ToArray();

        var puts = await client.Batch([.. keys.Select(key => Ops.Put(key, key))]);
        var gets = await client.Batch([.. keys.Select(key => Ops.Get(key)), Ops.Get("absent")]);

        Assert.All(puts, put => Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind));
        Assert.Equal(keys, gets.SkipLast(1).Select(get => Ops.Text(get.Outcome.Value)));
        Assert.Equal(OutcomeKind.NotFound, gets[^1].Outcome.Kind);
        Assert.All(keyspace.Shards, shard => Assert.Equal(2, shard.Replicas[0].Calls));
    }

    [Fact]
    public async Task Operations_on_one_key_apply_in_their_order_also_when_they_need_several_calls()
    {
        var keyspace = new ScriptedKeyspace(shards: 2);
        await using var client = silo.Open(keyspace, options => options.BatchOperationsMax = 3);

        var results = await client.Batch([.. Enumerable.Range(0, 20).Select(i => Ops.Put("a", $"{i}"))]);
        var read = await client.Get("a");

        Assert.Equal("19", Ops.Text(read.Outcome.Value));
        var revisions = results.Select(result => result.Outcome.Version.Revision).ToArray();
        Assert.Equal(revisions.Order(), revisions);
    }

    [Fact]
    public async Task Only_what_must_be_tried_again_is_sent_again()
    {
        var keyspace = new ScriptedKeyspace();
        var replica = keyspace[0, 0];
        replica.First(batch =>
            replica.Reply([
                .. batch.Operations.Select(operation =>
                    Ops.Text(operation.Key) == "b" ? Busy : new OperationOutcome { Kind = OutcomeKind.Ok }
                ),
            ])
        );
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Put("a"), Ops.Put("b"), Ops.Put("c")]);

        Assert.All(results, result => Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind));
        Assert.Equal(["a", "b", "c", "b"], replica.Batches.SelectMany(batch => batch.Operations).Select(KeyOf));
    }

    [Fact]
    public async Task A_write_is_not_sent_again_once_a_later_one_to_its_key_was_executed()
    {
        var keyspace = new ScriptedKeyspace();
        var replica = keyspace[0, 0];
        replica.First(batch => replica.Reply([Busy, new OperationOutcome { Kind = OutcomeKind.Ok }]));
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Put("a", "1"), Ops.Put("a", "2")]);

        Assert.Equal([OutcomeKind.Overloaded, OutcomeKind.Ok], results.Select(result => result.Outcome.Kind));
        Assert.Equal(1, replica.Calls);
    }

    [Fact]
    public async Task A_read_goes_again_with_a_write_to_its_key_that_stands_before_it()
    {
        var keyspace = new ScriptedKeyspace();
        var replica = keyspace[0, 0];
        replica.First(batch =>
            replica.Reply([OperationOutcome.NotFound, Busy, OperationOutcome.NotFound, OperationOutcome.NotFound])
        );
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Get("a"), Ops.Put("a", "1"), Ops.Get("a"), Ops.Get("b")]);

        Assert.Equal(OutcomeKind.NotFound, results[0].Outcome.Kind);
        Assert.Equal("1", Ops.Text(results[2].Outcome.Value));
        Assert.Equal(["a", "a"], replica.Batches[1].Operations.Select(KeyOf));
    }

    [Fact]
    public async Task A_read_is_not_tried_again_past_a_later_write_to_its_key_that_may_have_happened()
    {
        var keyspace = new ScriptedKeyspace();
        var replica = keyspace[0, 0];
        replica.First(batch => replica.Reply([Busy, new() { Kind = OutcomeKind.Unknown }, Busy]));
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Get("a"), Ops.Put("a", "1", requestId: "r"), Ops.Get("b")]);

        Assert.Equal(
            [OutcomeKind.Overloaded, OutcomeKind.Ok, OutcomeKind.NotFound],
            results.Select(result => result.Outcome.Kind)
        );
    }

    [Fact]
    public async Task Operations_with_a_request_id_say_what_the_whole_request_is()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace, options => options.BatchOperationsMax = 1);

        await client.Batch([Ops.Put("a", "1", "r"), Ops.Put("b", "1", "r")]);
        await client.Batch([Ops.Put("a", "1", "r"), Ops.Put("b", "1", "r")], atomic: true);
        await client.Run(Ops.Put("a", "1", "r"));

        var sent = keyspace[0, 0].Batches.SelectMany(batch => batch.Operations).ToArray();
        Assert.Equal([0, 1, 0, 1, RequestFingerprint.Alone], sent.Select(operation => operation.Position));
        Assert.Equal(3, sent.Select(operation => operation.Fingerprint).Distinct().Count());
        Assert.Equal(sent[0].Fingerprint, sent[1].Fingerprint);
    }

    [Fact]
    public async Task An_unacceptable_item_of_an_atomic_batch_decides_and_is_named()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Put("a"), Ops.Put("")], atomic: true);

        Assert.All(
            results,
            result => Assert.Equal((OutcomeKind.Invalid, 1), (result.Outcome.Kind, result.Outcome.DecidedBy))
        );
        Assert.Equal(0, keyspace[0, 0].Calls);
    }

    [Fact]
    public async Task Writes_of_a_call_that_failed_are_unknown_while_its_reads_are_tried_again()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace[0, 0].Script = _ => throw new InvalidOperationException("lost half-way");
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 1].ReplicaId;
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Put("a"), Ops.Get("b"), Ops.Put("c", requestId: "r")]);

        Assert.Equal(
            [OutcomeKind.Unknown, OutcomeKind.NotFound, OutcomeKind.Ok],
            results.Select(result => result.Outcome.Kind)
        );
        Assert.Equal(["b", "c"], keyspace[0, 1].Batches.SelectMany(batch => batch.Operations).Select(KeyOf));
    }

    [Fact]
    public async Task Unacceptable_items_are_refused_alone()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Put("a"), Ops.Put("")]);

        Assert.Equal([OutcomeKind.Ok, OutcomeKind.Invalid], results.Select(result => result.Outcome.Kind));
    }

    [Fact]
    public async Task An_atomic_batch_applies_wholly_or_not_at_all()
    {
        var keyspace = new ScriptedKeyspace(shards: 8, settings: new() { PartitionDelimiter = "/" });
        await using var client = silo.Open(keyspace, options => options.BatchOperationsMax = 2);
        var refused = new Operation
        {
            Kind = OperationKind.Put,
            Key = Ops.Bytes("u/3"),
            Condition = WriteCondition.IfPresent,
        };

        var failed = await client.Batch([Ops.Put("u/1"), Ops.Put("u/2"), refused], atomic: true);
        var absent = await client.Get("u/1");
        var applied = await client.Batch([Ops.Put("u/1"), Ops.Put("u/2"), Ops.Put("u/3")], atomic: true);

        Assert.All(failed, result => Assert.Equal(OutcomeKind.PreconditionFailed, result.Outcome.Kind));
        Assert.Equal(OutcomeKind.NotFound, absent.Outcome.Kind);
        Assert.All(applied, result => Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind));
        var batches = keyspace.Shards.SelectMany(shard => shard.Replicas[0].Batches).Where(batch => batch.Atomic);
        Assert.All(batches, batch => Assert.Equal(3, batch.Operations.Length));
    }

    [Fact]
    public async Task An_atomic_batch_across_shards_is_refused_and_sends_nothing()
    {
        var keyspace = new ScriptedKeyspace(shards: 8);
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([.. Enumerable.Range(0, 20).Select(i => Ops.Put($"k{i}"))], atomic: true);

        Assert.All(results, result => Assert.Equal(OutcomeKind.Invalid, result.Outcome.Kind));
        Assert.All(keyspace.Shards, shard => Assert.Equal(0, shard.Replicas.Sum(replica => replica.Calls)));
    }

    [Fact]
    public async Task An_atomic_batch_travels_alone()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace, options => options.InflightBatchesMax = 1);
        var replica = keyspace[0, 0];
        var gate = replica.Hold();
        var first = client.Put("first");
        await Ops.UntilAsync(() => replica.Calls == 1);

        var before = client.Put("before");
        var atomic = client.Batch([Ops.Put("x"), Ops.Put("y")], atomic: true);
        var after = client.Put("after");
        gate.SetResult();
        await Task.WhenAll(first, before, atomic, after);

        Assert.Equal([1, 1, 2, 1], replica.Batches.Select(batch => batch.Operations.Length));
        Assert.Equal([false, false, true, false], replica.Batches.Select(batch => batch.Atomic));
    }

    [Fact]
    public async Task An_atomic_batch_finds_its_leader_as_a_whole()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 2].ReplicaId;
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Put("x"), Ops.Put("y")], atomic: true);

        Assert.All(results, result => Assert.Equal("n3", result.Served.Node));
    }

    [Theory]
    [InlineData(ReplicationKind.Quorum)]
    [InlineData(ReplicationKind.Async)]
    public async Task Leaderless_keyspaces_take_no_atomic_batch(ReplicationKind replication)
    {
        var keyspace = new ScriptedKeyspace(settings: new() { Replication = replication });
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Put("x")], atomic: true);

        Assert.Equal(OutcomeKind.Invalid, results.Single().Outcome.Kind);
    }

    [Fact]
    public async Task A_batch_that_is_too_long_or_too_large_is_refused_whole()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        var large = new Operation
        {
            Kind = OperationKind.Put,
            Key = Ops.Bytes("a"),
            Value = new byte[Limits.ValueBytesMax],
        };

        var tooLong = await client.Batch([.. Enumerable.Repeat(Ops.Put("a"), Limits.BatchItemsMax + 1)]);
        var tooLarge = await client.Batch([large, large, large, large]);

        Assert.All(tooLong.Concat(tooLarge), result => Assert.Equal(OutcomeKind.Invalid, result.Outcome.Kind));
        Assert.Equal(0, keyspace[0, 0].Calls);
    }

    [Fact]
    public async Task An_empty_batch_has_no_results()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);

        Assert.Empty(await client.Batch([]));
    }

    [Fact]
    public async Task Batches_act_like_a_dictionary_whatever_their_keys_and_sizes()
    {
        var keyspace = new ScriptedKeyspace(shards: 5);
        await using var client = silo.Open(keyspace, options => options.BatchOperationsMax = 4);
        Dictionary<string, string> model = [];
        var step = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 2], Gen.Int[0, 1_000]);

        foreach (var batch in step.Array[0, 40].Array[30].Single())
        {
            var operations = batch
                .Select(one =>
                    one.Item2 switch
                    {
                        0 => Ops.Get($"k{one.Item1}"),
                        1 => Ops.Delete($"k{one.Item1}"),
                        _ => Ops.Put($"k{one.Item1}", $"{one.Item3}"),
                    }
                )
                .ToArray();
            var results = await client.Batch(operations);
            foreach (var (operation, result) in operations.Zip(results))
            {
                Follow(model, operation, result.Outcome);
            }
        }
    }

    private static void Follow(Dictionary<string, string> model, Operation operation, OperationOutcome outcome)
    {
        var key = KeyOf(operation);
        switch (operation.Kind)
        {
            case OperationKind.Put:
                Assert.Equal(!model.ContainsKey(key), outcome.Changed);
                model[key] = Ops.Text(operation.Value);
                break;
            case OperationKind.Delete:
                Assert.Equal(model.Remove(key), outcome.Changed);
                break;
            default:
                Assert.Equal(
                    model.GetValueOrDefault(key),
                    outcome.Kind == OutcomeKind.NotFound ? null : Ops.Text(outcome.Value)
                );
                break;
        }
    }

    private static string KeyOf(Operation operation) => Ops.Text(operation.Key);
}
