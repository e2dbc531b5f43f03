using Exapyte.Keyspaces;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Grains.Tests.ControlPlane;

[Trait("Scenario", "control_plane_configure_keyspace")]
public sealed class KeyspaceTests(ControlPlaneFixture fixture) : IClassFixture<ControlPlaneFixture>, IDisposable
{
    private static int names;
    private readonly string name = $"k{Interlocked.Increment(ref names)}";
    private readonly ControlPlaneCluster cluster = fixture.Cluster;

    public void Dispose() => cluster.Recorder.Refusing.Clear();

    [Fact]
    [Trait("Scenario", "sharded_distribution_initialization")]
    public async Task A_new_keyspace_spreads_its_shards_over_the_nodes_on_equal_ranges_of_slots()
    {
        var reply = await cluster.Keyspace(name).Put(new() { Shards = 6, Replicas = 2 });
        Assert.Equal(KeyspaceOutcome.Created, reply.Outcome);
        var shards = reply.Map!.Shards;
        Assert.Equal(
            Enumerable.Range(0, 6).Select(shard => KeyHash.Slots * shard / 6),
            shards.Select(s => s.FirstSlot)
        );
        Assert.All(shards, shard => Assert.Equal(2, shard.Replicas.Select(replica => replica.Node).Distinct().Count()));
        Assert.All(shards.GroupBy(shard => shard.Replicas[0].Node), ledByOne => Assert.Equal(2, ledByOne.Count()));
        var ids = shards.SelectMany(shard => shard.Replicas.Select(replica => replica.ReplicaId).Append(shard.ShardId));
        Assert.Equal(6 + 12 + 1, ids.Append(reply.Map.KeyspaceId).Distinct().Count());
        foreach (var node in cluster.Nodes.Nodes)
        {
            await cluster.WaitForMap(node, reply.Map);
        }
        Assert.Contains(name, await cluster.ControlPlane().Keyspaces());
    }

    [Fact]
    public async Task A_new_range_keyspace_has_one_shard_more_than_split_keys_each_from_its_key_on()
    {
        var settings = new KeyspaceSettings
        {
            Distribution = DistributionKind.Range,
            SplitKeys = SplitKeys.Of("g", "p"),
            Replicas = 2,
        };
        var reply = await cluster.Keyspace(name).Put(settings);

        Assert.Equal(KeyspaceOutcome.Created, reply.Outcome);
        var shards = reply.Map!.Shards;
        Assert.Equal(["", "67", "70"], shards.Select(shard => Convert.ToHexString(shard.Start)));
        Assert.All(shards, shard => Assert.Equal((0, 2), (shard.FirstSlot, shard.Replicas.Length)));
        var ids = shards.SelectMany(shard => shard.Replicas.Select(replica => replica.ReplicaId).Append(shard.ShardId));
        Assert.Equal(3 + 6 + 1, ids.Append(reply.Map.KeyspaceId).Distinct().Count());
        Assert.Equal(reply.Map.Epoch, (await cluster.Keyspace(name).Put(settings with { })).Map!.Epoch);
        Assert.Equal(
            KeyspaceOutcome.Conflict,
            (await cluster.Keyspace(name).Put(settings with { SplitKeys = SplitKeys.Of("g") })).Outcome
        );
    }

    [Fact]
    [Trait("Scenario", "sharded_distribution_initialization")]
    public async Task More_replicas_than_nodes_makes_as_many_as_there_are_and_says_so()
    {
        var map = (await cluster.Keyspace(name).Put(new() { Replicas = 5 })).Map!;
        Assert.All(map.Shards, shard => Assert.Equal(3, shard.Replicas.Length));
        Assert.True(map.UnderReplicated);
    }

    [Fact]
    public async Task Invalid_settings_and_a_bad_name_are_refused_with_every_reason_and_change_nothing()
    {
        var reply = await cluster
            .Keyspace("Bad Name")
            .Put(
                new()
                {
                    Replication = ReplicationKind.Raft,
                    Storage = StorageKind.Memory,
                    Replicas = 0,
                    Shards = 5_000,
                }
            );
        Assert.Equal(KeyspaceOutcome.Invalid, reply.Outcome);
        Assert.Equal(4, reply.Reasons.Length);
        Assert.Equal(KeyspaceOutcome.NotFound, (await cluster.Keyspace("Bad Name").Get()).Outcome);
        Assert.DoesNotContain("Bad Name", await cluster.ControlPlane().Keyspaces());
    }

    [Fact]
    public async Task Putting_the_same_settings_again_changes_nothing()
    {
        var created = await cluster.Keyspace(name).Put(new());
        var again = await cluster.Keyspace(name, "n2").Put(new());
        Assert.Equal(KeyspaceOutcome.Ok, again.Outcome);
        Assert.Equal(created.Map!.Epoch, again.Map!.Epoch);
        Assert.Equal(created.Map.KeyspaceId, again.Map.KeyspaceId);
    }

