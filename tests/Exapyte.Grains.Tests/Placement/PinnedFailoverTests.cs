using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Grains.Tests.Placement;

public sealed class PinnedFailoverTests : IAsyncLifetime
{
    private static readonly TestNode[] Three = [new("n1"), new("n2"), new("n3")];
    private TestCluster cluster = null!;

    public async ValueTask InitializeAsync() => cluster = await TestCluster.Start(Three);

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    public async Task A_call_to_a_node_that_stopped_fails_as_absent()
    {
        await Grain("n1", "1/2/3@n3").Where();
        await cluster.StopNode("n3");
        await cluster.WaitForMembers();
        await Assert.ThrowsAsync<NodeAbsentException>(() => Grain("n1", "1/2/3@n3").Where().AsTask());
    }

    [Fact]
    public async Task A_node_that_was_killed_and_restarted_is_found_under_its_new_generation()
    {
        var before = await Grain("n1", "1/2/3@n3").Where();
        await cluster.KillNode("n3");
        await cluster.StartNode(Three[2]);
        await cluster.WaitForMembers();
        var after = await Grain("n1", "1/2/3@n3").Where();
        Assert.Equal("n3", after.Silo);
        Assert.True(after.Generation > before.Generation);
        Assert.NotEqual(before.Activation, after.Activation);
    }

    [Fact]
    public async Task Activations_on_healthy_nodes_stay_when_another_node_dies()
    {
        string[] keys = [.. Enumerable.Range(0, 50).SelectMany(id => new[] { $"1/2/{id}@n1", $"1/2/{id}@n2" })];
        var before = await Task.WhenAll(keys.Select(key => Grain("n1", key).Where().AsTask()));
        await cluster.KillNode("n3");
        await cluster.WaitForMembers();
        var after = await Task.WhenAll(keys.Select(key => Grain("n2", key).Where().AsTask()));
        Assert.Equal(before, after);
    }

    private IPinnedGrain Grain(string from, string key) => cluster.GrainsOf(from).GetGrain<IPinnedGrain>(key);
}
