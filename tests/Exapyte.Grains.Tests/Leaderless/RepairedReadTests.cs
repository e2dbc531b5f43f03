using Exapyte.Client;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.LeaderlessNodes;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>Quorum reads that repair, and what they do where a replica cannot be repaired, is slow or full.</summary>
public sealed class RepairedReadTests(LeaderlessNodes nodes) : IClassFixture<LeaderlessNodes>, IDisposable
{
    private const string Replicate = nameof(IShardGrain.Replicate);

    private static int tests;
    private readonly string key = $"k{Interlocked.Increment(ref tests)}";

    public void Dispose()
    {
        nodes.Faults.Clear();
        nodes.DiskOf("n3").IsFull = false;
    }

    [Theory]
    [InlineData(Quorum)]
    [InlineData(QuorumMemory)]
    public async Task A_quorum_read_that_can_repair_nobody_does_not_answer(string keyspace)
    {
        await nodes.Give(keyspace, "n1", Entries.Put(key, 1_000, "new"));
        nodes.Faults.Refuse("n2", Replicate);
        nodes.Faults.Refuse("n3", Replicate);

        var read = (await nodes.Run(keyspace, "n1", 5_000, Get(key, ConsistencyLevel.Quorum))).Single();

        Assert.Equal(OutcomeKind.Unavailable, read.Kind);
        Assert.Equal(("", ""), (nodes.Held(keyspace, "n2", key), nodes.Held(keyspace, "n3", key)));
    }

    [Theory]
    [InlineData(Quorum, "n2", "n3")]
    [InlineData(Quorum, "n3", "n2")]
    [InlineData(QuorumMemory, "n2", "n3")]
    public async Task Where_one_replica_cannot_be_repaired_another_takes_its_place(
        string keyspace,
        string refusing,
        string repaired
    )
    {
        await nodes.Give(keyspace, "n1", Entries.Put(key, 1_000, "new"));
        nodes.Faults.Refuse(refusing, Replicate);

        var read = (await nodes.Run(keyspace, "n1", 20_000, Get(key, ConsistencyLevel.Quorum))).Single();

        Assert.Equal("new", Text(read));
        Assert.Equal("new@1000.1", nodes.Held(keyspace, repaired, key));
        Assert.Equal("", nodes.Held(keyspace, refusing, key));
    }

    [Theory]
    [InlineData(Quorum)]
    [InlineData(QuorumMemory)]
    public async Task A_repair_that_hangs_holds_up_no_read_that_another_replica_can_serve(string keyspace)
    {
        await nodes.Give(keyspace, "n1", Entries.Put(key, 1_000, "old"));
        await nodes.Give(keyspace, "n2", Entries.Put(key, 2_000, "new"));
        await nodes.Give(keyspace, "n3", Entries.Put(key, 2_000, "new"));
        var gate = nodes.Faults.Hold("n1", Replicate);

        var read = (await nodes.Run(keyspace, "n2", 20_000, Get(key, ConsistencyLevel.Quorum))).Single();

        Assert.Equal("new", Text(read));
        gate.TrySetResult();
    }

    [Theory]
    [InlineData(Quorum)]
    [InlineData(QuorumMemory)]
    public async Task A_deleted_entry_stays_deleted_though_a_replica_missed_the_delete(string keyspace)
    {
        await nodes.Give(keyspace, "n1", Entries.Put(key, 1_000, "old"));
        await nodes.Give(keyspace, "n2", Entries.Delete(key, 2_000));
        await nodes.Give(keyspace, "n3", Entries.Delete(key, 2_000));

        var read = (await nodes.Run(keyspace, "n1", 20_000, Get(key, ConsistencyLevel.Quorum))).Single();

        Assert.Equal(OutcomeKind.NotFound, read.Kind);
        // Two held it already, so the read did not have to wait for the third.
        await Eventually.Holds(() => nodes.Held(keyspace, "n1", key) == "-@2000.1", "The one that lagged is repaired.");
    }