    [Fact]
    [Trait("Scenario", "control_plane_metadata_sync")]
    public async Task A_change_raises_the_epoch_and_reaches_every_node()
    {
        var created = await cluster.Put(name, new());
        var reply = await cluster.Keyspace(name).Put(new() { DefaultTtlSeconds = 60 });
        Assert.Equal(KeyspaceOutcome.Ok, reply.Outcome);
        Assert.Equal(created.Epoch + 1, reply.Map!.Epoch);
        foreach (var node in cluster.Nodes.Nodes)
        {
            await cluster.WaitForMap(node, reply.Map);
            Assert.Equal(60, cluster.Recorder.LatestOf(node, name)!.Settings.DefaultTtlSeconds);
        }
    }

    [Fact]
    [Trait("Scenario", "control_plane_metadata_sync")]
    public async Task A_change_that_is_answered_has_reached_every_node_in_reach_already()
    {
        await cluster.Put(name, new());
        for (var change = 1; change <= 5; change++)
        {
            var reply = await cluster.Keyspace(name).Put(new() { DefaultTtlSeconds = change });

            Assert.Equal(KeyspaceOutcome.Ok, reply.Outcome);
            Assert.All(
                cluster.Nodes.Nodes,
                node => Assert.Equal(reply.Map!.Epoch, cluster.Recorder.LatestOf(node, name)!.Epoch)
            );
        }
    }

    [Fact]
    public async Task What_is_fixed_at_creation_cannot_be_changed_and_every_reason_is_given()
    {
        var created = await cluster.Put(name, new());
        var reply = await cluster.Keyspace(name).Put(new() { Shards = 9, Replication = ReplicationKind.Async });
        Assert.Equal(KeyspaceOutcome.Conflict, reply.Outcome);
        Assert.Equal(2, reply.Reasons.Length);
        Assert.Equal(created.Epoch, (await cluster.Keyspace(name).Get()).Map!.Epoch);
    }

    [Fact]
    public async Task Quorums_that_could_miss_what_was_acknowledged_are_refused_with_the_way_out()
    {
        var settings = new KeyspaceSettings
        {
            Replication = ReplicationKind.Quorum,
            WriteQuorum = 1,
            ReadQuorum = 3,
        };
        var created = await cluster.Put(name, settings);

        var refused = await cluster.Keyspace(name).Put(settings with { WriteQuorum = 2, ReadQuorum = 2 });
        var taken = await cluster.Put(name, settings with { WriteQuorum = 2, ReadQuorum = 3 });
        var again = await cluster.Keyspace(name).Put(settings with { WriteQuorum = 2, ReadQuorum = 2 });

        Assert.Equal(KeyspaceOutcome.Conflict, refused.Outcome);
        Assert.Contains("restore a backup", Assert.Single(refused.Reasons), StringComparison.Ordinal);
        Assert.Equal((created.Epoch, 1), (refused.Map!.Epoch, refused.Map.Settings.WriteQuorum));
        Assert.Equal(created.Epoch + 1, taken.Epoch);
        Assert.Equal(KeyspaceOutcome.Conflict, again.Outcome);
    }

    [Fact]
    public async Task Quorums_wait_to_be_changed_until_every_node_has_the_map_that_they_change()
    {
        var settings = new KeyspaceSettings { Replication = ReplicationKind.Quorum };
        await cluster.Put(name, settings);
        cluster.Recorder.Refusing["n3"] = true;
        var raised = await cluster.Put(name, settings with { ReadQuorum = 3 });

        var refused = await cluster.Keyspace(name).Put(settings with { WriteQuorum = 1, ReadQuorum = 3 });
        cluster.Recorder.Refusing.Clear();
        await cluster.WaitForMap("n3", raised);
        var taken = await cluster.Put(name, settings with { WriteQuorum = 1, ReadQuorum = 3 });

        Assert.Equal(KeyspaceOutcome.Unavailable, refused.Outcome);
        Assert.Equal(raised.Epoch, refused.Map!.Epoch);
        Assert.Equal(1, taken.Settings.WriteQuorum);
    }

