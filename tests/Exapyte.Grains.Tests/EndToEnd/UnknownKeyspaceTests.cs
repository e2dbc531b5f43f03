using Exapyte.Testing.Clusters;
using Exapyte.Wire;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>A node is asked for a keyspace whose map it does not have.</summary>
public sealed class UnknownKeyspaceTests
{
    [Fact]
    public async Task While_the_control_plane_cannot_say_so_no_node_says_that_a_keyspace_does_not_exist()
    {
        await using var cluster = await ProductCluster.Start(1);
        var maps = cluster.Nodes.GrainsOf("n1").GetGrain<IMapGrain>(0);

        cluster.Nodes.Database.IsStopped = true;
        await Assert.ThrowsAsync<ControlPlaneUnavailableException>(async () => await maps.Find("cold", 0));

        cluster.Nodes.Database.IsStopped = false;
        Assert.Null(await maps.Find("cold", 0));
    }
}
