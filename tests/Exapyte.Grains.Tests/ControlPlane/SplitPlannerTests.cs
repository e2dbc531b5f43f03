using CsCheck;
using Exapyte.Grains.ControlPlane;
using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Grains.Tests.ControlPlane;

public sealed class SplitPlannerTests
{
    private const long SplitBytes = 1 << 20;

    [Fact]
    public void Shards_that_are_large_enough_are_to_be_split_the_largest_first()
    {
        var map = MapOf(shards: 4, replicas: 3);

        Assert.Equal([12, 10], SplitPlanner.Wanted(map, Reports(map, SplitBytes, SplitBytes - 1, SplitBytes * 3, 0)));
        Assert.Empty(SplitPlanner.Wanted(map, []));
    }

    [Fact]
    public void It_takes_more_than_half_of_the_replicas_to_say_so()
    {
        var map = MapOf(shards: 1, replicas: 3);
        var one = Report(map, replica: 0, SplitBytes * 9);
        var other = Report(map, replica: 1, SplitBytes);

        Assert.Empty(SplitPlanner.Wanted(map, [one]));
        Assert.Equal([10], SplitPlanner.Wanted(map, [one, other]));
    }

    [Fact]
    public void A_shard_that_is_changing_and_other_keyspaces_are_left_alone()
    {
        var map = MapOf(shards: 1, replicas: 3);
        var reports = Reports(map, SplitBytes).ToArray();
        var joining = map.Shards[0] with
        {
            Replicas = [.. map.Shards[0].Replicas[..2], map.Shards[0].Replicas[2] with { Joining = true }],
        };

        Assert.Equal([10], SplitPlanner.Wanted(map, reports));
        Assert.Empty(SplitPlanner.Wanted(map with { Shards = [joining] }, reports));
        Assert.Empty(SplitPlanner.Wanted(map with { Settings = new() { Replicas = 3 } }, reports));
    }

    [Fact]
    public void Without_split_bytes_a_shard_is_split_at_512_MiB()
    {
        var map = MapOf(shards: 1, replicas: 1);
        map = map with { Settings = map.Settings with { SplitBytes = null } };

        Assert.Empty(SplitPlanner.Wanted(map, Reports(map, (512L << 20) - 1)));
        Assert.Equal([10], SplitPlanner.Wanted(map, Reports(map, 512L << 20)));
    }

    [Theory]
    [InlineData(1_022, 2)]
    [InlineData(1_023, 1)]
    [InlineData(1_024, 0)]
    [InlineData(1_025, 0)]
    public void A_keyspace_has_at_most_1024_shards(int shards, int wanted)
    {
        var map = MapOf(shards, replicas: 1);

        Assert.Equal(wanted, SplitPlanner.Wanted(map, Reports(map, [.. Enumerable.Repeat(SplitBytes, shards)])).Length);
    }

    [Fact]
    public void Exactly_the_shards_of_which_a_majority_is_large_are_found_whatever_is_reported()
    {
        Gen.Int[0, 3]
            .Array[1, 5]
            .Array[1, 10]
            .Sample(sizes =>
            {
                var replicas = sizes.Min(shard => shard.Length);
                var map = MapOf(sizes.Length, replicas);
                var reports = map.Shards.SelectMany(
                    (shard, at) => shard.Replicas.Select((replica, i) => Status(replica, sizes[at][i] * SplitBytes / 2))
                );
                var expected = map
                    .Shards.Where((_, at) => sizes[at].Take(replicas).Count(size => size >= 2) * 2 > replicas)
                    .Select(shard => shard.ShardId);

                Assert.Equal(expected, SplitPlanner.Wanted(map, reports).Order());
            });
    }

    private static ReplicaStatus Report(KeyspaceMap map, int replica, long bytes) =>
        Status(map.Shards[0].Replicas[replica], bytes);

    private static IEnumerable<ReplicaStatus> Reports(KeyspaceMap map, params long[] bytes) =>
        map.Shards.SelectMany((shard, at) => shard.Replicas.Select(replica => Status(replica, bytes[at])));

    private static ReplicaStatus Status(ReplicaPlacement replica, long bytes) =>
        new()
        {
            ReplicaId = replica.ReplicaId,
            Node = replica.Node,
            Role = "follower",
            Bytes = bytes,
        };

    private static KeyspaceMap MapOf(int shards, int replicas) =>
        new()
        {
            Name = "k",
            KeyspaceId = 1,
            Epoch = 1,
            Settings = new()
            {
                Distribution = DistributionKind.Range,
                Replicas = replicas,
                SplitBytes = SplitBytes,
            },
            Shards =
            [
                .. Enumerable
                    .Range(0, shards)
                    .Select(at => new ShardPlacement
                    {
                        ShardId = at + 10,
                        FirstSlot = 0,
                        Start = at == 0 ? [] : new byte[] { (byte)(at >> 8), (byte)at, 1 },
                        Replicas =
                        [
                            .. Enumerable
                                .Range(0, replicas)
                                .Select(i => new ReplicaPlacement
                                {
                                    ReplicaId = (at * 10) + i + 100_000,
                                    Node = $"n{i}",
                                }),
                        ],
                    }),
            ],
        };
}
