using System.Text;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class QuorumTests : IAsyncLifetime
{
    private ProductCluster cluster = null!;

    public async ValueTask InitializeAsync()
    {
        cluster = await ProductCluster.Start(3);
        await cluster.Create("quorum", new() { Replication = ReplicationKind.Quorum, Shards = 2 });
    }

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    [Trait("Scenario", "sync_replicator_replicate_synchronously")]
    public async Task A_write_says_how_many_replicas_hold_it()
    {
        var majority = (await cluster.Client().PutAsync("quorum", "a", "1")).Outcome;
        var all = (
            await cluster
                .Client()
                .ExecuteAsync(
                    "quorum",
                    new()
                    {
                        Kind = OperationKind.Put,
                        Key = "b"u8.ToArray(),
                        Level = ConsistencyLevel.All,
                    },
                    TestContext.Current.CancellationToken
                )
        ).Outcome;

        Assert.Equal(OutcomeKind.Ok, majority.Kind);
        Assert.InRange(majority.Acknowledged, 2, 3);
        Assert.Equal((OutcomeKind.Ok, 3), (all.Kind, all.Acknowledged));
    }

    [Fact]
    [Trait("Scenario", "sync_replicator_failure_handling")]
    public async Task With_one_replica_dead_service_goes_on_and_a_read_brings_it_up_to_date_when_it_is_back()
    {
        Assert.Equal(OutcomeKind.Ok, (await cluster.Client().PutAsync("quorum", "a", "old")).Outcome.Kind);
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(OutcomeKind.Ok, (await cluster.Patient().PutAsync("quorum", $"k{i}", "v")).Outcome.Kind);
        }
        Assert.Equal(OutcomeKind.Ok, (await cluster.Patient("n2").PutAsync("quorum", "a", "new")).Outcome.Kind);

        await cluster.Nodes.StartNode(new("n3", "eu", "z3"));
        await cluster.Nodes.WaitForMembers();

        await Eventually.Holds(
            async () => Text((await cluster.Client("n3").GetAsync("quorum", "a")).Outcome) == "new",
            "A quorum read through the returned node sees the last write."
        );
        await Eventually.Holds(
            async () =>
                Text((await cluster.Client("n3").GetAsync("quorum", "a", ConsistencyLevel.One)).Outcome) == "new",
            "The returned node's own copy was repaired."
        );
    }

    [Fact]
    [Trait("Scenario", "sync_replicator_quorum_requirement")]
    [Trait("Scenario", "quorum_loss_and_recovery")]
    public async Task Where_too_few_replicas_are_alive_a_write_is_refused_at_once_and_nothing_is_stored()
    {
        Assert.Equal(OutcomeKind.Ok, (await cluster.Client().PutAsync("quorum", "a", "1")).Outcome.Kind);
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();

        // What the deadline would end was ten seconds each.
        var begun = System.Diagnostics.Stopwatch.StartNew();
        var write = await cluster.Client().PutAsync("quorum", "a", "2");
        var read = await cluster.Client().GetAsync("quorum", "a");
        var listed = await cluster.Client().ScanAsync("quorum", new(), TestContext.Current.CancellationToken);
        Assert.InRange(begun.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        var one = await cluster.Client().GetAsync("quorum", "a", ConsistencyLevel.One);

        Assert.Equal(OutcomeKind.Unavailable, write.Outcome.Kind);
        Assert.Equal(OutcomeKind.Unavailable, read.Outcome.Kind);
        Assert.Equal(OutcomeKind.Unavailable, listed.Kind);
        Assert.Equal((OutcomeKind.Ok, "1"), (one.Outcome.Kind, Text(one.Outcome)));

        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await Eventually.Holds(
            async () => (await cluster.Client().PutAsync("quorum", "a", "3")).Outcome.Kind == OutcomeKind.Ok,
            "It is served again."
        );
        Assert.Equal("3", Text((await cluster.Patient().GetAsync("quorum", "a")).Outcome));
    }

    private static string Text(OperationOutcome outcome) => Encoding.UTF8.GetString(outcome.Value.Span);
}
