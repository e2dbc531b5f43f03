using Exapyte.Grains.ControlPlane;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Grains.Tests.ControlPlane;

/// <summary>The control plane when its database is away, or when somebody else wrote there first.</summary>
[Trait("Scenario", "control_plane_update_topology")]
public sealed class DatabaseTests : IAsyncLifetime
{
    private ControlPlaneCluster cluster = null!;

    public async ValueTask InitializeAsync() => cluster = await ControlPlaneCluster.Start(ControlPlaneCluster.Three);

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    public async Task With_the_database_stopped_changes_are_unavailable_and_what_is_known_is_still_answered()
    {
        var map = await cluster.Put("k", new());
        await Settled(map);
        cluster.Database.IsStopped = true;

        var change = await cluster.Keyspace("k").Put(new() { DefaultTtlSeconds = 5 });
        Assert.Equal(KeyspaceOutcome.Unavailable, change.Outcome);
        Assert.Single(change.Reasons);
        Assert.Equal(KeyspaceOutcome.Unavailable, (await cluster.Keyspace("cold").Put(new())).Outcome);
        Assert.Equal(KeyspaceOutcome.Unavailable, (await cluster.Keyspace("cold").Get()).Outcome);
        Assert.Equal(KeyspaceOutcome.Unavailable, (await cluster.Keyspace("cold").Delete()).Outcome);
        Assert.Equal(3, (await cluster.ControlPlane().Topology()).Nodes.Length);
        var reply = await cluster.ControlPlane().Register(cluster.Registrar("n1").Registration);
        Assert.True(reply is { Accepted: false, Retryable: true });

        cluster.Database.IsStopped = false;
        Assert.Equal(KeyspaceOutcome.Ok, (await cluster.Keyspace("k").Put(new() { DefaultTtlSeconds = 5 })).Outcome);
        Assert.Equal(KeyspaceOutcome.Created, (await cluster.Keyspace("cold").Put(new())).Outcome);
    }

    [Fact]
    public async Task With_the_database_stopped_nobody_is_told_that_a_keyspace_does_not_exist()
    {
        cluster.Database.IsStopped = true;
        await Assert.ThrowsAsync<ControlPlaneUnavailableException>(() => cluster.Keyspace("k").CurrentMap(7));
    }

    [Fact]
    public async Task A_stale_writer_is_fenced_and_answers_that_it_may_be_asked_again()
    {
        var map = await cluster.Put("k", new());
        await Settled(map);
        cluster.Database.Touch("keyspace", cluster.Keyspace("k").GetGrainId());
        var fenced = await cluster.Keyspace("k").Put(new() { DefaultTtlSeconds = 5 });
        Assert.Equal(KeyspaceOutcome.Unavailable, fenced.Outcome);
        Assert.Equal(map.Epoch, (await cluster.Keyspace("k").Get()).Map!.Epoch);
        await Eventually.Holds(
            async () =>
                (await cluster.Keyspace("k").Put(new() { DefaultTtlSeconds = 5 })).Outcome == KeyspaceOutcome.Ok,
            "The change is made."
        );
        Assert.Equal(map.Epoch + 1, (await cluster.Keyspace("k").Get()).Map!.Epoch);
    }

    [Fact]
    public async Task A_write_whose_answer_is_lost_is_read_back_before_anything_is_decided_on_it()
    {
        var map = await cluster.Put("k", new());
        await Settled(map);
        cluster.Database.LoseNextAnswer();
        var unknown = await cluster.Keyspace("k").Put(new() { DefaultTtlSeconds = 5 });
        Assert.Equal((KeyspaceOutcome.Unavailable, true), (unknown.Outcome, unknown.InDoubt));
        var after = (await cluster.Keyspace("k").Get()).Map!;
        Assert.Equal(map.Epoch + 1, after.Epoch);
        Assert.Equal(5, after.Settings.DefaultTtlSeconds);
        Assert.Equal(KeyspaceOutcome.Ok, (await cluster.Keyspace("k").Put(new() { DefaultTtlSeconds = 5 })).Outcome);
    }

    [Fact]
    public async Task A_creation_and_a_deletion_whose_answers_are_lost_are_in_doubt_and_carried_out_though_nobody_asks_again()
    {
        // With it enough ids are reserved: the next write is that of the keyspace.
        await Settled(await cluster.Put("other", new()));
        cluster.Database.LoseNextAnswer();
        var creation = await cluster.Keyspace("k").Put(new());
        Assert.Equal((KeyspaceOutcome.Unavailable, true), (creation.Outcome, creation.InDoubt));
        await Eventually.Holds(
            () => cluster.Recorder.LatestOf("n3", "k") is { Deleted: false },
            "The nodes host what was created."
        );
        var again = await cluster.Put("k", new());
        await Settled(again);

        cluster.Database.LoseNextAnswer();
        var deletion = await cluster.Keyspace("k").Delete();

        Assert.Equal((KeyspaceOutcome.Unavailable, true), (deletion.Outcome, deletion.InDoubt));
        await Eventually.Holds(
            () => cluster.Nodes.Nodes.All(node => cluster.Recorder.LatestOf(node, "k") is { Deleted: true }),
            "The nodes are told of the deletion."
        );
        Assert.Equal(KeyspaceOutcome.NotFound, (await cluster.Keyspace("k").Delete()).Outcome);
    }

    [Fact]
    public async Task A_command_that_could_not_even_read_the_state_is_not_in_doubt()
    {
        cluster.Database.IsStopped = true;

        var reply = await cluster.Keyspace("cold").Put(new());

        Assert.Equal((KeyspaceOutcome.Unavailable, false), (reply.Outcome, reply.InDoubt));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_deleted_keyspace_leaves_no_row_and_no_activation_once_every_node_knows(bool isAnswerLost)
    {
        var map = await cluster.Put("k", new());
        await Settled(map);
        Assert.True(cluster.Database.Has("keyspace", cluster.Keyspace("k").GetGrainId()));
        if (isAnswerLost)
        {
            cluster.Database.LoseNextAnswerToARemoval();
        }

        Assert.Equal(KeyspaceOutcome.Ok, (await cluster.Keyspace("k").Delete()).Outcome);

        await Eventually.Holds(
            () => !cluster.Database.Has("keyspace", cluster.Keyspace("k").GetGrainId()),
            "Its row is gone."
        );
        await ActivationIsGone("k");
        Assert.Equal(KeyspaceOutcome.NotFound, (await cluster.Keyspace("k").Get()).Outcome);
        var next = await cluster.Put("k", new());
        Assert.True(next.KeyspaceId > map.KeyspaceId);
    }

    [Fact]
    public async Task A_late_call_for_what_is_gone_leaves_no_activation_behind()
    {
        var gone = cluster.Nodes.GrainsOf("n1").GetGrain<IKeyspaceControlGrain>("gone");
        await gone.Resume();

        await ActivationIsGone("gone");
    }

    private Task ActivationIsGone(string keyspace) =>
        Eventually.Holds(
            async () => await cluster.Nodes.HostOf(cluster.Keyspace(keyspace)) is null,
            "Its activation is gone."
        );

    private Task Settled(Exapyte.Keyspaces.KeyspaceMap map) =>
        Eventually.Holds(
            async () =>
            {
                var storage = cluster.Database.For(cluster.Nodes.Serializer("n1"));
                var stored = new GrainState<KeyspaceState>();
                await storage.ReadStateAsync("keyspace", cluster.Keyspace(map.Name).GetGrainId(), stored);
                return stored.State!.SettledEpoch == map.Epoch;
            },
            "Nothing is left to do."
        );
}
