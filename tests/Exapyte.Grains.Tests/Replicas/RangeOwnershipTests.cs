using CsCheck;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Files;
using Exapyte.Storage.Node;
using Microsoft.Extensions.Time.Testing;
using KeyspaceSettings = Exapyte.Keyspaces.KeyspaceSettings;
using TemporaryFolder = Exapyte.Testing.Processes.TemporaryFolder;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class RangeOwnershipTests
{
    private static readonly Gen<byte> Letters = Gen.Int[0, 4].Select(i => new byte[] { 0, 97, 98, 254, 255 }[i]);
    private static readonly Gen<byte[]> Keys = Letters.Array[1, 4];
    private static readonly Gen<KeyspaceMap> Maps = Keys.Array[0, 20]
        .Select(keys => MapOf([.. keys.DistinctBy(Convert.ToHexString).Order(ByBytes)]));

    private static Comparer<byte[]> ByBytes { get; } =
        Comparer<byte[]>.Create(static (left, right) => left.AsSpan().SequenceCompareTo(right));

    [Fact]
    [Trait("Scenario", "sharded_distribution_range_routing")]
    public void The_shard_to_which_the_map_routes_a_key_owns_it_and_no_other_does()
    {
        Gen.Select(Maps, Keys.Array[1, 20])
            .Sample(
                (map, keys) =>
                {
                    var owners = Array.ConvertAll(map.Shards, shard => OwnershipOf(map, shard));
                    foreach (var key in keys.Concat(map.Shards.Skip(1).SelectMany(shard => Around(shard.Start))))
                    {
                        var owner = Assert.Single(Enumerable.Range(0, owners.Length), at => owners[at].Owns(key));
                        Assert.Equal(map.ShardIndexOf(key), owner);
                    }
                }
            );
    }

    [Fact]
    public void A_page_is_refused_where_a_key_of_its_range_can_be_anothers_and_only_there()
    {
        Gen.Select(Maps, Keys, Keys.Null())
            .Sample(
                (map, start, end) =>
                {
                    var request = new ScanRequest
                    {
                        Start = start,
                        End = end is null ? default(ReadOnlyMemory<byte>?) : end,
                        EntriesMax = 1,
                        BytesMax = 1,
                        TimeoutMs = 1,
                        MapEpoch = 1,
                    };
                    for (var at = 0; at < map.Shards.Length; at++)
                    {
                        var isWithin =
                            ByBytes.Compare(start, map.Shards[at].Start) >= 0
                            && (
                                at == map.Shards.Length - 1
                                || (end is not null && ByBytes.Compare(end, map.Shards[at + 1].Start) <= 0)
                            );

                        var refusal = ReplicaReads.Misplaced(OwnershipOf(map, map.Shards[at]), request);

                        Assert.Equal(isWithin ? null : OutcomeKind.WrongShard, refusal?.Kind);
                    }
                }
            );
    }

    [Fact]
    public void A_node_reads_its_maps_bounds_again_and_maps_of_earlier_versions_without_any()
    {
        using var place = new TemporaryFolder("range-maps");
        using var folder = DataFolder.Open(place.Path, "n1", PosixFiles.Instance);
        var map = MapOf(["g"u8.ToArray(), [255, 0]]) with
        {
            Settings = Settings([
                [1],
                [2],
            ]),
        };
        Assert.True(new NodeMaps(folder, new FakeTimeProvider()).TryTake(map));
        folder.WriteDocument(
            "map-2",
            """
            {"name":"old","keyspaceId":2,"epoch":1,"settings":{"replication":"Raft","replicas":1,"distribution":"Hash","shards":1},
             "shards":[{"shardId":5,"firstSlot":0,"replicas":[{"replicaId":6,"node":"n1"}]}],"deleted":false}
            """u8
        );

        var maps = new NodeMaps(folder, new FakeTimeProvider());

        Assert.Equal(SplitKeys.Of(map), SplitKeys.Of(maps.Find(1)!));
        Assert.Equal(map.Settings, maps.Find(1)!.Settings);
        var old = maps.Find(2)!;
        Assert.Empty(old.Shards[0].Start);
        Assert.True(ShardOwnership.Of(old, 5)!.Owns([255, 255]));
    }

    private static ShardOwnership OwnershipOf(KeyspaceMap map, ShardPlacement shard) =>
        ShardOwnership.Decode(ShardOwnership.Of(map, shard.ShardId)!.Encode())!;

    private static KeyspaceSettings Settings(byte[][] splits) =>
        new()
        {
            Distribution = DistributionKind.Range,
            SplitKeys = new() { Keys = splits },
        };

    private static KeyspaceMap MapOf(byte[][] starts) =>
        new()
        {
            Name = "k",
            KeyspaceId = 1,
            Epoch = 1,
            Settings = Settings(starts),
            Shards =
            [
                .. starts
                    .Prepend([])
                    .Select(
                        (start, at) =>
                            new ShardPlacement
                            {
                                ShardId = at + 10,
                                FirstSlot = 0,
                                Start = start,
                                Replicas = [],
                            }
                    ),
            ],
        };

    /// <summary>A key, its neighbours on both sides, and what begins with it.</summary>
    private static IEnumerable<byte[]> Around(byte[] key) =>
        [
            key,
            [.. key, 0],
            [.. key, 255],
            .. key[^1] == 0
                ? Array.Empty<byte[]>()
                :
                [
                    [.. key[..^1], (byte)(key[^1] - 1), 255, 255],
                ],
        ];
}
