using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Keyspaces;
using Exapyte.Raft;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Invariants;
using Exapyte.Simulation.Planted;
using Exapyte.Testing.Files;
using Exapyte.Wire;

namespace Exapyte.Simulation.Clusters;

/// <summary>
/// One run: nodes, wires, callers, faults and the books, all moved by one queue of events in one thread. A step is one
/// event. Everything follows from the seed.
/// </summary>
internal sealed class World
{
    private readonly SortedDictionary<MemberId, SimulatedGroup> groupOf = [];
    private long lastReplicaId;
    private long healedAt;

    public World(ulong seed, Flaw flaw, TextWriter? text)
    {
        Flaw = flaw;
        Chance = new(seed);
        Weather = Weather.Of(Chance);
        Trace = new(text);
        Settings = new()
        {
            IdempotencyWindowSeconds = (int)(Weather.RequestWindowMs / 1_000),
            ChangeRetentionSeconds = Weather.RetriesUnknown ? 2 : 1,
        };
        Network = new(this);
        Faults = new(this);
        Limits = Limits.Of(Chance.Fork());
        Options = new()
        {
            ElectionTicks = Limits.ElectionTicks,
            HeartbeatTicks = Limits.HeartbeatTicks,
            IdleTicksBeforeSleep = Weather.IdleTicks,
            LogEntriesKept = Weather.EntriesKept,
            LogEntriesHeldMax = Limits.LogEntriesHeldMax,
            SnapshotPartBytes = Weather.PartBytesMax,
        };
        for (var i = 0; i < Weather.Nodes; i++)
        {
            Nodes.Add(new(this, i));
        }
        for (var i = 0; i < Weather.Groups; i++)
        {
            Groups.Add(new(this, i));
        }
        Begin();
    }

    public Flaw Flaw { get; }

    public Chance Chance { get; }

    public Weather Weather { get; }

    public Trace Trace { get; }

    public Tally Tally { get; } = new();

    public EventQueue Queue { get; } = new();

    public Network Network { get; }

    /// <summary>What the keyspace of all groups is like.</summary>
    public KeyspaceSettings Settings { get; }

    /// <summary>How nodes run their replicas.</summary>
    public ReplicaOptions Options { get; }

    public Limits Limits { get; }

    public Faults Faults { get; }

    /// <summary>How long a leader may read alone, on its own clock: as much of an election's least time as was drawn.</summary>
    public long LeaseUs => Weather.LeaseUs * (Limits.ElectionTicks - 1L) / (Limits.ElectionTicksMin - 1);

    public List<SimulatedNode> Nodes { get; } = [];

    public List<SimulatedGroup> Groups { get; } = [];

    public long Steps { get; private set; }

    /// <summary>From then on nothing fails any more, and what failed is mended.</summary>
    public bool IsHealed { get; private set; }

    public void Add(long delayUs, EventKind kind, SimulatedNode node, object? subject, int? life = null) =>
        Queue.Add(delayUs, new(kind, node.Index, life ?? node.Life, subject, 0));

    public void Add(long delayUs, EventKind kind, object? subject = null, long number = 0) =>
        Queue.Add(delayUs, new(kind, -1, 0, subject, number));

    /// <summary>Whether any group waits for a damaged replica to be replaced.</summary>
    public bool HasDamaged => Groups.Exists(group => group.HasDamaged);

    public long IssueReplicaId() => ++lastReplicaId;

    /// <summary>A new replica belongs to a group, for good.</summary>
    public void Enter(MemberId member, SimulatedGroup group) => groupOf.Add(member, group);

    public SimulatedGroup GroupOf(MemberId member) => groupOf[member];

    public SimulatedNode? PlaceOf(MemberId member) => groupOf.GetValueOrDefault(member)?.PlaceOf(member);

    /// <summary>Whether it was healed long ago.</summary>
    public bool IsLongHealed => IsHealed && Steps > healedAt + 10_000;

    /// <summary>Takes the next event.</summary>
    public void Step()
    {
        Steps++;
        var next = Queue.Take();
        Trace.NowUs = Queue.NowUs;
        Trace.Mix(((ulong)Queue.NowUs << 8) ^ ((ulong)next.Kind << 4) ^ (ulong)(next.Node + 1));
        if (next.Node < 0)
        {
            Run(next);
            return;
        }
        var node = Nodes[next.Node];
        if (next.Kind == EventKind.Restart)
        {
            Guard(node, node.Restart);
        }
        else if (node.IsUp && (next.Life == 0 || next.Life == node.Life))
        {
            RunOnNode(node, next);
        }
    }

