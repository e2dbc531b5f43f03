using Exapyte.Client.Tests.Scripted;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

/// <summary>Refusals whose reason stays longer than any operation waits.</summary>
public sealed class LastingRefusalTests(ScriptedSilo silo)
{
    private static readonly OperationOutcome Lasts = OperationOutcome.Of(OutcomeKind.ClockWrong, "It stays so.");

    [Fact]
    public async Task What_every_replica_refuses_for_a_reason_that_lasts_is_answered_after_one_round()
    {
        var keyspace = Leaderless();
        await using var client = silo.Open(keyspace);
        foreach (var replica in keyspace.Shards[0].Replicas)
        {
            replica.Always(Lasts);
        }

        var put = await client.Put("a");
        var batch = await client.Batch([Ops.Put("b"), Ops.Put("c")]);

        Assert.Equal((OutcomeKind.Unavailable, "It stays so."), (put.Outcome.Kind, put.Outcome.Detail));
        Assert.All(batch, item => Assert.Equal("It stays so.", item.Outcome.Detail));
        Assert.All(keyspace.Shards[0].Replicas, replica => Assert.Equal(2, replica.Calls));
    }

    [Fact]
    public async Task Another_replica_serves_what_one_refuses_for_a_reason_that_lasts()
    {
        var keyspace = Leaderless();
        await using var client = silo.Open(keyspace);
        keyspace[0, 0].Always(Lasts);
        keyspace[0, 1].Always(Lasts);

        var put = await client.Put("a");

        Assert.Equal((OutcomeKind.Ok, "n3"), (put.Outcome.Kind, put.Served.Node));
    }

    [Fact]
    public async Task An_item_that_is_worth_another_try_takes_its_batch_along()
    {
        var keyspace = new ScriptedKeyspace(replicas: 1, settings: new() { Replication = ReplicationKind.Quorum });
        await using var client = silo.Open(keyspace);
        var soon = OperationOutcome.Of(OutcomeKind.Unavailable, "Soon.");
        keyspace[0, 0].First(_ => keyspace[0, 0].Reply([Lasts, soon]), _ => keyspace[0, 0].Reply([Lasts, soon]));

        var batch = await client.Batch([Ops.Put("a"), Ops.Put("b")]);

        Assert.All(batch, item => Assert.Equal(OutcomeKind.Ok, item.Outcome.Kind));
        Assert.Equal(3, keyspace[0, 0].Calls);
    }

    private static ScriptedKeyspace Leaderless() => new(settings: new() { Replication = ReplicationKind.Quorum });
}
