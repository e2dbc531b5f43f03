using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Grains.Tests.Placement;

public sealed class PinnedPlacementTests(PinnedPlacementTests.Fixture fixture)
    : IClassFixture<PinnedPlacementTests.Fixture>
{
    private readonly TestCluster cluster = fixture.Cluster;

    [Fact]
    public async Task A_pinned_grain_answers_on_its_node_whoever_asks()
    {
        foreach (var from in cluster.Nodes)
        {
            foreach (var on in cluster.Nodes)
            {
                var there = await Grain(from, $"1/2/3@{on}").Where();
                Assert.Equal(on, there.Silo);
            }
        }
        Assert.Equal(await Grain("n1", "1/2/3@n3").Where(), await Grain("n2", "1/2/3@n3").Where());
    }

    [Theory]
    [InlineData("1/2/3@n9", "n9")]
    [InlineData("without a node", "")]
    public async Task A_call_to_an_absent_node_says_that_it_was_sent_nowhere(string key, string node)
    {
        var failure = await Assert.ThrowsAsync<NodeAbsentException>(() => Grain("n1", key).Where().AsTask());
        Assert.Equal(node, failure.Node);
        Assert.IsType<INotSent>(failure, exactMatch: false);
    }

    [Fact]
    public async Task The_exception_of_an_absent_node_crosses_the_wire_whole()
    {
        var failure = await Assert.ThrowsAsync<NodeAbsentException>(() =>
            Grain("n1", "caller@n2").Call("1/2/3@n9").AsTask()
        );
        Assert.Equal("n9", failure.Node);
    }

    private IPinnedGrain Grain(string from, string key) => cluster.GrainsOf(from).GetGrain<IPinnedGrain>(key);

    public sealed class Fixture : IAsyncLifetime
    {
        public TestCluster Cluster { get; private set; } = null!;

        public async ValueTask InitializeAsync() =>
            Cluster = await TestCluster.Start([new("n1"), new("n2"), new("n3")]);

        public ValueTask DisposeAsync() => Cluster.DisposeAsync();
    }
}
