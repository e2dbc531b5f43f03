using Exapyte.Grains.Replicas.Raft;

namespace Exapyte.Simulation.Clusters;

/// <summary>Does harm: one fault after the other, many at the same time, each of them mended after a while.</summary>
internal sealed class Faults
{
    private readonly World world;
    private readonly (int Weight, Action<SimulatedNode> Strike)[] kinds;
    private readonly int weights;
    private SimulatedNode? rotten;

    public Faults(World world)
    {
        this.world = world;
        kinds =
        [
            (14, node => node.Crash(power: world.Chance.OneIn(2))),
            (5, node => node.ArmCrash(world.Chance.Below(12))),
            (7, node => node.ArmCrashBeforeSync()),
            (12, CutOneWay),
            (8, Isolate),
            (8, Mute),
            (10, Pause),
            (8, JumpClock),
            (6, SlowDisk),
            (7, FillDisk),
            (4, node => node.ArmSyncFailure(world.Chance.Below(6))),
            (3, Rot),
            (12, _ => Transfer()),
            (6, _ => Split()),
            (10, FillStore),
            (9, _ => Overtake()),
            (12, _ => Bounce()),
        ];
        weights = kinds.Sum(kind => kind.Weight);
    }

    public void Begin() => world.Add(500_000, EventKind.Fault);

    public void Strike()
    {
        if (world.IsHealed)
        {
            return;
        }
        world.Add(world.Chance.Between(world.Weather.FaultEveryUs / 4, world.Weather.FaultEveryUs), EventKind.Fault);
        var node = Pick();
        var drawn = world.Chance.Below(weights);
        foreach (var (weight, strike) in kinds)
        {
            drawn -= weight;
            if (drawn < 0)
            {
                strike(node);
                return;
            }
        }
    }

    /// <summary>Mostly the leader: that is where it hurts.</summary>
    private SimulatedNode Pick() =>
        world.Chance.Percent(40) && world.Chance.Of(world.Groups).Leader() is { } leader
            ? leader.Node
            : world.Chance.Of(world.Nodes);

    private void After(long delayUs, Action mend) => world.Add(delayUs, EventKind.EndFault, mend);

    private long AWhile() => world.Chance.Between(100_000L, world.Chance.OneIn(4) ? 6_000_000L : 1_500_000L);

    private void CutOneWay(SimulatedNode node)
    {
        var other = world.Chance.Of(world.Nodes);
        if (other == node)
        {
            return;
        }
        world.Tally.Count(Happening.OneWayCuts);
        var (from, to) = world.Chance.OneIn(2) ? (node.Index, other.Index) : (other.Index, node.Index);
        world.Network.Cut(from, to);
        After(AWhile(), () => world.Network.Mend(from, to));
        world.Trace.Note($"{from} is not heard by {to}");
    }

    private void Isolate(SimulatedNode node)
    {
        if (world.IsHealed)
        {
            return;
        }
        world.Tally.Count(Happening.Isolations);
        world.Network.Isolate(node.Index);
        After(AWhile(), () => world.Network.Rejoin(node.Index));
        world.Trace.Note($"node {node.Index} is cut off");
    }

    private void Mute(SimulatedNode node)
    {
        world.Tally.Count(Happening.Mutes);
        world.Network.Mute(node.Index);
        After(AWhile(), () => world.Network.Unmute(node.Index));
        world.Trace.Note($"node {node.Index} is not heard");
    }

    /// <summary>Two sides that do not hear each other; what was the leader's is as often the smaller one.</summary>
    private void Split()
    {
        if (!world.Network.TrySplit(world.Chance.Between(1, (1 << world.Nodes.Count) - 2)))
        {
            return;
        }
        world.Tally.Count(Happening.Splits);
        After(AWhile(), world.Network.Unite);
        world.Trace.Note($"the wires are cut in two");
    }

    /// <summary>
    /// The worst for a lease: one follower has long not heard the leader, another one has just answered it and starts again,
    /// and then the leader is cut off from both. Nobody writes meanwhile, or the deaf one could not win.
    /// </summary>
    private void Bounce()
    {
        var group = world.Chance.Of(world.Groups);
        if (group.Leader() is not { } leader)
        {
            return;
        }
        var others = leader
            .Core.Configuration.Voters.Where(voter => voter != leader.Id && group.PlaceOf(voter) is not null)
            .Select(voter => group.PlaceOf(voter)!)
            .ToList();
        if (others.Count < 2)
        {
            return;
        }
        world.Tally.Count(Happening.Bounces);
        group.Callers.OnlyReadFor(2_000_000);
        var deaf = world.Chance.Of(others);
        others.Remove(deaf);
        var deafAfterUs = 100_000 + (4 * world.Weather.LatencyUs);
        After(deafAfterUs, () => world.Network.Cut(leader.Node.Index, deaf.Index));
        After(3_000_000, () => world.Network.Mend(leader.Node.Index, deaf.Index));
        After(
            deafAfterUs
                + (world.Chance.Between(300_000L, 1_000_000L) * world.Limits.ElectionTicks / Limits.ElectionTicksMin),
            () =>
            {
                Isolate(leader.Node);
                others.ForEach(node => node.Crash(power: false, world.Chance.Between(20_000, 60_000)));
            }
        );
    }

