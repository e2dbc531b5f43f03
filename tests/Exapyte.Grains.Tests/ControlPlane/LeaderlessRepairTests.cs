using CsCheck;
using Exapyte.Grains.ControlPlane;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Xunit;
using static Exapyte.Grains.Tests.ControlPlane.RepairMaps;

namespace Exapyte.Grains.Tests.ControlPlane;

public sealed class LeaderlessRepairTests
{
    private static readonly HashSet<string> Nobody = [];

    [Fact]
    public void A_replica_whose_data_is_gone_is_counted_as_lost_until_the_one_in_its_place_is_caught_up()
    {
        var map = MapOf(Quorum(3), "n1", "n2", "n3");
        var gone = map.Shards[0].Replicas[1].ReplicaId;
        Assert.True(ReplicaRepair.CanSpare(map, gone));

        var without = new KeyspaceState { Map = map, LastEpoch = map.Epoch }
            .WithoutReplica(gone)
            .Map!;
        Assert.Equal((2, 1, 3), Sizes(without));
        var joining = Repaired(without, ["n1", "n2", "n3"], Nobody, firstId: 900);
        var added = Assert.Single(joining.Shards[0].Replicas, replica => replica.Joining);
        Assert.Equal((900, "n2"), (added.ReplicaId, added.Node));
        Assert.Equal((3, 1, 3), Sizes(joining));
        Assert.Equal(new(2, 2), QuorumSizes.Of(joining.Settings, joining.Shards[0].Counted));

        var settled = Confirmed(joining, [CaughtUp(added, joining.Epoch)]);
        Assert.Equal((3, 0, 3), Sizes(settled));
        Assert.False(settled.Shards[0].IsChanging);
    }

    [Fact]
    public void Only_a_report_of_this_map_settles_a_joining_replica()
    {
        var joining = Repaired(MapOf(Quorum(3), "n1", "n2"), ["n1", "n2", "n3"], Nobody, firstId: 900);
        var report = CaughtUp(joining.Shards[0].Replicas[2], joining.Epoch);
        ReplicaStatus[] others =
        [
            report with
            {
                CaughtUp = false,
            },
            report with
            {
                MapEpoch = joining.Epoch - 1,
            },
            report with
            {
                ReplicaId = 5_000,
            },
        ];
        Assert.All(others, status => Assert.Same(joining, Confirmed(joining, [status])));
        Assert.NotSame(joining, Confirmed(joining, [report]));
    }

    [Fact]
    public void A_replica_that_is_added_to_a_shard_counts_for_no_quorum_before_it_is_caught_up()
    {
        var map = MapOf(Quorum(3), "n1", "n2");
        var joining = Repaired(map, ["n1", "n2", "n3"], Nobody, firstId: 900);
        Assert.Equal((3, 0, 2), Sizes(joining));
        var settled = Confirmed(joining, [CaughtUp(joining.Shards[0].Replicas[2], joining.Epoch)]);
        Assert.Equal((3, 0, 3), Sizes(settled));
    }

    [Fact]
    public void Where_the_quorums_of_one_more_would_miss_each_other_the_sizes_grow_an_epoch_before_the_replica_counts()
    {
        var map = MapOf(Quorum(3) with { WriteQuorum = 1 }, "n1", "n2");
        var joining = Repaired(map, ["n1", "n2", "n3"], Nobody, firstId: 900);
        var report = CaughtUp(joining.Shards[0].Replicas[2], joining.Epoch);
        var grown = Confirmed(joining, [report]) with { Epoch = joining.Epoch + 1 };
        Assert.Equal((3, 1, 3), Sizes(grown));
        Assert.True(grown.Shards[0].Replicas[2].Joining);
        Assert.Same(grown, Confirmed(grown, [report]));
        Assert.Equal((3, 0, 3), Sizes(Confirmed(grown, [report with { MapEpoch = grown.Epoch }])));
    }

    [Fact]
    public void The_last_replica_that_has_what_was_written_is_not_spared_and_nothing_takes_its_place()
    {
        var map = MapOf(Quorum(3), "n1", "n2");
        var second = new KeyspaceState { Map = map, LastEpoch = 1 }
            .WithoutReplica(Id(map, 1))
            .Map!;
        var joining = Repaired(second, ["n1", "n2"], Nobody, firstId: 900);
        Assert.False(ReplicaRepair.CanSpare(joining, Id(joining, 0)));
        Assert.True(ReplicaRepair.CanSpare(joining, 900));

        var nobody = new KeyspaceState { Map = joining, LastEpoch = 1 }
            .WithoutReplica(Id(joining, 0))
            .Map!;
        Assert.Empty(Plan(nobody, Living("n1", "n2", "n3"), Nobody, ShardsMax));
    }

