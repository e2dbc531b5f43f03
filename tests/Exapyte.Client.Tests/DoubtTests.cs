using Exapyte.Client.Tests.Scripted;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

/// <summary>Once a try may have written, only what is judged at the write's own place in the log ends the doubt.</summary>
public sealed class DoubtTests(ScriptedSilo silo)
{
    [Theory]
    [InlineData(OutcomeKind.DiskFull, OutcomeKind.Unknown)]
    [InlineData(OutcomeKind.Invalid, OutcomeKind.Unknown)]
    [InlineData(OutcomeKind.NoSuchKeyspace, OutcomeKind.Unknown)]
    [InlineData(OutcomeKind.PreconditionFailed, OutcomeKind.PreconditionFailed)]
    [InlineData(OutcomeKind.RequestIdReused, OutcomeKind.RequestIdReused)]
    [InlineData(OutcomeKind.Ok, OutcomeKind.Ok)]
    public async Task A_doubtful_write_stays_in_doubt_unless_its_place_in_the_log_decided(
        OutcomeKind then,
        OutcomeKind told
    )
    {
        var keyspace = new ScriptedKeyspace();
        foreach (var replica in keyspace.Shards[0].Replicas)
        {
            replica.Script = batch =>
                Task.FromResult<BatchReply?>(
                    replica.Reply(
                        batch,
                        new()
                        {
                            Kind = keyspace.Shards[0].Replicas.Sum(one => one.Calls) == 1 ? OutcomeKind.Unknown : then,
                        }
                    )
                );
        }
        await using var client = silo.Open(keyspace);

        var alone = await client.Run(Ops.Put("a", "1", requestId: "r"));

        Assert.Equal(told, alone.Outcome.Kind);
        Assert.Equal(2, keyspace.Shards[0].Replicas.Sum(one => one.Calls));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Doubtful_writes_of_a_batch_stay_in_doubt_where_the_disk_is_full_then(bool atomic)
    {
        var keyspace = new ScriptedKeyspace();
        foreach (var replica in keyspace.Shards[0].Replicas)
        {
            replica.Script = batch =>
                Task.FromResult<BatchReply?>(
                    replica.Reply(
                        batch,
                        OperationOutcome.Of(
                            keyspace.Shards[0].Replicas.Sum(one => one.Calls) == 1
                                ? OutcomeKind.Unknown
                                : OutcomeKind.DiskFull,
                            "full"
                        )
                    )
                );
        }
        await using var client = silo.Open(keyspace);

        var results = await client.Batch([Ops.Put("a", "1", "r"), Ops.Put("b", "1", "r")], atomic);

        Assert.All(results, result => Assert.True(result.Outcome.InDoubt));
    }
}
