using Exapyte.Keyspaces;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class ComparisonTests
{
    private static readonly string[] All = ["n1", "n2", "n3"];

    [Theory]
    [Trait("Scenario", "async_replicator_reconciliation")]
    [InlineData(ReplicationKind.Async, StorageKind.Disk)]
    [InlineData(ReplicationKind.Quorum, StorageKind.Disk)]
    [InlineData(ReplicationKind.Quorum, StorageKind.Memory)]
    public async Task Replicas_that_missed_each_others_writes_converge_without_a_read_and_only_differences_move(
        ReplicationKind replication,
        StorageKind storage
    )
    {
        await using var cluster = await RepairCluster.Start(
            3,
            new()
            {
                Replication = replication,
                Storage = storage,
                Shards = 1,
            }
        );
        var same = Enumerable.Range(0, 3_000).Select(i => Put($"same{i}", 10, "s")).ToArray();
        var old = Enumerable.Range(0, 20).Select(i => Put($"changed{i}", 10, "old")).ToArray();
        await cluster.WhileNothingIsCompared(async () =>
        {
            foreach (var node in All)
            {
                await cluster.Give(node, [.. same, .. old]);
            }
        });
        await AtRest(cluster);
        var before = Moved(cluster);

        // Each of these is held by two replicas, or by one, and no push will ever carry it.
        var changed = Enumerable.Range(0, 20).Select(i => Put($"changed{i}", 20, "new")).ToArray();
        await cluster.WhileNothingIsCompared(async () =>
        {
            await cluster.Give("n1", [.. changed, Put("one", 30, "1"), Delete("gone", 31)]);
            await cluster.Give("n2", [.. changed, Put("two", 30, "2"), Put("gone", 30, "v")]);
            await cluster.Give("n3", Put("three", 30, "3"));
        });

        foreach (var node in All)
        {
            await Eventually.Holds(
                () =>
                    cluster.Held(node, "one") == "1@30.1"
                    && cluster.Held(node, "two") == "2@30.1"
                    && cluster.Held(node, "three") == "3@30.1"
                    && cluster.Held(node, "gone") == "-@31.1"
                    && Enumerable.Range(0, 20).All(i => cluster.Held(node, $"changed{i}") == "new@20.1"),
                $"{node} holds everything."
            );
        }
        // Three keys to two replicas each, the delete to two, the changes to one; a little may move twice on its way.
        await AtRest(cluster);
        Assert.InRange(Moved(cluster) - before, 28, 60);
    }

    [Fact]
    [Trait("Scenario", "async_replicator_reconciliation")]
    public async Task What_one_replica_has_swept_is_not_brought_back_by_another_that_has_not()
    {
        await using var cluster = await RepairCluster.Start(
            3,
            new() { Replication = ReplicationKind.Quorum, Shards = 1 },
            RepairCluster.Eager with
            {
                TombstoneGrace = TimeSpan.FromHours(2),
            }
        );
        // Stamped in 1970: n1 has not swept it yet, the others have.
        await cluster.Give("n1", Delete("old", 10));
        var compared = Compared(cluster);
        await Eventually.Holds(() => Compared(cluster) > compared + 3, "They are compared.");

        Assert.Equal("-@10.1", cluster.Held("n1", "old"));
        Assert.Equal("", cluster.Held("n2", "old"));
        Assert.Equal(0, Moved(cluster));
    }

    [Fact]
    [Trait("Scenario", "async_replicator_reconciliation")]
    public async Task Of_one_version_with_different_contents_what_most_replicas_hold_takes_the_place_of_the_others()
    {
        await using var cluster = await RepairCluster.Start(
            3,
            new() { Replication = ReplicationKind.Quorum, Shards = 1 }
        );
        // A comparison in between would fill the others with what the first one holds: nothing would contradict that.
        await cluster.WhileNothingIsCompared(async () =>
        {
            foreach (var node in All)
            {
                await cluster.Give(node, Put("k", 10, node == "n2" ? "wrong" : "right"), Put("u", 10, node));
            }
        });

        await Eventually.Holds(() => cluster.Held("n2", "k") == "right@10.1", "n2 was overruled.");
        Assert.Equal("right@10.1", cluster.Held("n1", "k"));
        Assert.Equal("right@10.1", cluster.Held("n3", "k"));
        await Eventually.Holds(
            () => All.Sum(node => cluster.ReplicaOn(node).Totals.Contradictions) >= 2,
            "Both contradictions were met."
        );
        // Three contents, and none of them from the origin: nobody can say, and nothing is touched.
        Assert.All(All, node => Assert.Equal($"{node}@10.1", cluster.Held(node, "u")));
    }

    [Theory]
    [Trait("Scenario", "async_replicator_reconciliation")]
    [InlineData(0)]
    [InlineData(3)]
    public async Task A_node_that_comes_back_is_compared_soon_though_the_interval_is_long(int unanswered)
    {
        var isBack = false;
        await using var cluster = await RepairCluster.Start(
            3,
            new() { Replication = ReplicationKind.Async, Shards = 1 },
            RepairCluster.Eager with
            {
                CompareInterval = TimeSpan.FromHours(1),
            },
            besides: silo =>
                silo.AddIncomingGrainCallFilter(call =>
                    Volatile.Read(ref isBack)
                    && call.MethodName == nameof(IShardComparison.Digest)
                    && Interlocked.Decrement(ref unanswered) >= 0
                        ? throw new IOException("The digest does not come.")
                        : call.Invoke()
                )
        );
        await cluster.Nodes.KillNode("n2");
        await cluster.Nodes.WaitForMembers();
        await cluster.Give("n1", Put("k", 10, "v"));
        await cluster.Give("n3", Put("l", 10, "w"));
        Volatile.Write(ref isBack, true);
        await cluster.Nodes.StartNode(new("n2", "eu", "z2"));
        await cluster.Nodes.WaitForMembers();

        await Eventually.Holds(
            () => cluster.Held("n2", "k") == "v@10.1" && cluster.Held("n2", "l") == "w@10.1",
            "n2 has what was kept from it."
        );
        Assert.True(Volatile.Read(ref unanswered) < 0);
    }

    /// <summary>Waits until rounds of comparisons that began after this have moved nothing.</summary>
    private static Task AtRest(RepairCluster cluster)
    {
        var compared = Compared(cluster);
        var moved = Moved(cluster);
        return Eventually.Holds(
            () =>
            {
                if (Moved(cluster) != moved)
                {
                    (compared, moved) = (Compared(cluster), Moved(cluster));
                }
                return Compared(cluster) > compared + 6;
            },
            "Comparisons move nothing any more."
        );
    }

    private static long Moved(RepairCluster cluster) => All.Sum(node => cluster.ReplicaOn(node).Totals.Moved);

    private static long Compared(RepairCluster cluster) => All.Sum(node => cluster.ReplicaOn(node).Totals.Compared);
}
