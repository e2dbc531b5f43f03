using Exapyte.Client.Tests.Scripted;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;

namespace Exapyte.Client.Tests;

public sealed class MapTests(ScriptedSilo silo)
{
    [Fact]
    public async Task The_map_is_read_once_however_many_callers_begin_together()
    {
        var keyspace = new ScriptedKeyspace(shards: 8);
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        keyspace.BeforeFind = () => gate.Task;
        await using var client = silo.Open(keyspace);

        var running = Enumerable.Range(0, 50).Select(i => client.Put($"k{i}")).ToArray();
        await Ops.UntilAsync(() => keyspace.Finds == 1);
        gate.SetResult();
        await Task.WhenAll(running);
        await client.Get("k1");

        Assert.Equal(1, keyspace.Finds);
    }

    [Fact]
    [Trait("Scenario", "control_plane_distribution_topology_updates")]
    [Trait("Scenario", "sharded_distribution_forward_operation")]
    public async Task A_reply_that_carries_a_newer_map_corrects_the_old_one()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        await client.Put("a");
        var old = keyspace[0, 0];

        keyspace.Move(0);
        old.Hosted = true;
        keyspace.Shards[0].LeaderReplicaId = old.ReplicaId;
        old.NewerMap = keyspace.MapAt(epoch: 2);
        await client.Get("a");
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 0].ReplicaId;
        await client.Get("a");

        Assert.Equal(2, keyspace[0, 0].Batches.Single().MapEpoch);
        Assert.Equal(1, keyspace.Finds);
    }

    [Fact]
    public async Task An_older_map_in_a_late_reply_is_dropped()
    {
        var keyspace = new ScriptedKeyspace { Map = null };
        keyspace.Map = keyspace.MapAt(epoch: 5);
        await using var client = silo.Open(keyspace);
        keyspace[0, 0].NewerMap = keyspace.MapAt(epoch: 4);

        await client.Put("a");
        await client.Put("a");

        Assert.All(keyspace[0, 0].Batches, batch => Assert.Equal(5, batch.MapEpoch));
    }

    [Theory]
    [Trait("Scenario", "control_plane_distribution_topology_updates")]
    [InlineData(OutcomeKind.NoSuchReplica)]
    [InlineData(OutcomeKind.WrongShard)]
    [InlineData(OutcomeKind.Unavailable)]
    [Trait("Scenario", "sharded_distribution_forward_operation")]
    public async Task A_client_with_an_old_map_asks_for_a_newer_one_and_finds_the_new_replicas(OutcomeKind kind)
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        await client.Put("a");
        var old = keyspace.Shards[0].Replicas;
        foreach (var replica in old)
        {
            replica.Always(OperationOutcome.Of(kind, "moved"));
        }

        keyspace.Move(0);
        keyspace.Map = keyspace.MapAt(epoch: 2);
        var read = await client.Get("a");

        Assert.Equal(OutcomeKind.Ok, read.Outcome.Kind);
        Assert.Equal(2, keyspace.Finds);
        Assert.Equal(1, keyspace[0, 0].Operations);
    }

    [Fact]
    public async Task A_shard_without_an_answer_is_not_asked_about_at_every_try()
    {
        var keyspace = new ScriptedKeyspace();
        using var time = new StoppedTime();
        await using var client = silo.Open(keyspace, time, options => options.PauseNever());
        await client.Put("a");
        foreach (var replica in keyspace.Shards[0].Replicas)
        {
            replica.Always(OperationOutcome.Of(OutcomeKind.Unavailable, "no quorum"));
        }
        var reads = Enumerable.Range(0, 20).Select(_ => client.Get("a")).ToArray();
        await Ops.UntilAsync(() =>
            keyspace.Finds > 1 && keyspace.Shards[0].Replicas.All(replica => replica.Calls > 20)
        );
        Assert.Equal(2, keyspace.Finds);
        time.Advance(TimeSpan.FromSeconds(1));
        await Ops.UntilAsync(() => keyspace.Finds > 2);

        keyspace[0, 2].Always(new OperationOutcome { Kind = OutcomeKind.NotFound });
        await Task.WhenAll(reads);

        Assert.Equal(3, keyspace.Finds);
    }

    [Fact]
    [Trait("Scenario", "control_plane_distribution_topology_updates")]
    public async Task Word_of_a_new_map_from_the_node_of_the_same_process_is_taken_at_once()
    {
        var keyspace = new ScriptedKeyspace();
        var news = new NodeNews();
        await using var client = silo.Open(keyspace, news);
        await client.Put("a");

        keyspace.Move(0);
        news.Maps.Tell(keyspace.MapAt(epoch: 2));
        news.Maps.Tell(keyspace.MapAt(epoch: 1));
        await client.Get("a");

        Assert.Equal(2, keyspace[0, 0].Batches.Single().MapEpoch);
        Assert.Equal(1, keyspace.Finds);
    }

    [Fact]
    public async Task A_leader_that_the_map_does_not_know_makes_the_client_ask_for_a_newer_one()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        await client.Put("a");
        var old = keyspace.Shards[0].Replicas;
        keyspace.Move(0);
        foreach (var replica in old)
        {
            replica.Always(new() { Kind = OutcomeKind.NotLeader, LeaderReplicaId = keyspace[0, 0].ReplicaId });
        }
        keyspace.Map = keyspace.MapAt(epoch: 2);

        var result = await client.Put("a");

        Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
        Assert.Equal(2, keyspace.Finds);
    }

    [Fact]
    public async Task A_keyspace_that_was_deleted_is_no_more_and_one_created_again_is_another_one()
    {
        var first = new ScriptedKeyspace();
        await using var client = silo.Open(first);
        await client.Put("a");

        first.Map = null;
        foreach (var replica in first.Shards[0].Replicas)
        {
            replica.Hosted = false;
        }
        var gone = await client.Get("a");
        _ = new ScriptedKeyspace(name: first.Name);
        await Ops.UntilAsync(async () => (await client.Get("a")).Outcome.Kind == OutcomeKind.NotFound);
        var fresh = await client.Get("a");

        Assert.Equal(OutcomeKind.NoSuchKeyspace, gone.Outcome.Kind);
        Assert.Equal(OutcomeKind.NotFound, fresh.Outcome.Kind);
    }

    [Fact]
    public async Task That_a_keyspace_is_absent_is_remembered_for_a_moment_only()
    {
        var keyspace = new ScriptedKeyspace();
        keyspace.Map = null;
        using var time = new StoppedTime();
        await using var client = silo.Open(keyspace, time);

        var results = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => client.Get("a")));
        var finds = keyspace.Finds;
        keyspace.Map = keyspace.MapAt(epoch: 1);
        var remembered = await client.Get("a");
        time.Advance(TimeSpan.FromSeconds(1));
        var found = await client.Get("a");

        Assert.Equal(OutcomeKind.NoSuchKeyspace, remembered.Outcome.Kind);
        Assert.Equal(OutcomeKind.NotFound, found.Outcome.Kind);
        Assert.All(results, result => Assert.Equal(OutcomeKind.NoSuchKeyspace, result.Outcome.Kind));
        Assert.InRange(finds, 1, 5);
    }

    [Fact]
    public async Task A_map_that_could_not_be_read_is_asked_for_again()
    {
        var keyspace = new ScriptedKeyspace();
        var failures = 2;
        keyspace.BeforeFind = () =>
            Interlocked.Decrement(ref failures) >= 0
                ? throw new InvalidOperationException("not yet")
                : Task.CompletedTask;
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a");

        Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
        Assert.Equal(3, keyspace.Finds);
    }

    [Fact]
    public async Task Reads_that_allow_it_go_to_the_replica_of_the_same_node_then_of_the_same_region()
    {
        var settings = new KeyspaceSettings { Replication = ReplicationKind.Async };
        var keyspace = new ScriptedKeyspace(settings: settings);
        await using var near = silo.Open(keyspace, options => options.LocalNode = "n2");
        await using var regional = silo.Open(keyspace, options => options.Region = "us");

        var local = await near.Get("a");
        await Ops.UntilAsync(async () => (await regional.Get("a")).Served.Region == "us");
        keyspace[0, 1].Script = _ => throw new InvalidOperationException("down");
        var elsewhere = await near.Get("a");

        Assert.Equal("n2", local.Served.Node);
        Assert.Equal(ConsistencyLevel.One, local.Served.Level);
        Assert.Equal("n1", elsewhere.Served.Node);
    }

    [Fact]
    public async Task A_linearizable_read_is_asked_of_a_member_of_this_region_where_the_leader_is_in_another()
    {
        var keyspace = new ScriptedKeyspace();
        await using var far = silo.Open(keyspace, options => options.Region = "us");
        await using var near = silo.Open(keyspace, options => (options.Region, options.LocalNode) = ("eu", "n2"));

        Assert.Equal("n1", (await far.Put("a")).Served.Node);
        await Ops.UntilAsync(async () => (await far.Get("a")).Served.Node == "n3");
        Assert.Equal("n1", (await far.Put("a")).Served.Node);
        Assert.Equal("n3", (await far.Get("a")).Served.Node);
        Assert.Equal(OutcomeKind.Ok, (await far.Scan(new())).Kind);
        // Where the leader is in this region it is asked, be another member nearer.
        Assert.Equal("n1", (await near.Put("a")).Served.Node);
        Assert.Equal("n1", (await near.Get("a")).Served.Node);
        Assert.DoesNotContain(
            keyspace[0, 0].Batches.Concat(keyspace[0, 1].Batches),
            batch => batch.Operations[0].AtAnyMember
        );
    }

    [Fact]
    public async Task Writes_of_a_leaderless_keyspace_go_to_the_nearest_replica_too()
    {
        var settings = new KeyspaceSettings { Replication = ReplicationKind.Quorum };
        var keyspace = new ScriptedKeyspace(settings: settings);
        await using var client = silo.Open(keyspace, options => options.LocalNode = "n3");

        var written = await client.Put("a");

        Assert.Equal("n3", written.Served.Node);
        Assert.Equal(ConsistencyLevel.Quorum, written.Served.Level);
    }

    [Fact]
    public async Task An_operation_whose_keyspace_is_deleted_while_it_is_under_way_hears_so_and_does_not_wait_for_its_deadline()
    {
        var keyspace = new ScriptedKeyspace();
        var news = new NodeNews();
        await using var client = silo.Open(keyspace, news);
        await client.Put("a");
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var stopped = OperationOutcome.Of(OutcomeKind.Unavailable, "The replica has been stopped.");
        keyspace[0, 0].Script = async batch =>
        {
            await gate.Task;
            return keyspace[0, 0].Reply(batch, stopped);
        };
        var write = client.Put("b");
        var group = client.Batch([Ops.Put("c"), Ops.Get("d")]);
        await Ops.UntilAsync(() => keyspace[0, 0].Calls == 3);

        var deleted = keyspace.MapAt(epoch: 2) with { Deleted = true };
        keyspace.Map = null;
        news.Maps.Tell(deleted);
        gate.SetResult();

        Assert.Equal(OutcomeKind.NoSuchKeyspace, (await write).Outcome.Kind);
        Assert.All(await group, item => Assert.Equal(OutcomeKind.NoSuchKeyspace, item.Outcome.Kind));
    }
}