    /// <summary>
    /// A leader on a slow disk is cut off with writes on their way to it, and hears of its successor before it hears of those:
    /// the successor's first entry takes the place that they end with.
    /// </summary>
    private void Overtake()
    {
        if (world.Chance.Of(world.Groups).Leader() is not { } leader)
        {
            return;
        }
        var node = leader.Node;
        node.WeatherDiskUs = world.Chance.Between(2_000_000, 4_000_000);
        var cutUs = world.Chance.Between(0L, 300_000L);
        After(cutUs, () => world.Network.Isolate(node.Index));
        After(cutUs + world.Chance.Between(1_200_000L, 2_500_000L), () => world.Network.Rejoin(node.Index));
        After(5_000_000, () => node.WeatherDiskUs = world.Weather.DiskUs);
        world.Trace.Note($"node {node.Index} is to be overtaken");
    }

    private void Pause(SimulatedNode node)
    {
        world.Tally.Count(Happening.Pauses);
        node.PausedUntilUs = world.Queue.NowUs + AWhile();
        world.Trace.Note($"node {node.Index} stands still");
    }

    private void JumpClock(SimulatedNode node)
    {
        world.Tally.Count(Happening.ClockJumps);
        node.ClockOffsetMs += world.Chance.Between(-5_000L, 5_000L);
        world.Trace.Note($"the clock of node {node.Index} jumps");
    }

    private void SlowDisk(SimulatedNode node)
    {
        world.Tally.Count(Happening.SlowDisks);
        node.WeatherDiskUs = world.Chance.Between(50_000, 700_000);
        After(AWhile(), () => node.WeatherDiskUs = world.Weather.DiskUs);
    }

    private void FillDisk(SimulatedNode node)
    {
        world.Tally.Count(Happening.FullDisks);
        node.Files.CapacityBytes = node.Files.UsedBytes + world.Chance.Below(40_000);
        After(AWhile(), () => node.Files.CapacityBytes = long.MaxValue);
        world.Trace.Note($"the disk of node {node.Index} is full");
    }

    /// <summary>The store's disk runs full, now or within the next batches; as often as not the log's is the same.</summary>
    private void FillStore(SimulatedNode node)
    {
        world.Tally.Count(Happening.StoresFull);
        node.Disk.FillAfter(world.Chance.Below(6));
        After(AWhile(), node.Disk.Empty);
        world.Trace.Note($"the store of node {node.Index} runs full");
        if (world.Chance.OneIn(2))
        {
            FillDisk(node);
        }
    }

    /// <summary>
    /// A change of the configuration is under way: a member that has no space to apply it is the one to lead next. It must not
    /// stand before it has.
    /// </summary>
    public void AroundConfiguration(SimulatedReplica leader)
    {
        if (world.IsHealed || !world.Chance.OneIn(3))
        {
            return;
        }
        var voters = leader.Core.Configuration.Voters;
        var heir = voters[world.Chance.Below(voters.Length)];
        if (heir == leader.Id || leader.Group.PlaceOf(heir) is not { } node || node.Disk.IsFull)
        {
            return;
        }
        world.Tally.Count(Happening.StoresFull);
        node.Disk.FillAfter(0);
        var committedUs = world.Chance.Between(0L, 6L * (world.Weather.LatencyUs + world.Weather.DiskUs));
        After(committedUs + 3_000_000, node.Disk.Empty);
        After(
            committedUs,
            () =>
            {
                if (world.Chance.OneIn(2))
                {
                    leader.Post(new ReplicaInput.TransferLeadership(heir));
                }
                else
                {
                    Isolate(leader.Node);
                }
            }
        );
    }

    /// <summary>One node of a run rots, while all the others are whole: what it held must still be elsewhere.</summary>
    private void Rot(SimulatedNode node)
    {
        if (
            node.IsUp
            && (rotten ?? node) == node
            && world.Groups.TrueForAll(group => group.History.Configuration.Voters.Length >= 3)
            && !world.HasDamaged
        )
        {
            rotten = node;
            node.Rot();
        }
    }

    private void Transfer()
    {
        if (world.Chance.Of(world.Groups).Leader() is { } leader)
        {
            world.Tally.Count(Happening.Transfers);
            var members = leader.Core.Configuration.Members;
            var to = members[world.Chance.Below(members.Length)];
            leader.Post(new ReplicaInput.TransferLeadership(to));
            if (world.Chance.OneIn(3))
            {
                After(world.Chance.Between(0, 6 * world.Weather.LatencyUs), () => Isolate(leader.Node));
            }
        }
    }
}
