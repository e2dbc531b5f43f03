using System.Collections.Concurrent;
using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Grains.Tests.Membership;

/// <summary>Groups that grow, shrink and heal while they serve.</summary>
public sealed class MembershipTests
{
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(5);
    private static readonly string[] Keys = [.. Enumerable.Range(0, 40).Select(number => $"key-{number}")];

    [Fact]
    public async Task A_keyspace_fills_up_as_nodes_join_and_then_outlives_its_first_node()
    {
        await using var cluster = await ReplicaCluster.Start(Never, ["n1"]);
        var first = await cluster.Create(shards: 6, replicas: 3);
        Assert.True(first.UnderReplicated);
        foreach (var key in Keys)
        {
            await cluster.Put(key);
        }

        await cluster.Nodes.StartNode(new("n2"));
        await cluster.Nodes.StartNode(new("n3"));
        var full = await cluster.WaitForVotersOn("n1", "n2", "n3");
        Assert.False(full.UnderReplicated);
        Assert.All(full.Shards.CountBy(shard => shard.Replicas[0].Node), led => Assert.Equal(2, led.Value));
        Assert.NotEmpty(cluster.HostOf("n1").Replicas.All);
        Assert.NotEmpty(cluster.HostOf("n2").Replicas.All);
        Assert.All(cluster.HostOf("n1").Replicas.All, replica => Assert.Single(replica.Identity.FirstMembers));
        Assert.All(cluster.HostOf("n2").Replicas.All, replica => Assert.Empty(replica.Identity.FirstMembers));
        Assert.Equal(
            first.Shards.Select(shard => shard.Replicas[0].ReplicaId),
            full.Shards.Select(shard => Assert.Single(shard.Replicas, replica => replica.Node == "n1").ReplicaId)
        );

        await cluster.Nodes.KillNode("n1");
        foreach (var key in Keys)
        {
            Assert.True(await cluster.Has(key), key);
        }
        await cluster.Put("after");
        Assert.True(await cluster.Has("after"));
    }

    [Fact]
    public async Task A_dead_node_is_replaced_while_writes_go_on_and_nothing_acknowledged_is_lost()
    {
        await using var cluster = await ReplicaCluster.Start(Soon, ["n1", "n2", "n3"]);
        var first = await cluster.Create(shards: 3, replicas: 3);
        ConcurrentQueue<string> acknowledged = new();
        using var stop = new CancellationTokenSource();
        var writing = Task.Run(() => WriteUntil(cluster, acknowledged, stop.Token), CancellationToken.None);
        await Eventually.Holds(() => acknowledged.Count > 20, "Writes are acknowledged.");

        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.StartNode(new("n4"));
        var replaced = await cluster.WaitForVotersOn("n1", "n3", "n4");
        var before = acknowledged.Count;
        await Eventually.Holds(() => acknowledged.Count > before + 20, "Writes go on.");
        await stop.CancelAsync();
        await writing;

        Assert.False(replaced.UnderReplicated);
        Assert.True(replaced.Epoch > first.Epoch);
        foreach (var key in acknowledged)
        {
            Assert.True(await cluster.Has(key), key);
        }

        await cluster.Nodes.StartNode(new("n2"));
        await Eventually.Holds(() => cluster.HostOf("n2").Replicas.All.Count == 0, "n2 has retired what it held.");
        var map = await cluster.WaitForVotersOn("n1", "n3", "n4");
        Assert.Equal(replaced.Shards.Select(Ids), map.Shards.Select(Ids));
    }