    [Fact]
    public async Task A_deleted_keyspace_is_gone_and_the_next_of_its_name_is_another_at_a_higher_epoch()
    {
        var first = await cluster.Put(name, new());
        var deleted = await cluster.Keyspace(name).Delete();
        Assert.Equal(KeyspaceOutcome.Ok, deleted.Outcome);
        Assert.Equal(KeyspaceOutcome.NotFound, (await cluster.Keyspace(name).Get()).Outcome);
        Assert.Equal(KeyspaceOutcome.NotFound, (await cluster.Keyspace(name).Delete()).Outcome);
        Assert.Null(await cluster.Keyspace(name).CurrentMap(first.KeyspaceId));
        Assert.DoesNotContain(name, await cluster.ControlPlane().Keyspaces());
        foreach (var node in cluster.Nodes.Nodes)
        {
            await cluster.WaitForMap(node, deleted.Map!);
            Assert.True(cluster.Recorder.LatestOf(node, name)!.Deleted);
        }

        var second = (await cluster.Keyspace(name).Put(new())).Map!;
        Assert.True(second.KeyspaceId > first.KeyspaceId);
        Assert.True(second.Epoch > deleted.Map!.Epoch);
        Assert.Null(await cluster.Keyspace(name).CurrentMap(first.KeyspaceId));
        Assert.Equal(second.Epoch, (await cluster.Keyspace(name).CurrentMap(second.KeyspaceId))!.Epoch);
        Assert.Contains(name, await cluster.ControlPlane().Keyspaces());
    }

    [Fact]
    [Trait("Scenario", "control_plane_metadata_sync")]
    public async Task A_node_that_refused_a_deletion_is_told_until_it_accepts_also_once_the_name_is_taken_again()
    {
        var first = await cluster.Put(name, new());
        await cluster.WaitForMap("n3", first);
        cluster.Recorder.Refusing["n3"] = true;
        var deleted = (await cluster.Keyspace(name).Delete()).Map!;
        var second = (await cluster.Keyspace(name).Put(new())).Map!;
        cluster.Recorder.Refusing.Clear();
        await Eventually.Holds(
            () =>
                cluster.Recorder.Accepted["n3"].Any(map => map.KeyspaceId == deleted.KeyspaceId && map.Deleted)
                && cluster.Recorder.Accepted["n3"].Any(map => map.KeyspaceId == second.KeyspaceId),
            "n3 knows both."
        );
    }

    [Fact]
    [Trait("Scenario", "control_plane_metadata_sync")]
    public async Task Without_a_majority_a_creation_is_unavailable_and_is_completed_later()
    {
        cluster.Recorder.Refusing["n2"] = true;
        cluster.Recorder.Refusing["n3"] = true;
        var reply = await cluster.Keyspace(name).Put(new());
        Assert.Equal(KeyspaceOutcome.Unavailable, reply.Outcome);
        Assert.Contains(reply.Reasons, reason => reason.Contains("n2"));
        Assert.Contains(reply.Reasons, reason => reason.Contains("n3"));
        cluster.Recorder.Refusing.Clear();
        await cluster.WaitForMap("n2", reply.Map!);
        await cluster.WaitForMap("n3", reply.Map!);
        Assert.Equal(reply.Map!.KeyspaceId, (await cluster.Keyspace(name).Put(new())).Map!.KeyspaceId);
    }

    [Fact]
    public async Task A_creation_that_was_unavailable_is_reported_as_created_when_it_is_put_again()
    {
        cluster.Recorder.Refusing["n2"] = true;
        cluster.Recorder.Refusing["n3"] = true;
        await cluster.Keyspace(name).Put(new());
        cluster.Recorder.Refusing.TryRemove("n2", out _);
        var outcomes = new List<KeyspaceOutcome>();
        await Eventually.Holds(
            async () =>
            {
                outcomes.Add((await cluster.Keyspace(name).Put(new())).Outcome);
                return outcomes[^1] != KeyspaceOutcome.Unavailable;
            },
            "The creation is done."
        );
        Assert.True(outcomes[^1] is KeyspaceOutcome.Created or KeyspaceOutcome.Ok);
    }

    [Fact]
    public async Task Creations_and_deletions_at_the_same_time_leave_names_maps_and_nodes_in_agreement()
    {
        var commands = Enumerable
            .Range(0, 30)
            .Select(turn =>
            {
                var keyspace = cluster.Keyspace(name, $"n{(turn % 3) + 1}");
                return turn % 2 == 0 ? keyspace.Put(new() { Shards = 2 }) : keyspace.Delete();
            });
        var replies = await Task.WhenAll(commands);
        Assert.DoesNotContain(replies, reply => reply.Outcome is KeyspaceOutcome.Invalid or KeyspaceOutcome.Conflict);

        var last = await cluster.Keyspace(name).Get();
        var highest = replies.Max(reply => reply.Map?.Epoch ?? 0);
        await Eventually.Holds(
            async () =>
                (await cluster.ControlPlane().Keyspaces()).Contains(name) == (last.Outcome == KeyspaceOutcome.Ok)
                && cluster.Nodes.Nodes.All(node =>
                    cluster.Recorder.Accepted[node].Where(map => map.Name == name).Max(map => map.Epoch) == highest
                ),
            "The names and the nodes follow the last command."
        );
    }
}
