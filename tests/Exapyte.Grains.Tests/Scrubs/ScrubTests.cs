using System.Text;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Tests.Membership;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Grains.Tests.Scrubs;

/// <summary>Whole nodes whose replicas differ, rot and are replaced, while all of them run.</summary>
public sealed class ScrubTests
{
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);
    private static readonly string[] Nodes = ["n1", "n2", "n3"];
    private static readonly string[] Keys = [.. Enumerable.Range(0, 40).Select(number => $"key-{number}")];

    // A sweep between the flush of a table and its rot would leave its blocks in the store's cache: nobody would ever
    // read them from the disk again.
    private static readonly ReplicaOptions NotScrubbing = new()
    {
        ScrubInterval = TimeSpan.Zero,
        SweepInterval = Never,
    };

    private static readonly ReplicaOptions Scrubbing = NotScrubbing with { ScrubInterval = TimeSpan.FromSeconds(2) };

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task Replicas_that_are_whole_agree_scrub_after_scrub_while_they_are_written_to_and_sleep()
    {
        await using var cluster = await Filled(Scrubbing);
        var map = await cluster.Map();
        using var stop = new CancellationTokenSource();
        Task[] writing = [.. Enumerable.Range(0, 4).Select(writer => WriteUntil(cluster, writer, stop.Token))];
        var seen = new ScrubsSeen();
        for (var round = 0; round < 4; round++)
        {
            if (round == 2)
            {
                await stop.CancelAsync();
                await Task.WhenAll(writing);
            }
            var before = seen.Agreed.ToDictionary();
            await Eventually.Holds(
                async () =>
                {
                    seen.Look((await cluster.Statuses(map.KeyspaceId)).Values);
                    return Ids(map).All(id => seen.Agreed.GetValueOrDefault(id) > before.GetValueOrDefault(id));
                },
                $"All members of all shards agree further on than in round {round}.",
                TimeSpan.FromSeconds(60)
            );
        }
        Assert.Empty(seen.Disagreed);
        Assert.Equal(Ids(map), Ids(await cluster.Map()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Trait("Scenario", "data_recovery")]
    public async Task A_replica_that_holds_another_value_is_found_and_replaced_from_its_peers(bool isLeader)
    {
        await using var cluster = await Filled(Scrubbing);
        var map = await cluster.Map();
        var shard = map.Shards[map.ShardIndexOf(Encoding.UTF8.GetBytes(Keys[0]))];
        ReplicaPlacement? found = null;
        await Eventually.Holds(
            async () =>
            {
                var statuses = await cluster.Statuses(map.KeyspaceId);
                var leader = shard.Replicas.SingleOrDefault(one => statuses[one.ReplicaId].Role == "leader");
                found = isLeader || leader is null ? leader : shard.Replicas.First(one => one != leader);
                return found is not null;
            },
            "The shard has a leader."
        );
        var chosen = found!;
        await HoldsAllKeys(cluster, chosen.Node);

        var store = StoreOf(cluster, chosen);
        Assert.True(store.TryGet(Encoding.UTF8.GetBytes(Keys[0]), out var entry));
        store.Put(Encoding.UTF8.GetBytes(Keys[0]), entry with { Value = "a lie"u8.ToArray() });

        await IsReplaced(cluster, chosen);
        Assert.NotNull(cluster.HostOf(chosen.Node).Services.Damaged);
        await HoldsAllKeys(cluster, chosen.Node);
    }

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_row_that_only_one_replica_lacks_is_found_too()
    {
        await using var cluster = await Filled(Scrubbing);
        var map = await cluster.Map();
        var chosen = map.Shards[map.ShardIndexOf(Encoding.UTF8.GetBytes(Keys[3]))].Replicas[1];
        await HoldsAllKeys(cluster, chosen.Node);
        Assert.True(StoreOf(cluster, chosen).Delete(Encoding.UTF8.GetBytes(Keys[3]), 0));
        await IsReplaced(cluster, chosen);
        await HoldsAllKeys(cluster, chosen.Node);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task A_read_that_meets_rot_is_told_so_and_the_replica_is_replaced_while_its_node_runs()
    {
        await using var cluster = await Filled(NotScrubbing);
        var map = await cluster.Map();
        await HoldsAllKeys(cluster, "n3");
        cluster.RotStore("n3");

        var key = Encoding.UTF8.GetBytes(Keys[0]);
        var shard = map.Shards[map.ShardIndexOf(key)];
        var chosen = shard.Replicas.Single(replica => replica.Node == "n3");
        var outcome = await Read(cluster, map, shard, chosen, key);
        Assert.Equal(OutcomeKind.Unavailable, outcome.Kind);
        Assert.Contains(".sst", outcome.Detail, StringComparison.Ordinal);
        Assert.Contains("offset", outcome.Detail, StringComparison.Ordinal);

        await IsReplaced(cluster, chosen);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task A_scrub_finds_rot_that_nobody_reads()
    {
        await using var cluster = await Filled(Scrubbing);
        var map = await cluster.Map();
        await HoldsAllKeys(cluster, "n3");
        cluster.RotStore("n3");
        foreach (var shard in map.Shards)
        {
            await IsReplaced(cluster, shard.Replicas.Single(replica => replica.Node == "n3"));
        }
        await HoldsAllKeys(cluster, "n3");
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task A_node_whose_store_broke_is_rescued_by_its_restart_and_gets_from_its_peers_what_was_lost()
    {
        await using var cluster = await Filled(NotScrubbing);
        var before = Ids(await cluster.Map()).ToHashSet();
        // Two files over the same keys, so that a compaction has to read both.
        await HoldsAllKeys(cluster, "n3");
        cluster.HostOf("n3").Services.Disk.Flush();
        foreach (var key in Keys)
        {
            await cluster.Put(key);
        }
        cluster.RotStore("n3");
        cluster.HostOf("n3").Services.Disk.Compact();
        await Eventually.Holds(
            async () =>
            {
                await cluster.Put("written-while-the-store-breaks");
                return cluster.HostOf("n3").Services.Health.Problems.Count > 0;
            },
            "n3 says that its store is damaged.",
            TimeSpan.FromSeconds(60)
        );
        Assert.Contains(
            "restart the node",
            cluster.HostOf("n3").Services.Health.Problems[^1],
            StringComparison.Ordinal
        );

        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.StartNode(new("n3"));
        var map = await cluster.WaitForVotersOn(Nodes);

        Assert.Empty(cluster.HostOf("n3").Services.Health.Problems);
        Assert.Null(cluster.HostOf("n3").Services.Disk.Damage);
        Assert.NotEqual(before, Ids(map).ToHashSet());
        await HoldsAllKeys(cluster, "n3");
    }

    private static async Task WriteUntil(ReplicaCluster cluster, int writer, CancellationToken stop)
    {
        for (var number = 0; !stop.IsCancellationRequested; number++)
        {
            await cluster.Put($"writer-{writer}-{number % 50}");
        }
    }

    private static async Task<ReplicaCluster> Filled(ReplicaOptions options)
    {
        var cluster = await ReplicaCluster.Start(Never, Nodes, options);
        await cluster.Create(shards: 2, replicas: 3);
        await cluster.WaitForVotersOn(Nodes);
        foreach (var key in Keys)
        {
            await cluster.Put(key);
        }
        return cluster;
    }

    /// <summary>What scrubs came to, look by look: the next one may have begun at one member and not at another.</summary>
    private sealed class ScrubsSeen
    {
        /// <summary>The highest index at which each replica was seen to agree.</summary>
        public Dictionary<long, ulong> Agreed { get; } = [];

        public List<ReplicaStatus> Disagreed { get; } = [];

        public void Look(IEnumerable<ReplicaStatus> statuses)
        {
            foreach (var status in statuses)
            {
                switch (status.Scrub)
                {
                    case { Outcome: "agrees", Index: var index }:
                        Agreed[status.ReplicaId] = Math.Max(index, Agreed.GetValueOrDefault(status.ReplicaId));
                        break;
                    case { Outcome: "damaged" or "no-majority" }:
                        Disagreed.Add(status);
                        break;
                }
            }
        }
    }

    private static async Task IsReplaced(ReplicaCluster cluster, ReplicaPlacement replica)
    {
        await Eventually.Holds(
            async () => !Ids(await cluster.Map()).Contains(replica.ReplicaId),
            $"Replica {replica.ReplicaId} on {replica.Node} is out of the map.",
            TimeSpan.FromSeconds(60)
        );
        await cluster.WaitForVotersOn(Nodes);
        await Eventually.Holds(
            () =>
                cluster.HostOf(replica.Node).Replicas.Find(replica.ReplicaId) is null
                && cluster
                    .HostOf(replica.Node)
                    .Services.Damaged.All.All(damaged => damaged.ReplicaId != replica.ReplicaId),
            "Its node has retired it, and has nothing against it any more."
        );
    }

    private static async Task HoldsAllKeys(ReplicaCluster cluster, string node)
    {
        var map = await cluster.Map();
        foreach (var key in Keys)
        {
            var bytes = Encoding.UTF8.GetBytes(key);
            var replica = map.Shards[map.ShardIndexOf(bytes)].Replicas.Single(one => one.Node == node);
            await Eventually.Holds(
                () => StoreOf(cluster, replica).TryGet(bytes, out var entry) && entry.Value.Span.SequenceEqual(bytes),
                $"{key} is right in the store of {node}."
            );
        }
    }

    private static async Task<OperationOutcome> Read(
        ReplicaCluster cluster,
        KeyspaceMap map,
        ShardPlacement shard,
        ReplicaPlacement replica,
        byte[] key
    )
    {
        var address = new ReplicaKey(map.KeyspaceId, shard.ShardId, replica.ReplicaId, replica.Node).ToString();
        var reply = await cluster
            .Nodes.GrainsOf(replica.Node)
            .GetGrain<IRaftGroupGrain>(address)
            .Execute(
                new()
                {
                    Operations =
                    [
                        new()
                        {
                            Kind = OperationKind.Get,
                            Key = key,
                            Level = ConsistencyLevel.Eventual,
                        },
                    ],
                    MapEpoch = map.Epoch,
                    TimeoutMs = 2_000,
                }
            );
        return reply.Outcomes[0];
    }

    private static IShardStore StoreOf(ReplicaCluster cluster, ReplicaPlacement replica)
    {
        var host = cluster.HostOf(replica.Node);
        var found = host.Replicas.Find(replica.ReplicaId)!;
        return host.Services.Disk.OpenShard(found.StorePrefix, (ulong)found.Identity.ShardId);
    }

    private static IEnumerable<long> Ids(KeyspaceMap map) =>
        map.Shards.SelectMany(shard => shard.Replicas).Select(replica => replica.ReplicaId);
}
