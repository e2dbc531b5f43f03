using System.Security.Cryptography;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class RebuildTests
{
    private const int KeysCount = 200;
    private static readonly KeyspaceSettings Quorum = new() { Replication = ReplicationKind.Quorum, Shards = 1 };
    private static readonly TimeSpan Brief = TimeSpan.FromSeconds(3);

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_damaged_row_is_found_by_the_comparison_and_its_replica_is_replaced()
    {
        await using var cluster = await RepairCluster.Start(3, Quorum);
        await PutAll(cluster, KeysCount);
        var value = RandomNumberGenerator.GetBytes(64 << 10);
        Assert.Equal(
            OutcomeKind.Ok,
            (await cluster.Client().PutAsync(RepairCluster.Keyspace, "damaged"u8.ToArray(), value)).Outcome.Kind
        );
        await Eventually.Holds(() => cluster.Held("n2", "damaged").Length > 0, "n2 holds it.");
        var before = (await cluster.Map()).Shards[0];
        cluster.HostOf("n2").Services.Disk.Flush();
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        Assert.NotEqual(0, Damage(Path.Combine(cluster.Nodes.DataFolderOf("n2"), "store"), value));
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await cluster.Nodes.WaitForMembers();

        var old = before.Replicas.Single(replica => replica.Node == "n2").ReplicaId;
        await Eventually.Holds(
            async () => (await cluster.Map()).Shards[0].Replicas.All(replica => replica.ReplicaId != old),
            "What is damaged is replaced."
        );
        var map = await cluster.WaitForReplicasOn("n1", "n2", "n3");
        await cluster.WaitForMap("n2", map.Epoch);
        await cluster.WaitForMap("n1", map.Epoch);
        await AssertReadableWithAnyNodeDown(cluster, KeysCount);
    }

    [Theory]
    [Trait("Scenario", "data_recovery")]
    [InlineData(ReplicationKind.Quorum)]
    [InlineData(ReplicationKind.Async)]
    public async Task A_wiped_node_is_rebuilt_from_all_others_under_a_new_id(ReplicationKind replication)
    {
        await using var cluster = await RepairCluster.Start(3, Quorum with { Replication = replication });
        await PutAll(cluster, KeysCount);
        // Held by one of the survivors only, as a write that the wiped one acknowledged may be.
        await cluster.Give("n1", Entries.Put("only1", 10, "1"));
        await cluster.Give("n3", Entries.Put("only3", 10, "3"), Entries.Delete("dead", 11));
        var before = (await cluster.Map()).Shards[0].Replicas.Single(replica => replica.Node == "n2").ReplicaId;
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        cluster.Wipe("n2");
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await cluster.Nodes.WaitForMembers();

        await Eventually.Holds(
            async () => (await cluster.Map()).Shards[0].Replicas.All(replica => replica.ReplicaId != before),
            "The old one is out of the map."
        );
        var map = await cluster.WaitForReplicasOn("n1", "n2", "n3");
        await cluster.WaitForMap("n2", map.Epoch);
        Assert.Equal("1@10.1", cluster.Held("n2", "only1"));
        Assert.Equal("3@10.1", cluster.Held("n2", "only3"));
        Assert.Equal("-@11.1", cluster.Held("n2", "dead"));
        for (var i = 0; i < KeysCount; i++)
        {
            Assert.StartsWith($"v{i}@", cluster.Held("n2", $"k{i}"), StringComparison.Ordinal);
        }
        if (replication == ReplicationKind.Quorum)
        {
            await AssertReadableWithAnyNodeDown(cluster, KeysCount);
        }
    }

    [Fact]
    [Trait("Scenario", "sync_replicator_quorum_requirement")]
    public async Task A_joining_replica_waits_for_every_other_one_and_counts_for_no_quorum()
    {
        await using var cluster = await RepairCluster.Start(3, Quorum);
        await PutAll(cluster, 10);
        // n3 is away and n2 comes back empty: its new replica cannot have all that was acknowledged.
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        cluster.Wipe("n2");
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await cluster.Nodes.WaitForMembers();
        await Eventually.Holds(
            () =>
                cluster.StatusOn("n2") is { Role: "joining", CaughtUp: false, Problem: var problem }
                && problem.Contains("n3"),
            "The joining replica says that it waits for n3."
        );

        // Two replicas are alive, and it takes two: but one of them is joining.
        var write = await cluster.Client().PutAsync(RepairCluster.Keyspace, "a", "1");
        var read = await cluster.Client().GetAsync(RepairCluster.Keyspace, "k1");
        Assert.NotEqual(OutcomeKind.Ok, write.Outcome.Kind);
        Assert.Equal(OutcomeKind.Unavailable, read.Outcome.Kind);
        var shard = (await cluster.Map()).Shards[0];
        Assert.Equal((2, 1, 3), (shard.Replicas.Count(replica => !replica.Joining), shard.Lost, shard.Counted));

        await cluster.Nodes.StartNode(new("n3", "eu", "z3"));
        await cluster.Nodes.WaitForMembers();
        await cluster.WaitForReplicasOn("n1", "n2", "n3");
        Assert.Equal("v1", await cluster.Get("k1", "n2"));
        await cluster.Put("a", "2", "n2");
    }

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_join_that_is_cut_off_by_restarts_begins_again_and_is_completed_while_writes_go_on()
    {
        await using var cluster = await RepairCluster.Start(
            3,
            Quorum,
            RepairCluster.Eager with
            {
                // So slow that the copy is under way when the nodes go.
                CompareBytesPerSecond = 4_000,
            }
        );
        await PutAll(cluster, KeysCount);
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        cluster.Wipe("n2");
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await cluster.Nodes.WaitForMembers();
        await Eventually.Holds(() => cluster.StatusOn("n2")?.Role == "joining", "n2 joins.");
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        for (var i = KeysCount; i < KeysCount + 20; i++)
        {
            await cluster.Put($"k{i}", $"v{i}");
        }
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await cluster.Nodes.WaitForMembers();
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        await cluster.Nodes.StartNode(new("n3", "eu", "z3"));
        await cluster.Nodes.WaitForMembers();

        var map = await cluster.WaitForReplicasOn("n1", "n2", "n3");
        await cluster.WaitForMap("n2", map.Epoch);
        await AssertReadableWithAnyNodeDown(cluster, KeysCount + 20);
    }

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_node_that_stays_away_is_replaced_by_a_free_one_that_copied_everything()
    {
        await using var cluster = await RepairCluster.Start(4, Quorum, replaceAfter: Brief);
        await PutAll(cluster, KeysCount);
        var free = Enumerable
            .Range(1, 4)
            .Select(i => $"n{i}")
            .Except((await cluster.Map()).Shards[0].Replicas.Select(replica => replica.Node))
            .Single();
        var gone = free == "n4" ? "n3" : "n4";
        await cluster.Nodes.KillNode(gone);
        await cluster.Nodes.WaitForMembers();

        string[] left = [.. Enumerable.Range(1, 4).Select(i => $"n{i}").Where(node => node != gone)];
        var map = await cluster.WaitForReplicasOn(left);
        await cluster.WaitForMap(free, map.Epoch);
        for (var i = 0; i < KeysCount; i++)
        {
            Assert.StartsWith($"v{i}@", cluster.Held(free, $"k{i}"), StringComparison.Ordinal);
        }
        await AssertReadable(cluster, KeysCount, "n1");
    }

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_keyspace_that_began_on_one_node_fills_up_as_others_join()
    {
        await using var cluster = await RepairCluster.Start(1, Quorum);
        await PutAll(cluster, 50);
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await cluster.Nodes.StartNode(new("n3", "eu", "z3"));
        await cluster.Nodes.WaitForMembers();

        var map = await cluster.WaitForReplicasOn("n1", "n2", "n3");
        foreach (var node in cluster.Nodes.Nodes)
        {
            await cluster.WaitForMap(node, map.Epoch);
        }
        await cluster.Nodes.KillNode("n1");
        await cluster.Nodes.WaitForMembers();
        await AssertReadable(cluster, 50, "n2");
    }

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_replica_in_memory_that_restarted_counts_for_reads_only_once_it_has_copied_from_every_other()
    {
        await using var cluster = await RepairCluster.Start(
            3,
            Quorum with
            {
                Storage = StorageKind.Memory,
            },
            RepairCluster.Eager with
            {
                CompareInterval = TimeSpan.Zero,
            }
        );
        await PutAll(cluster, 50);
        // Acknowledged by n1 and n2; n3 has never seen it, and n2 forgets it.
        await cluster.Give("n1", Entries.Put("two", 10, "v"));
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await cluster.Nodes.WaitForMembers();
        await Eventually.Holds(() => cluster.StatusOn("n2") is { MapEpoch: > 0, Problem: "" }, "n2 is complete.");
        Assert.Equal("v@10.1", cluster.Held("n2", "two"));

        await cluster.Nodes.KillNode("n1");
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await cluster.Nodes.WaitForMembers();
        await Eventually.Holds(
            () => cluster.StatusOn("n2") is { Problem: var problem } && problem.Contains("n1"),
            "n2 waits for n1."
        );
        Assert.Equal("Unavailable", await cluster.Get("k1", "n3"));

        await cluster.Nodes.StartNode(new("n1", "eu", "z1"));
        await cluster.Nodes.WaitForMembers();
        await Eventually.Holds(
            () => cluster.StatusOn("n1")?.Problem == "" && cluster.StatusOn("n2")?.Problem == "",
            "Both have copied what there is."
        );
        await AssertReadableWithAnyNodeDown(cluster, 50);
    }

    private static async Task PutAll(RepairCluster cluster, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await cluster.Put($"k{i}", $"v{i}");
        }
    }

    private static async Task AssertReadable(RepairCluster cluster, int count, string by)
    {
        for (var i = 0; i < count; i++)
        {
            var key = $"k{i}";
            await Eventually.Holds(async () => await cluster.Get(key, by) == $"v{key[1..]}", $"{key} can be read.");
        }
    }

    private static async Task AssertReadableWithAnyNodeDown(RepairCluster cluster, int count)
    {
        await AssertReadable(cluster, count, "n2");
        foreach (var down in new[] { "n1", "n3" })
        {
            await cluster.Nodes.KillNode(down);
            await cluster.Nodes.WaitForMembers();
            await AssertReadable(cluster, count, "n2");
            await cluster.Nodes.StartNode(new(down, "eu", $"z{down[1..]}"));
            await cluster.Nodes.WaitForMembers();
            await Eventually.Holds(() => cluster.StatusOn(down) is { MapEpoch: > 0, Problem: "" }, $"{down} serves.");
        }
    }

    /// <summary>Turns over one byte in the middle of each place where the value stands.</summary>
    private static int Damage(string folder, byte[] value)
    {
        var places = 0;
        foreach (var file in Directory.EnumerateFiles(folder, "*.sst"))
        {
            var bytes = File.ReadAllBytes(file);
            var at = bytes.AsSpan().IndexOf(value.AsSpan(1_000, 1_000));
            if (at >= 0)
            {
                bytes[at + 500] ^= 0xff;
                File.WriteAllBytes(file, bytes);
                places++;
            }
        }
        return places;
    }
}