    [Fact]
    [Trait("Scenario", "sync_replicator_failure_handling")]
    public async Task With_one_replica_slow_and_one_full_service_goes_on_and_reads_alone_heal_the_full_one()
    {
        nodes.DiskOf("n3").IsFull = true;
        // Nothing that waits to be pushed to it comes through either: only reads can heal it.
        nodes.Faults.Refuse("n3", Replicate);
        var gate = nodes.Faults.Hold("n2", Replicate);
        var slow = nodes.Client().PutAsync(Quorum, key, "1").AsTask();
        Assert.False(slow.IsCompleted);
        gate.TrySetResult();
        Assert.Equal((OutcomeKind.Ok, 2), ((await slow).Outcome.Kind, (await slow).Outcome.Acknowledged));

        // It has met its full disk by now: it takes no write for a client, and counts for none of another.
        await Eventually.Holds(
            async () =>
                (await nodes.Run(Quorum, "n3", 2_000, Put(key + "/full", "v"))).Single().Kind == OutcomeKind.DiskFull,
            "The full replica refuses writes as what they are."
        );
        Assert.Equal(OutcomeKind.Ok, (await nodes.Client("n2").PutAsync(Quorum, key, "2")).Outcome.Kind);
        foreach (var node in (string[])["n1", "n2", "n3"])
        {
            Assert.Equal("2", Text((await nodes.Run(Quorum, node, 20_000, Get(key))).Single()));
        }
        Assert.Equal("", nodes.Held(Quorum, "n3", key));

        nodes.DiskOf("n3").IsFull = false;
        await Eventually.Holds(
            async () =>
                Text((await nodes.Run(Quorum, "n3", 5_000, Get(key))).Single()) == "2"
                && nodes.Held(Quorum, "n3", key).StartsWith("2@", StringComparison.Ordinal),
            "A read through the replica that was full brings it up to date."
        );
    }

    [Theory]
    [InlineData(Quorum)]
    [InlineData(QuorumMemory)]
    public async Task A_write_under_way_when_its_keyspace_is_deleted_is_answered_as_one_that_may_be_stored(string kind)
    {
        var keyspace = $"deleted-{key}";
        var map = await nodes.Cluster.Create(keyspace, nodes.MapOf(kind).Settings);
        var replica = nodes
            .HostOf("n1")
            .Replicas.All.OfType<LeaderlessReplica>()
            .Single(one => one.Identity.KeyspaceId == map.KeyspaceId);
        var batch = new OperationBatch
        {
            Operations = [Put(key, "v")],
            MapEpoch = map.Epoch,
            TimeoutMs = 120_000,
        };
        await Eventually.Holds(
            async () => (await replica.Execute(batch)).Outcomes.Single().Kind == OutcomeKind.Ok,
            "The replica serves, once it has learnt of the new keyspace."
        );
        var gates = new[] { nodes.Faults.Hold("n2", Replicate), nodes.Faults.Hold("n3", Replicate) };
        var write = replica.Execute(batch).AsTask();

        var deleting = nodes.Client().DeleteKeyspaceAsync(keyspace);
        var outcome = (
            await write.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken)
        ).Outcomes.Single();

        Assert.Equal(OutcomeKind.Unknown, outcome.Kind);
        Array.ForEach(gates, gate => gate.TrySetResult());
        await deleting;
        await Eventually.Holds(
            async () => (await nodes.Client().PutAsync(keyspace, key, "w")).Outcome.Kind == OutcomeKind.NoSuchKeyspace,
            "Who writes later hears that there is no such keyspace."
        );
    }

    [Fact]
    public async Task A_node_that_hears_nobody_refuses_at_once_what_takes_others_and_serves_again_when_it_hears_them()
    {
        var gate = nodes.Faults.Hold("n1", nameof(INodeGrain.Deliver));
        await Eventually.Holds(
            async () => (await nodes.Run(Quorum, "n1", 20_000, Put(key, "v"))).Single().Kind == OutcomeKind.NoQuorum,
            "It is known that nobody comes through."
        );
        var before = nodes.Held(Quorum, "n1", key);

        var refused = await nodes.Run(
            Quorum,
            "n1",
            20_000,
            Put(key, "refused"),
            Put(key + "/one", "v", ConsistencyLevel.One),
            Get(key, ConsistencyLevel.All)
        );

        Assert.Equal(
            [OutcomeKind.NoQuorum, OutcomeKind.Ok, OutcomeKind.NoQuorum],
            refused.Select(outcome => outcome.Kind)
        );
        Assert.Equal(before, nodes.Held(Quorum, "n1", key));
        // The others are in reach of each other: through them a client is served all the same.
        var another = (await nodes.Client("n2").PutAsync(Quorum, key, "by another")).Outcome;
        Assert.True(another.Kind == OutcomeKind.Ok, $"{another.Kind}: {another.Detail}");

        nodes.Faults.Clear();
        gate.TrySetResult();
        await Eventually.Holds(
            async () => (await nodes.Run(Quorum, "n1", 20_000, Put(key, "again"))).Single().Kind == OutcomeKind.Ok,
            "It serves again."
        );
    }
}
