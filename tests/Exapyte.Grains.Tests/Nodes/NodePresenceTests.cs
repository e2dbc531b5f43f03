using Exapyte.Grains.Nodes;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Grains.Tests.Nodes;

public sealed class NodePresenceTests
{
    private static readonly TimeSpan Election = TimeSpan.FromMilliseconds(600);
    private static readonly string[] Peers = ["n2", "n3"];

    private readonly FakeTimeProvider time = new();
    private readonly NodePresence presence;

    public NodePresenceTests() => presence = new(time, Election, 2 * Election);

    [Fact]
    public void A_node_is_out_of_reach_once_nothing_came_from_it_for_two_elections()
    {
        Pass(TimeSpan.Zero);
        presence.Heard("n2");
        Pass(2 * Election);
        Assert.False(presence.IsOutOfReach("n2"));
        Pass(TimeSpan.FromMilliseconds(100));
        Assert.True(presence.IsOutOfReach("n2"));
        presence.Heard("n2");
        Assert.False(presence.IsOutOfReach("n2"));
        Assert.True(presence.IsOutOfReach("n3"));
    }

    [Fact]
    public void Of_a_node_that_is_looked_for_only_now_nothing_is_known_yet()
    {
        time.Advance(TimeSpan.FromHours(1));
        Assert.False(presence.IsOutOfReach("n2"));
        Pass(Election);
        Assert.False(presence.IsOutOfReach("n2"));
        Pass(2 * Election);
        Assert.True(presence.IsOutOfReach("n2"));
    }

    [Fact]
    public void One_that_is_no_peer_any_more_is_known_no_longer()
    {
        Pass(3 * Election);
        presence.Look([]);
        Assert.False(presence.IsOutOfReach("n2"));
        Pass(Election);
        Assert.False(presence.IsOutOfReach("n2"));
    }

    [Fact]
    public void Who_was_asleep_itself_does_not_know_who_was_silent_meanwhile()
    {
        Pass(TimeSpan.Zero);
        presence.Heard("n2");
        time.Advance(TimeSpan.FromHours(1));
        presence.Look(Peers);
        Assert.False(presence.IsOutOfReach("n2"));
        Pass(2 * Election);
        Pass(TimeSpan.FromMilliseconds(100));
        Assert.True(presence.IsOutOfReach("n2"));
    }

    /// <summary>Time passes in ticks, as it does for a node that runs.</summary>
    private void Pass(TimeSpan span)
    {
        var tick = TimeSpan.FromMilliseconds(100);
        presence.Look(Peers);
        for (var passed = TimeSpan.Zero; passed < span; passed += tick)
        {
            time.Advance(tick);
            presence.Look(Peers);
        }
    }
}