    [Fact]
    public void A_replica_on_a_node_that_was_given_up_leaves_and_is_let_go_once_another_one_has_its_place()
    {
        var map = MapOf(Quorum(3), "n1", "n2", "n3");
        HashSet<string> lost = ["n2"];
        Assert.Empty(Plan(map, Living("n1", "n3"), lost, ShardsMax));
        Assert.Empty(Plan(map, Living("n1", "n4", "n5"), new HashSet<string> { "n2", "n3" }, ShardsMax));

        var joining = Repaired(map, ["n1", "n3", "n4"], lost, firstId: 900);
        Assert.Equal((3, 1, 3), Sizes(joining));
        Assert.Equal("n2", Assert.Single(joining.Shards[0].Leaving!).Node);
        var settled = Confirmed(joining, [CaughtUp(joining.Shards[0].Replicas[2], joining.Epoch)], lost);
        Assert.Equal((3, 0, 3), Sizes(settled));
        Assert.False(settled.Shards[0].IsChanging);
    }

    /// <summary>The rule for which all of this is there, for every size and every way in which replicas come and go.</summary>
    [Fact]
    public void Quorums_of_two_epochs_in_a_row_always_meet_in_a_replica_that_both_ask() =>
        (
            from replicas in Gen.Int[1, 7]
            from placed in Gen.Int[1, replicas]
            from write in Gen.Int[1, replicas]
            from read in Gen.Int[1, replicas]
            from isLost in Gen.Bool
            select (replicas, placed, write, read, isLost)
        ).Sample(one =>
        {
            var settings = Quorum(one.replicas) with { WriteQuorum = one.write, ReadQuorum = one.read };
            string[] all = [.. Enumerable.Range(0, one.replicas).Select(node => $"n{node}")];
            var map = MapOf(settings, all[..one.placed]);
            if (one.isLost && one.placed > 1)
            {
                map = new KeyspaceState { Map = map, LastEpoch = map.Epoch }
                    .WithoutReplica(Id(map, 0))
                    .Map!;
            }
            for (var round = 0; round < 50; round++)
            {
                var next = Repaired(map, all, Nobody, firstId: 1_000 + (100 * round));
                AssertMeet(map.Shards[0], next.Shards[0], settings);
                if (!next.Shards[0].IsChanging)
                {
                    Assert.Equal((one.replicas, 0, one.replicas), Sizes(next));
                    return;
                }
                map = Confirmed(
                    next,
                    [
                        .. next.Shards[0]
                            .Replicas.Where(replica => replica.Joining)
                            .Select(replica => CaughtUp(replica, next.Epoch)),
                    ]
                );
                AssertMeet(next.Shards[0], map.Shards[0], settings);
            }
            Assert.Fail("The repairs do not end.");
        });

    private static void AssertMeet(ShardPlacement before, ShardPlacement after, KeyspaceSettings settings)
    {
        var old = Counting(before);
        var shared = Counting(after).Count(old.Contains);
        foreach (var (writer, reader) in new[] { (before, after), (after, before) })
        {
            var write = QuorumSizes.Of(settings, writer.Counted).Write;
            var read = QuorumSizes.Of(settings, reader.Counted).Read;
            var writtenShared = write - (Counting(writer).Count - shared);
            var readShared = read - (Counting(reader).Count - shared);
            Assert.True(
                write > Counting(writer).Count || read > Counting(reader).Count || writtenShared + readShared > shared,
                $"{write} of {Counting(writer).Count} and {read} of {Counting(reader).Count}, {shared} in common"
            );
        }
    }

    private static HashSet<long> Counting(ShardPlacement shard) =>
        [.. shard.Replicas.Where(replica => !replica.Joining).Select(replica => replica.ReplicaId)];

    private static (int Placed, int Lost, int Counted) Sizes(KeyspaceMap map) =>
        (map.Shards[0].Replicas.Length, map.Shards[0].Lost, map.Shards[0].Counted);

    private static long Id(KeyspaceMap map, int replica) => map.Shards[0].Replicas[replica].ReplicaId;

    private static KeyspaceMap Confirmed(
        KeyspaceMap map,
        ReplicaStatus[] statuses,
        IReadOnlySet<string>? lost = null
    ) => ReplicaRepair.Confirmed(map, statuses, lost ?? Nobody);

    private static ReplicaStatus CaughtUp(ReplicaPlacement placed, long mapEpoch) =>
        new()
        {
            ReplicaId = placed.ReplicaId,
            Node = placed.Node,
            Role = "joining",
            MapEpoch = mapEpoch,
            CaughtUp = true,
        };

    private static KeyspaceMap MapOf(KeyspaceSettings settings, params string[] nodes) =>
        RepairMaps.MapOf(settings, [nodes]);
}
