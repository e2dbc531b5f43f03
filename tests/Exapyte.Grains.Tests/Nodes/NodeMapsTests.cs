using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Storage.Files;
using Exapyte.Storage.Node;
using Exapyte.Testing.Processes;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Grains.Tests.Nodes;

public sealed class NodeMapsTests : IDisposable
{
    private readonly TemporaryFolder place = new("maps");
    private readonly DataFolder folder;
    private readonly FakeTimeProvider time = new();

    public NodeMapsTests() => folder = DataFolder.Open(place.Path, "n1", PosixFiles.Instance);

    public void Dispose()
    {
        folder.Dispose();
        place.Dispose();
    }

    [Fact]
    public void A_deleted_keyspace_leaves_no_map_and_no_document_once_its_replicas_are_retired()
    {
        var maps = Open();
        Assert.True(maps.TryTake(Map(1, epoch: 1)));
        Assert.True(maps.TryTake(Map(1, epoch: 2) with { Deleted = true }));
        Assert.Null(maps.Find("k1"));
        Assert.Single(Documents);

        maps.Forget(1);

        Assert.Null(maps.Find(1));
        Assert.Empty(maps.All());
        Assert.Empty(Documents);
        Assert.Empty(maps.Peers);
    }

    [Fact]
    public void A_keyspace_that_the_node_never_knew_leaves_nothing_when_it_is_deleted()
    {
        var maps = Open();

        Assert.True(maps.TryTake(Map(1, epoch: 2) with { Deleted = true }));

        Assert.Empty(maps.All());
        Assert.Empty(Documents);
        Assert.False(maps.TryTake(Map(1, epoch: 1)));
    }

    [Fact]
    public void A_late_command_for_a_deleted_keyspace_is_refused_for_as_long_as_one_can_be_under_way()
    {
        var maps = Open();
        maps.TryTake(Map(1, epoch: 1));
        maps.TryTake(Map(1, epoch: 2) with { Deleted = true });
        maps.Forget(1);

        time.Advance(TimeSpan.FromMinutes(9));
        Assert.False(maps.TryTake(Map(1, epoch: 1)));
        Assert.True(maps.TryTake(Map(1, epoch: 2) with { Deleted = true }));
        Assert.True(maps.TryTake(Map(2, epoch: 1)));
        Assert.Equal(2, Assert.Single(maps.All()).KeyspaceId);
    }

    [Fact]
    public void A_deletion_that_was_not_carried_out_is_found_again_by_a_restart_and_others_are_never_forgotten()
    {
        var before = Open();
        before.TryTake(Map(1, epoch: 1));
        before.TryTake(Map(1, epoch: 2) with { Deleted = true });
        before.TryTake(Map(2, epoch: 1));
        before.Forget(2);

        var maps = Open();

        Assert.True(maps.Find(1)!.Deleted);
        Assert.False(maps.Find(2)!.Deleted);
        Assert.False(maps.TryTake(Map(1, epoch: 1)));
    }

    [Fact]
    public void The_deletion_of_an_earlier_life_of_a_name_leaves_the_later_one_alone()
    {
        var maps = Open();
        maps.TryTake(Map(1, epoch: 1, name: "k"));
        maps.TryTake(Map(5, epoch: 5, name: "k"));
        maps.TryTake(Map(1, epoch: 2, name: "k") with { Deleted = true });
        maps.Forget(1);

        Assert.Equal(5, maps.Find("k")!.KeyspaceId);
    }

    [Fact]
    public void Peers_are_the_nodes_with_which_any_shard_is_shared_now()
    {
        var maps = Open();
        maps.TryTake(Map(1, epoch: 1, nodes: ["n1", "n2"]));
        maps.TryTake(Map(2, epoch: 1, nodes: ["n2", "n1", "n3"]));
        maps.TryTake(Map(3, epoch: 1, nodes: ["n4", "n5"]));
        Assert.Equal(["n2", "n3"], maps.Peers.Order());

        maps.TryTake(Map(2, epoch: 2, nodes: ["n1", "n4"]));
        Assert.Equal(["n2", "n4"], maps.Peers.Order());

        maps.TryTake(Map(1, epoch: 2, nodes: ["n1", "n2"]) with { Deleted = true });
        Assert.Equal(["n4"], maps.Peers);
    }

    private IEnumerable<string> Documents =>
        folder.ListDocuments().Where(name => name.StartsWith("map-", StringComparison.Ordinal));

    private NodeMaps Open() => new(folder, time);

    private static KeyspaceMap Map(long id, long epoch, string? name = null, string[]? nodes = null) =>
        new()
        {
            Name = name ?? $"k{id}",
            KeyspaceId = id,
            Epoch = epoch,
            Settings = new(),
            Shards =
            [
                new()
                {
                    ShardId = id + 100,
                    FirstSlot = 0,
                    Replicas =
                    [
                        .. (nodes ?? ["n1", "n2"]).Select(
                            (node, at) => new ReplicaPlacement { ReplicaId = (id * 1_000) + at, Node = node }
                        ),
                    ],
                },
            ],
        };
}