    [Fact]
    public async Task A_wiped_node_is_rebuilt_under_new_ids_and_is_no_voter_before_it_is_caught_up()
    {
        await using var cluster = await ReplicaCluster.Start(Never, ["n1", "n2", "n3"]);
        var first = await cluster.Create(shards: 3, replicas: 3);
        foreach (var key in Keys)
        {
            await cluster.Put(key);
        }
        await cluster.WaitForVotersOn("n1", "n2", "n3");
        var old = first
            .Shards.SelectMany(shard => shard.Replicas)
            .Where(replica => replica.Node == "n2")
            .Select(replica => replica.ReplicaId)
            .ToHashSet();

        await cluster.Nodes.KillNode("n2");
        cluster.Wipe("n2");
        await cluster.Nodes.StartNode(new("n2"));
        using var stop = new CancellationTokenSource();
        var watching = Task.Run(() => Watch(cluster, first.KeyspaceId, stop.Token), CancellationToken.None);
        var rebuilt = await cluster.WaitForVotersOn("n1", "n2", "n3");
        await stop.CancelAsync();
        var seen = await watching;

        Assert.NotEmpty(seen);
        Assert.DoesNotContain(rebuilt.Shards.SelectMany(Ids), old.Contains);
        Assert.NotEmpty(cluster.HostOf("n2").Replicas.All);
        Assert.All(cluster.HostOf("n2").Replicas.All, replica => Assert.Empty(replica.Identity.FirstMembers));
        Assert.DoesNotContain(seen, status => old.Contains(status.ReplicaId));
        Assert.All(
            seen.Where(status => !status.Voters.Contains(status.ReplicaId)),
            status => Assert.Equal("learner", status.Role)
        );
        await cluster.Nodes.KillNode("n3");
        foreach (var key in Keys)
        {
            Assert.True(await cluster.Has(key), key);
        }
    }

    [Fact]
    public async Task A_replica_whose_log_is_damaged_is_replaced_under_a_new_id_and_its_node_serves_the_others()
    {
        await using var cluster = await ReplicaCluster.Start(Never, ["n1", "n2", "n3"]);
        await cluster.Create(shards: 3, replicas: 3);
        foreach (var key in Keys)
        {
            await cluster.Put(key);
        }
        var first = await cluster.WaitForVotersOn("n1", "n2", "n3");
        await cluster.WaitForEvenLogs(first);
        await cluster.Nodes.KillNode("n2");
        Assert.NotEqual(0, cluster.DamageLog("n2", Keys[5]));
        await cluster.Nodes.StartNode(new("n2"));

        KeyspaceMap healed = first;
        await Eventually.Holds(
            async () =>
            {
                healed = await cluster.WaitForVotersOn("n1", "n2", "n3");
                return !healed.Shards.SelectMany(Ids).SequenceEqual(first.Shards.SelectMany(Ids));
            },
            "What cannot be read is replaced.",
            TimeSpan.FromSeconds(60)
        );
        var old = first.Shards.SelectMany(Ids).Except(healed.Shards.SelectMany(Ids)).ToHashSet();
        Assert.NotEmpty(old);
        Assert.All(
            first.Shards.SelectMany(shard => shard.Replicas).Where(replica => old.Contains(replica.ReplicaId)),
            replica => Assert.Equal("n2", replica.Node)
        );
        await Eventually.Holds(() => !cluster.HostOf("n2").Replicas.Quarantined.Any(), "n2 has forgotten them.");
        await cluster.Nodes.KillNode("n3");
        foreach (var key in Keys)
        {
            Assert.True(await cluster.Has(key), key);
        }
    }

    [Fact]
    public async Task A_wiped_node_refuses_a_late_map_that_still_places_its_old_replicas()
    {
        await using var cluster = await ReplicaCluster.Start(Never, ["n1", "n2"]);
        var first = await cluster.Create(shards: 1, replicas: 2);
        await cluster.Nodes.KillNode("n2");
        cluster.Wipe("n2");
        await cluster.Nodes.StartNode(new("n2"));
        var grain = cluster.Nodes.GrainsOf("n1").GetGrain<INodeGrain>(NodeKey.Of("n2"));
        var late = await grain.ApplyMap(first with { Epoch = first.Epoch + 1_000 });
        Assert.False(late.Accepted);
        Assert.Contains("another data folder", late.Reason);
        Assert.Null(
            cluster.HostOf("n2").Replicas.Find(first.Shards[0].Replicas.Single(one => one.Node == "n2").ReplicaId)
        );
    }

