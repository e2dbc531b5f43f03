using Exapyte.Raft;

namespace Exapyte.Simulation.Clusters;

/// <summary>
/// What the control plane does to a group that follows its map: it says who is wanted, and tells the replicas; whoever leads
/// brings the group there.
/// </summary>
internal sealed class MapOperator(World world, SimulatedGroup group)
{
    private const int ReplicasMax = 5;

    private long nextChangeUs = 1_000_000;

    /// <summary>Whether the group is as the map wants it.</summary>
    public bool IsSettled
    {
        get
        {
            var current = group.History.Configuration;
            return !current.IsJoint
                && current.Members.Length == group.Wanted.Count
                && group.Wanted.All(current.IsVoter);
        }
    }

    /// <summary>Tells who has not heard of the newest map, and changes it now and then.</summary>
    /// <param name="join">Has a free node make a new replica, or else this one; null where none can.</param>
    public void Act(Func<SimulatedNode?, MemberId?> join)
    {
        foreach (var replica in group.Running())
        {
            if (
                replica.Map is { } known
                && known.Epoch < group.Map.Epoch
                && replica.Node.PausedUntilUs <= world.Queue.NowUs
            )
            {
                replica.UseMap(group.Map);
            }
        }
        if (group.Wanted.FirstOrDefault(group.IsDamaged) is { IsNone: false } damaged)
        {
            if (join(group.PlaceOf(damaged)) is { } instead)
            {
                world.Tally.Count(Happening.MapChanges);
                group.Want([.. group.Wanted.Where(member => member != damaged), instead]);
            }
            return;
        }
        if (!world.IsHealed && IsSettled && world.Queue.NowUs >= nextChangeUs)
        {
            nextChangeUs = world.Queue.NowUs + world.Chance.Between(300_000, 3_000_000);
            Change(join);
        }
    }

    private void Change(Func<SimulatedNode?, MemberId?> join)
    {
        var wanted = group.Wanted;
        var gone = world.Chance.Of([.. wanted]);
        MemberId[]? next = world.Chance.Below(4) switch
        {
            0 when wanted.Count < ReplicasMax => join(null) is { } added ? [.. wanted, added] : null,
            1 when wanted.Count > Operator.VotersMin => [.. wanted.Where(member => member != gone)],
            // Another one leads from now on, if it can.
            2 => [.. wanted.Where(member => member != gone), gone],
            _ => join(null) is { } instead ? [.. wanted.Where(member => member != gone), instead] : null,
        };
        if (next is not null)
        {
            world.Tally.Count(Happening.MapChanges);
            group.Want(next);
        }
    }
}
