using Exapyte.Client.Tests.Scripted;
using Exapyte.Operations;
using Exapyte.Topology;

namespace Exapyte.Client.Tests;

/// <summary>A shard none of whose replicas in reach has a leader or quorum: nothing is waited for. No deadline passes here.</summary>
[Trait("Scenario", "quorum_loss_and_recovery")]
public sealed class NoQuorumTests(ScriptedSilo silo)
{
    private static readonly OperationOutcome NoQuorum = OperationOutcome.Of(OutcomeKind.NoQuorum, "nobody leads");
    private readonly ScriptedKeyspace keyspace = new();

    [Fact]
    public async Task Where_every_replica_has_no_quorum_the_operation_is_refused_after_each_was_asked_once()
    {
        Refuse(0, 1, 2);
        await using var client = silo.Open(keyspace);

        foreach (var operation in (Operation[])[Ops.Put("a"), Ops.Put("a", requestId: "once"), Ops.Get("a")])
        {
            var before = Calls;
            var result = await client.Run(operation);

            Assert.Equal((OutcomeKind.Unavailable, "nobody leads"), (result.Outcome.Kind, result.Outcome.Detail));
            Assert.False(result.Outcome.InDoubt);
            Assert.Equal(3, Calls - before);
        }
    }

    [Fact]
    public async Task A_batch_and_a_listing_are_refused_like_a_single_operation()
    {
        Refuse(0, 1, 2);
        for (var at = 0; at < 3; at++)
        {
            keyspace[0, at].ScanScript = _ =>
                Task.FromResult<ScanReply?>(new() { Kind = OutcomeKind.NoQuorum, Detail = "nobody leads" });
        }
        await using var client = silo.Open(keyspace);

        var batch = await client.Batch([Ops.Put("a"), Ops.Get("b")]);
        var page = await client.Scan(new() { EntriesMax = 10 });

        Assert.All(batch, item => Assert.Equal(OutcomeKind.Unavailable, item.Outcome.Kind));
        Assert.Equal(OutcomeKind.Unavailable, page.Kind);
    }

    [Fact]
    public async Task Replicas_that_cannot_be_reached_do_not_make_the_others_wait()
    {
        Refuse(0);
        keyspace[0, 1].Script = _ => throw new NodeGoneException();
        keyspace[0, 2].Script = _ => throw new NodeGoneException();
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a");

        Assert.Equal(OutcomeKind.Unavailable, result.Outcome.Kind);
        Assert.False(result.Outcome.InDoubt);
    }

    [Fact]
    public async Task Replicas_on_nodes_that_are_lost_are_not_asked_where_another_one_says_that_it_has_no_quorum()
    {
        Refuse(2);
        keyspace[0, 0].Hold();
        keyspace[0, 1].Hold();
        var news = new NodeNews { LostNodes = ["n1", "n2"] };
        await using var client = silo.Open(keyspace, news);

        var result = await client.Put("a");

        Assert.Equal(OutcomeKind.Unavailable, result.Outcome.Kind);
        Assert.Equal((0, 0, 1), (keyspace[0, 0].Calls, keyspace[0, 1].Calls, keyspace[0, 2].Calls));
    }

    [Fact]
    public async Task A_replica_on_a_lost_node_is_asked_where_no_other_can_serve()
    {
        var alone = new ScriptedKeyspace(replicas: 1);
        await using var client = silo.Open(alone, new NodeNews { LostNodes = ["n1"] });

        Assert.Equal(OutcomeKind.Ok, (await client.Put("a")).Outcome.Kind);
    }

    [Fact]
    public async Task While_one_replica_only_does_not_know_who_leads_the_operation_goes_on()
    {
        Refuse(0, 1);
        var waits = new OperationOutcome { Kind = OutcomeKind.NotLeader };
        keyspace[0, 2].First(batch => keyspace[0, 2].Reply(batch, waits), batch => keyspace[0, 2].Reply(batch, waits));
        keyspace.Shards[0].LeaderReplicaId = keyspace[0, 2].ReplicaId;
        await using var client = silo.Open(keyspace);

        var result = await client.Put("a");

        Assert.Equal((OutcomeKind.Ok, "n3"), (result.Outcome.Kind, result.Served.Node));
    }

    [Fact]
    public async Task A_write_that_may_have_happened_before_stays_in_doubt()
    {
        Refuse(1, 2);
        keyspace[0, 0]
            .First(
                _ => throw new InvalidOperationException("lost half-way"),
                batch => keyspace[0, 0].Reply(batch, NoQuorum)
            );
        await using var client = silo.Open(keyspace);

        var result = await client.Run(Ops.Put("a", requestId: "once"));

        Assert.Equal(OutcomeKind.Unknown, result.Outcome.Kind);
    }

    private int Calls => keyspace[0, 0].Calls + keyspace[0, 1].Calls + keyspace[0, 2].Calls;

    private void Refuse(params int[] replicas)
    {
        foreach (var at in replicas)
        {
            keyspace[0, at].Always(NoQuorum);
        }
    }
}