    [Fact]
    public async Task A_replica_that_is_leaving_votes_on_and_is_retired_only_once_its_group_is_without_it()
    {
        await using var cluster = await ReplicaCluster.Start(Never, ["n1", "n2", "n3"]);
        var map = await cluster.Create(shards: 1, replicas: 3);
        await cluster.WaitForVotersOn("n1", "n2", "n3");
        var shard = map.Shards[0];
        ReplicaPlacement On(string node) => shard.Replicas.Single(replica => replica.Node == node);
        var nobody = new ReplicaPlacement
        {
            ReplicaId = 1_000_000,
            Node = "n9",
            Joining = true,
        };
        var changing = map with
        {
            Epoch = map.Epoch + 1_000,
            Shards = [shard with { Replicas = [On("n1"), On("n2"), nobody], Leaving = [On("n3")] }],
        };
        foreach (var node in cluster.Nodes.Nodes)
        {
            var grain = cluster.Nodes.GrainsOf(node).GetGrain<INodeGrain>(NodeKey.Of(node));
            Assert.True((await grain.ApplyMap(changing)).Accepted);
        }
        await Eventually.Holds(
            async () =>
                (await cluster.Statuses(map.KeyspaceId)).Values.All(status => status.Learners.Contains(1_000_000)),
            "The one that never comes is a learner, and is waited for."
        );

        await cluster.Nodes.KillNode("n2");
        await cluster.Put("with the vote of n3");
        Assert.True(await cluster.Has("with the vote of n3"));
        Assert.NotNull(cluster.HostOf("n3").Replicas.Find(On("n3").ReplicaId));
    }

    [Fact]
    public async Task A_learner_whose_entries_are_compacted_away_is_built_from_a_snapshot()
    {
        var forgetful = new ReplicaOptions
        {
            LogEntriesKept = 2,
            LogBytesBeforeFlush = 0,
            SweepInterval = TimeSpan.FromMilliseconds(50),
            CompactionInterval = TimeSpan.FromMilliseconds(50),
        };
        await using var cluster = await ReplicaCluster.Start(Never, ["n1"], forgetful);
        var map = await cluster.Create(shards: 1, replicas: 3);
        foreach (var key in Keys)
        {
            await cluster.Put(key);
        }
        var log = cluster.HostOf("n1").Services.Log.OpenGroup(new((ulong)map.Shards[0].Replicas[0].ReplicaId));
        await Eventually.Holds(() => log.FirstIndex > 1, "The first entries are compacted away.");

        await cluster.Nodes.StartNode(new("n2"));
        await cluster.Nodes.StartNode(new("n3"));
        await cluster.WaitForVotersOn("n1", "n2", "n3");
        await cluster.Nodes.KillNode("n1");
        foreach (var key in Keys)
        {
            Assert.True(await cluster.Has(key), key);
        }
    }

    [Fact]
    public async Task Fewer_replicas_wanted_takes_the_last_ones_out_and_their_nodes_retire_them()
    {
        await using var cluster = await ReplicaCluster.Start(Never, ["n1", "n2", "n3"]);
        await cluster.Create(shards: 2, replicas: 3);
        foreach (var key in Keys)
        {
            await cluster.Put(key);
        }
        var fewer = await cluster.Create(shards: 2, replicas: 1);
        await Eventually.Holds(
            async () =>
            {
                var map = await cluster.Map();
                var hosted = await cluster.Statuses(map.KeyspaceId);
                return map.Shards.All(shard => shard is { IsChanging: false, Replicas.Length: 1 })
                    && hosted.Keys.Order().SequenceEqual(map.Shards.SelectMany(Ids).Order());
            },
            "One replica of each shard is left, and no other is hosted.",
            TimeSpan.FromSeconds(60)
        );
        Assert.True(fewer.Epoch > 1);
        foreach (var key in Keys)
        {
            Assert.True(await cluster.Has(key), key);
        }
    }

    private static IEnumerable<long> Ids(ShardPlacement shard) => shard.Replicas.Select(replica => replica.ReplicaId);

    private static async Task WriteUntil(
        ReplicaCluster cluster,
        ConcurrentQueue<string> acknowledged,
        CancellationToken stop
    )
    {
        for (var number = 0; !stop.IsCancellationRequested; number++)
        {
            var key = $"written-{number}";
            await cluster.Put(key);
            acknowledged.Enqueue(key);
        }
    }

    private static async Task<List<ReplicaStatus>> Watch(
        ReplicaCluster cluster,
        long keyspaceId,
        CancellationToken stop
    )
    {
        List<ReplicaStatus> seen = [];
        while (!stop.IsCancellationRequested)
        {
            try
            {
                seen.AddRange(await cluster.StatusesOn("n2", keyspaceId));
            }
            catch (Exception failure) when (TransientFailures.Include(failure))
            {
                // Right after a node has come a call may fail; what it would have shown the next one shows.
            }
            await Task.Delay(Between, CancellationToken.None);
        }
        return seen;
    }
}