    /// <summary>No faults from now on; what is down comes back.</summary>
    public void Heal()
    {
        IsHealed = true;
        healedAt = Steps;
        Network.Heal();
        foreach (var node in Nodes)
        {
            node.PausedUntilUs = 0;
            node.WeatherDiskUs = 1_000;
            node.Files.CapacityBytes = long.MaxValue;
            node.Disk.Empty();
            node.Disarm();
        }
    }

    private void Begin()
    {
        foreach (var group in Groups)
        {
            group.Begin();
        }
        foreach (var node in Nodes)
        {
            node.Bootstrap();
        }
        foreach (var group in Groups)
        {
            group.Open();
        }
        Faults.Begin();
    }

    private void Run(in Event next)
    {
        switch (next.Kind)
        {
            case EventKind.Client:
                ((Callers)next.Subject!).Act((int)next.Number);
                break;
            case EventKind.ClientTimesOut:
                ((ClientCall)next.Subject!).Callers.TimeOut((ClientCall)next.Subject!);
                break;
            case EventKind.ClientArrives:
                ((ClientCall)next.Subject!).Callers.Arrive((ClientCall)next.Subject!);
                break;
            case EventKind.Fault:
                Faults.Strike();
                break;
            case EventKind.EndFault:
                ((Action)next.Subject!)();
                break;
            case EventKind.Operator:
                ((Operator)next.Subject!).Act();
                break;
            case EventKind.Lull:
                ((Callers)next.Subject!).Rest();
                break;
            default:
                throw new InvalidOperationException($"Nobody takes {next.Kind}.");
        }
    }

    private void RunOnNode(SimulatedNode node, Event next)
    {
        if (node.PausedUntilUs > Queue.NowUs)
        {
            // A stopped process misses ticks and finds the rest when it goes on.
            Queue.Add(node.PausedUntilUs - Queue.NowUs, next);
            return;
        }
        Guard(node, () => Take(node, next));
    }

    private void Take(SimulatedNode node, in Event next)
    {
        switch (next.Kind)
        {
            case EventKind.Tick:
                Tick(node);
                break;
            case EventKind.Deliver:
                var (from, message) = ((int, PeerMessage))next.Subject!;
                Deliver(node, from, message);
                break;
            case EventKind.Work:
                ((SimulatedReplica)next.Subject!).Work();
                break;
            case EventKind.WriteLog:
                node.WriteLog();
                break;
            case EventKind.HearLog:
                node.HearLog();
                break;
            case EventKind.Upkeep:
                node.Upkeep();
                Add(Chance.Between(Weather.UpkeepUs / 2, Weather.UpkeepUs), EventKind.Upkeep, node, null);
                break;
            case EventKind.Confirm:
                var confirmed = (SimulatedReplica)next.Subject!;
                confirmed.UseMap(confirmed.Group.Map);
                break;
            case EventKind.EndFault:
                ((Action)next.Subject!)();
                break;
            default:
                throw new InvalidOperationException($"No node takes {next.Kind}.");
        }
    }

    private void Tick(SimulatedNode node)
    {
        Add(node.TickUs, EventKind.Tick, node, null);
        foreach (var peer in Nodes)
        {
            if (Network.IsOpen(node.Index, peer.Index))
            {
                peer.HeardFrom(node.Index);
            }
        }
        foreach (var replica in node.Replicas.Values)
        {
            replica.Tick();
        }
    }

    private void Deliver(SimulatedNode node, int from, PeerMessage message)
    {
        if (!Network.IsOpen(from, node.Index))
        {
            Tally.Count(Happening.MessagesLost);
            return;
        }
        Tally.Count(Happening.MessagesDelivered);
        Trace.Mix(
            ((ulong)message.ToReplicaId << 32) ^ ((ulong)message.FromReplicaId << 16) ^ (ulong)message.Payload.Length
        );
        if (node.Replicas.TryGetValue((ulong)message.ToReplicaId, out var replica))
        {
            replica.Deliver(message);
        }
    }

    /// <summary>A crash that strikes inside an operation on files ends the node there and then.</summary>
    private void Guard(SimulatedNode node, Action act)
    {
        try
        {
            act();
        }
        catch (SimulatedCrashException)
        {
            node.Die(power: Chance.Percent(70));
        }
    }
}
