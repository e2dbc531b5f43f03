using Exapyte.Grains.Balance;
using Exapyte.Topology;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using static Exapyte.Grains.Tests.ControlPlane.RepairMaps;

namespace Exapyte.Grains.Tests.Balance;

public sealed class BalanceTriggerTests
{
    private static readonly TimeSpan After = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider time = new();
    private readonly BalanceTrigger trigger;

    public BalanceTriggerTests() => trigger = new(After, time);

    [Fact]
    public void A_balance_is_due_once_after_nodes_have_joined_and_stayed_for_a_while()
    {
        Assert.False(trigger.IsDue(Of(2, "n1", "n2"), balancedNodeEpoch: 1));
        time.Advance(After - TimeSpan.FromSeconds(1));
        Assert.False(trigger.IsDue(Of(2, "n1", "n2"), balancedNodeEpoch: 1));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.True(trigger.IsDue(Of(2, "n1", "n2"), balancedNodeEpoch: 1));
        Assert.False(trigger.IsDue(Of(2, "n1", "n2"), balancedNodeEpoch: 2));
    }

    [Fact]
    public void A_node_that_comes_and_goes_puts_it_off()
    {
        for (var i = 0; i < 10; i++)
        {
            Assert.False(trigger.IsDue(i % 2 == 0 ? Of(3, "n1", "n2", "n3") : Of(3, "n1", "n2"), balancedNodeEpoch: 2));
            time.Advance(After - TimeSpan.FromSeconds(1));
        }
        Assert.False(trigger.IsDue(Of(3, "n1", "n2", "n3"), balancedNodeEpoch: 2));
        time.Advance(After);
        Assert.True(trigger.IsDue(Of(3, "n1", "n2", "n3"), balancedNodeEpoch: 2));
    }

    [Fact]
    public void One_node_alone_has_nothing_to_balance()
    {
        trigger.IsDue(Of(1, "n1"), balancedNodeEpoch: 0);
        time.Advance(After);
        Assert.False(trigger.IsDue(Of(1, "n1"), balancedNodeEpoch: 0));
    }

    private static ClusterTopology Of(long nodeEpoch, params string[] alive) =>
        new()
        {
            NodeEpoch = nodeEpoch,
            Nodes = [.. new[] { "n1", "n2", "n3" }.Select(node => NodeOf(node, alive.Contains(node)))],
        };
}
