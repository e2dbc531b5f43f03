using Exapyte.Client.Tests.Scripted;
using Exapyte.Operations;
using Exapyte.Topology;

namespace Exapyte.Client.Tests;

public sealed class RetryTests(ScriptedSilo silo)
{
    private static ExapyteClientOptions OneInFlight => ScriptedSilo.Patient(options => options.InflightBatchesMax = 1);

    [Fact]
    public async Task A_replica_that_does_not_lead_names_the_one_that_does()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 2].ReplicaId;
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a", "1");
        await client.Put("a", "2");

        Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
        Assert.Equal("n3", result.Served.Node);
        // The second one knew where to go.
        Assert.Equal((1, 0, 2), (keyspace[0, 0].Calls, keyspace[0, 1].Calls, keyspace[0, 2].Calls));
    }

    [Fact]
    [Trait("Scenario", "leader_failover")]
    public async Task Word_of_a_new_leader_sends_the_next_call_there_while_the_old_one_keeps_silent()
    {
        var keyspace = new ScriptedKeyspace();
        var news = new NodeNews();
        await using var client = silo.Open(keyspace, news);
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 0].ReplicaId;
        await client.Put("a", "1");
        var silent = keyspace[0, 0].Hold();
        var caught = client.Put("a", "2");
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 1].ReplicaId;

        news.Leaders.Tell(new(keyspace.Name, keyspace.Shards[0].ShardId, keyspace[0, 1].ReplicaId));
        news.Leaders.Tell(new(keyspace.Name, keyspace.Shards[0].ShardId, 999_999));
        news.Leaders.Tell(new("of another name", keyspace.Shards[0].ShardId, keyspace[0, 2].ReplicaId));

        Assert.Equal("n2", (await client.Put("a", "3")).Served.Node);
        Assert.False(caught.IsCompleted);
        silent.SetResult();
        await caught;
    }

    [Fact]
    [Trait("Scenario", "leader_failover")]
    public async Task Word_of_a_new_leader_frees_what_waits_for_a_silent_one_unless_it_may_have_happened()
    {
        var keyspace = new ScriptedKeyspace();
        var news = new NodeNews();
        await using var client = silo.Open(keyspace, news, OneInFlight);
        await client.Put("a", "1");
        var silent = keyspace[0, 0].Hold();
        var read = client.Get("a");
        var sent = client.Put("a", "2");
        await Ops.UntilAsync(() => keyspace[0, 0].Calls == 3);
        var queued = client.Put("b", "3");
        var withId = client.Run(Ops.Put("c", "4", requestId: "once"));
        var group = client.Batch([Ops.Put("d"), Ops.Get("a")]);
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 1].ReplicaId;

        news.Leaders.Tell(new(keyspace.Name, keyspace.Shards[0].ShardId, keyspace[0, 1].ReplicaId));

        Assert.Equal("n2", (await read).Served.Node);
        Assert.Equal("n2", (await queued).Served.Node);
        Assert.Equal("n2", (await withId).Served.Node);
        Assert.All(await group, item => Assert.Equal("n2", item.Served.Node));
        Assert.False(sent.IsCompleted);
        silent.SetResult();
        Assert.Equal(OutcomeKind.Ok, (await sent).Outcome.Kind);
    }

    [Fact]
    public async Task A_read_of_any_replica_stays_where_it_is_when_another_one_comes_to_lead()
    {
        var keyspace = new ScriptedKeyspace();
        var news = new NodeNews();
        await using var client = silo.Open(keyspace, news, OneInFlight);
        await client.Put("a", "1");
        var slow = keyspace[0, 0].Hold();
        var eventual = client.Get("a", ConsistencyLevel.Eventual);
        var linearizable = client.Get("a");
        await Ops.UntilAsync(() => keyspace[0, 0].Calls == 3);
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 1].ReplicaId;

        news.Leaders.Tell(new(keyspace.Name, keyspace.Shards[0].ShardId, keyspace[0, 1].ReplicaId));

        Assert.Equal("n2", (await linearizable).Served.Node);
        Assert.False(eventual.IsCompleted);
        slow.SetResult();
        Assert.Equal("n1", (await eventual).Served.Node);
    }

    [Fact]
    public async Task Without_a_hint_the_replicas_are_tried_in_turn()
    {
        var keyspace = new ScriptedKeyspace();
        var noLeader = new OperationOutcome { Kind = OutcomeKind.NotLeader };
        keyspace[0, 0].Always(noLeader);
        keyspace[0, 1].Always(noLeader);
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 2].ReplicaId;
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a", "1");

        Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
        Assert.Equal((1, 1, 1), (keyspace[0, 0].Calls, keyspace[0, 1].Calls, keyspace[0, 2].Calls));
    }

    [Fact]
    public async Task Two_replicas_that_name_each_other_are_not_followed_for_ever()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace[0, 0].Always(new() { Kind = OutcomeKind.NotLeader, LeaderReplicaId = keyspace[0, 1].ReplicaId });
        keyspace[0, 1].Always(new() { Kind = OutcomeKind.NotLeader, LeaderReplicaId = keyspace[0, 0].ReplicaId });
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 2].ReplicaId;
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a", "1");

        Assert.Equal("n3", result.Served.Node);
        Assert.InRange(keyspace[0, 0].Calls + keyspace[0, 1].Calls, 2, 12);
    }

    [Fact]
    [Trait("Scenario", "network_manager_retry_mechanism")]
    public async Task A_write_whose_call_failed_is_unknown_and_never_sent_again()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace[0, 0].Script = _ => throw new InvalidOperationException("lost half-way");
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a", "1");

        Assert.Equal(OutcomeKind.Unknown, result.Outcome.Kind);
        Assert.True(result.Outcome.InDoubt);
        Assert.Equal((1, 0, 0), (keyspace[0, 0].Calls, keyspace[0, 1].Calls, keyspace[0, 2].Calls));
    }

    [Fact]
    public async Task A_write_that_the_replica_calls_unknown_is_never_sent_again()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace[0, 0].Always(OperationOutcome.Of(OutcomeKind.Unknown, "the leader changed"));
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a", "1");

        Assert.Equal(OutcomeKind.Unknown, result.Outcome.Kind);
        Assert.Equal("the leader changed", result.Outcome.Detail);
        Assert.Equal(1, keyspace[0, 0].Calls + keyspace[0, 1].Calls + keyspace[0, 2].Calls);
    }

    [Fact]
    [Trait("Scenario", "network_manager_retry_mechanism")]
    public async Task A_write_with_a_request_id_is_sent_again_after_an_unknown_outcome()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace[0, 0].Script = _ => throw new InvalidOperationException("lost half-way");
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 1].ReplicaId;
        await using var client = silo.Open(keyspace);

        var result = await client.Run(Ops.Put("a", requestId: "r1"));

        Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
        Assert.Equal("r1", keyspace[0, 1].Batches.Single().Operations.Single().RequestId);
    }

    [Fact]
    [Trait("Scenario", "network_manager_retry_mechanism")]
    public async Task A_read_whose_call_failed_goes_to_another_replica()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace[0, 0].Script = _ => throw new InvalidOperationException("broken");
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 1].ReplicaId;
        await using var client = silo.Open(keyspace);

        var result = await client.Get("a");

        Assert.Equal(OutcomeKind.NotFound, result.Outcome.Kind);
        Assert.Equal("n2", result.Served.Node);
    }

    [Fact]
    public async Task A_write_that_provably_never_left_is_sent_again()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace[0, 0].Script = _ => throw new NodeGoneException();
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 1].ReplicaId;
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a", "1");

        Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
        Assert.Equal("n2", result.Served.Node);
    }

    [Theory]
    [InlineData(OutcomeKind.Unavailable)]
    [InlineData(OutcomeKind.Overloaded)]
    [Trait("Scenario", "network_manager_retry_mechanism")]
    public async Task What_changed_nothing_is_tried_again_until_it_works(OutcomeKind kind)
    {
        var keyspace = new ScriptedKeyspace();
        var outcome = OperationOutcome.Of(kind, "not now");
        foreach (var replica in keyspace.Shards[0].Replicas)
        {
            replica.First(batch => replica.Reply(batch, outcome), batch => replica.Reply(batch, outcome));
        }
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a", "1");

        Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
    }

    [Theory]
    [InlineData(OutcomeKind.Unavailable, OutcomeKind.Unavailable)]
    [InlineData(OutcomeKind.Overloaded, OutcomeKind.Overloaded)]
    [InlineData(OutcomeKind.NotLeader, OutcomeKind.Unavailable)]
    [InlineData(OutcomeKind.NoSuchReplica, OutcomeKind.Unavailable)]
    [InlineData(OutcomeKind.WrongShard, OutcomeKind.Unavailable)]
    [Trait("Scenario", "network_manager_retry_mechanism")]
    public async Task When_the_time_is_up_the_caller_learns_what_stood_in_the_way(OutcomeKind said, OutcomeKind learnt)
    {
        var keyspace = new ScriptedKeyspace();
        foreach (var replica in keyspace.Shards[0].Replicas)
        {
            replica.Always(OperationOutcome.Of(said, "no"));
        }
        using var time = new StoppedTime();
        await using var client = silo.Open(keyspace, time, options => options.PauseForGood());

        var writing = client.Put("a", "1");
        await Ops.UntilAsync(() => time.Retries == 1);
        await time.PassAsync(writing);
        var result = await writing;

        Assert.Equal(learnt, result.Outcome.Kind);
        Assert.NotNull(result.Outcome.Detail);
    }

    [Theory]
    [InlineData(OutcomeKind.PreconditionFailed)]
    [InlineData(OutcomeKind.Invalid)]
    [InlineData(OutcomeKind.DiskFull)]
    [InlineData(OutcomeKind.RequestIdReused)]
    public async Task What_would_fail_again_is_not_tried_again(OutcomeKind kind)
    {
        var keyspace = new ScriptedKeyspace();
        keyspace[0, 0].Always(OperationOutcome.Of(kind, "final"));
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a", "1");

        Assert.Equal(kind, result.Outcome.Kind);
        Assert.Equal(1, keyspace[0, 0].Calls);
    }

    [Fact]
    public async Task A_write_that_is_not_answered_in_time_is_unknown()
    {
        var keyspace = new ScriptedKeyspace();
        var gate = keyspace[0, 0].Hold();
        using var time = new StoppedTime();
        await using var client = silo.Open(keyspace, time);

        var writing = client.Put("a", "1");
        await Ops.UntilAsync(() => keyspace[0, 0].Calls == 1);
        await time.PassAsync(writing);
        var result = await writing;
        gate.SetResult();

        Assert.Equal(OutcomeKind.Unknown, result.Outcome.Kind);
        Assert.Equal((1, 0, 0), (keyspace[0, 0].Calls, keyspace[0, 1].Calls, keyspace[0, 2].Calls));
    }

    [Fact]
    public async Task A_write_that_never_left_exceeded_its_deadline_and_changed_nothing()
    {
        var keyspace = new ScriptedKeyspace();
        using var time = new StoppedTime();
        ExapyteClientOptions? settings = null;
        await using var client = silo.Open(keyspace, time, options => (settings = options).PauseNever());
        keyspace[0, 0].Script = _ => throw new NodeGoneException();
        keyspace[0, 1].Script = _ =>
        {
            settings!.PauseForGood();
            throw new NodeGoneException();
        };

        var writing = client.Put("a");
        await Ops.UntilAsync(() => time.Retries == 2);
        await time.PassAsync(writing);

        Assert.Equal(OutcomeKind.DeadlineExceeded, (await writing).Outcome.Kind);
        Assert.Equal((1, 1, 0), (keyspace[0, 0].Calls, keyspace[0, 1].Calls, keyspace[0, 2].Calls));
    }

    [Fact]
    public async Task A_write_whose_time_is_up_in_the_queue_changed_nothing()
    {
        var keyspace = new ScriptedKeyspace(replicas: 1);
        var replica = keyspace[0, 0];
        var gate = replica.Hold();
        using var time = new StoppedTime();
        await using var client = silo.Open(keyspace, time, options => options.InflightBatchesMax = 1);
        var first = client.Put("first");
        await Ops.UntilAsync(() => replica.Calls == 1);

        var second = client.Put("second");
        await time.PassAsync(Task.WhenAll(first, second));
        gate.SetResult();

        Assert.Equal(OutcomeKind.Unknown, (await first).Outcome.Kind);
        Assert.Equal(OutcomeKind.DeadlineExceeded, (await second).Outcome.Kind);
        Assert.Equal(1, replica.Calls);
    }

    [Fact]
    public async Task A_queued_write_that_is_sent_once_the_one_before_it_is_given_up_is_in_doubt_too()
    {
        var keyspace = new ScriptedKeyspace(replicas: 1);
        var replica = keyspace[0, 0];
        var gate = replica.Hold();
        using var time = new StoppedTime();
        await using var client = silo.Open(
            keyspace,
            time,
            options =>
            {
                options.OperationTimeout = TimeSpan.FromSeconds(10);
                options.InflightBatchesMax = 1;
            }
        );
        var first = client.Put("first");
        await Ops.UntilAsync(() => replica.Calls == 1);
        time.Advance(TimeSpan.FromSeconds(1));

        var second = client.Put("second");
        time.Advance(TimeSpan.FromSeconds(9));
        await Ops.UntilAsync(() => replica.Calls == 2);
        await time.PassAsync(Task.WhenAll(first, second));
        gate.SetResult();

        Assert.Equal(OutcomeKind.Unknown, (await first).Outcome.Kind);
        Assert.Equal(OutcomeKind.Unknown, (await second).Outcome.Kind);
    }

    [Fact]
    public async Task A_leader_that_failed_is_not_followed_to_at_once_and_is_again_a_little_later()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace[0, 0].First(_ => throw new NodeGoneException(), _ => throw new NodeGoneException());
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a");

        Assert.Equal("n1", result.Served.Node);
        Assert.Equal(3, keyspace[0, 0].Calls);
    }

    [Fact]
    public async Task A_read_leaves_a_replica_that_is_stuck_and_later_ones_stay_away_from_it()
    {
        var keyspace = new ScriptedKeyspace();
        var gate = keyspace[0, 0].Hold();
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 1].ReplicaId;
        using var time = new StoppedTime();
        await using var client = silo.Open(
            keyspace,
            time,
            options =>
            {
                options.AttemptTimeout = TimeSpan.FromSeconds(2);
                options.PauseNever();
            }
        );

        var reading = client.Get("a", ConsistencyLevel.Eventual);
        await Ops.UntilAsync(() => keyspace[0, 0].Calls == 1);
        time.Advance(TimeSpan.FromSeconds(2));
        var first = await reading;
        var calls = keyspace[0, 0].Calls;
        var second = client.Get("a", ConsistencyLevel.Eventual);
        await Ops.UntilAsync(() => second.IsCompleted || keyspace[0, 0].Calls > 1);
        gate.SetResult();

        Assert.Equal((1, 1), (calls, keyspace[0, 0].Calls));
        Assert.Equal("n2", first.Served.Node);
        Assert.Equal("n2", (await second).Served.Node);
    }
}
