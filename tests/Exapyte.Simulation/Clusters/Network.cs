using Exapyte.Raft;
using Exapyte.Wire;

namespace Exapyte.Simulation.Clusters;

/// <summary>The wires between nodes: they lose, double, delay and reorder, and are cut one way or both ways.</summary>
internal sealed class Network(World world)
{
    private readonly HashSet<(int From, int To)> cuts = [];
    private readonly HashSet<int> isolated = [];
    private readonly HashSet<int> muted = [];
    private int side;

    public bool IsWhole { get; private set; }

    public void Cut(int from, int to) => cuts.Add((from, to));

    public void Mend(int from, int to) => cuts.Remove((from, to));

    public void Isolate(int node) => isolated.Add(node);

    public void Rejoin(int node) => isolated.Remove(node);

    /// <summary>A node hears all others and is heard by none.</summary>
    public void Mute(int node) => muted.Add(node);

    public void Unmute(int node) => muted.Remove(node);

    /// <summary>Cuts all wires between two sets of nodes; the bits of a number say which node is in which. One cut at a time.</summary>
    public bool TrySplit(int sides)
    {
        var isFree = side == 0;
        side = isFree ? sides : side;
        return isFree;
    }

    public void Unite() => side = 0;

    /// <summary>Everything works from now on.</summary>
    public void Heal()
    {
        Unite();
        cuts.Clear();
        isolated.Clear();
        muted.Clear();
        IsWhole = true;
    }

    public bool IsOpen(int from, int to) =>
        from == to
        || (
            !cuts.Contains((from, to))
            && (((side >> from) ^ (side >> to)) & 1) == 0
            && !muted.Contains(from)
            && !(isolated.Contains(from) || isolated.Contains(to))
        );

    public void Send(SimulatedNode from, MemberId to, PeerMessage message)
    {
        if (world.PlaceOf(to) is not { } node)
        {
            return;
        }
        var weather = world.Weather;
        if (!IsOpen(from.Index, node.Index) || (!IsWhole && world.Chance.Percent(weather.LossPercent)))
        {
            world.Tally.Count(Happening.MessagesLost);
            return;
        }
        world.Add(LatencyUs(), EventKind.Deliver, node, (from.Index, message), life: 0);
        if (!IsWhole && world.Chance.Percent(weather.DuplicatePercent))
        {
            world.Tally.Count(Happening.MessagesDuplicated);
            world.Add(LatencyUs(), EventKind.Deliver, node, (from.Index, message), life: 0);
        }
    }

    public long LatencyUs()
    {
        var latency = world.Chance.Between(world.Weather.LatencyUs / 2, world.Weather.LatencyUs);
        if (!IsWhole && world.Chance.Percent(world.Weather.StragglerPercent))
        {
            world.Tally.Count(Happening.MessagesReordered);
            // Some are late by a little, a few by more than an election.
            return latency + world.Chance.Between(0, world.Chance.OneIn(world.Weather.LateOneIn) ? 2_000_000 : 100_000);
        }
        return latency;
    }
}
