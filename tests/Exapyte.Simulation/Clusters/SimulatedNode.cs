using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Keyspaces;
using Exapyte.Raft;
using Exapyte.Simulation.Invariants;
using Exapyte.Simulation.Stores;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Testing.Files;

namespace Exapyte.Simulation.Clusters;

/// <summary>A node: its disk, its log, its store, its clock, and the replicas that it hosts.</summary>
internal sealed partial class SimulatedNode
{
    public const string Folder = "/data/log";
    private const int PresentTicks = 8;
    private const int NominalTickUs = 100_000;

    private readonly World world;
    private readonly Dictionary<int, long> heard = [];
    private readonly List<ulong> disused = [];
    private readonly List<GroupId> retired = [];
    private readonly SegmentAccounts accounts = new();
    private readonly LogRot rot;
    private ulong lastPrefix;
    private long lastOrder;

    public SimulatedNode(World world, int index)
    {
        this.world = world;
        rot = new(world, this);
        Index = index;
        Files = new() { Before = BeforeFileOperation };
        TickUs = NominalTickUs + world.Chance.Between(-2_000, 2_000);
        WeatherDiskUs = world.Weather.DiskUs;
    }

    public int Index { get; }

    public SimulatedFiles Files { get; }

    public SteppedNodeLog Log { get; private set; } = null!;

    public ModelDisk Disk { get; } = new();

    /// <summary>Replicas that run, by id.</summary>
    public SortedDictionary<ulong, SimulatedReplica> Replicas { get; } = [];

    /// <summary>Replicas that the log surely describes.</summary>
    public SortedDictionary<ulong, ReplicaIdentity> Hosted { get; } = [];

    // A replica may be retired while the log still writes its description: in one batch with its removal.
    private readonly SortedSet<ulong> condemned = [];

    /// <summary>Snapshots that it may send at one time.</summary>
    public SemaphoreSlim SnapshotSlots { get; private set; } = new(4, 4);

    public bool IsUp { get; private set; }

    /// <summary>Rises with each start and each end.</summary>
    public int Life { get; private set; }

    public long PausedUntilUs { get; set; }

    public long ClockOffsetMs { get; set; }

    public int TickUs { get; }

    public int WeatherDiskUs { get; set; }

    public long NowMs => 1_800_000_000_000 + (world.Queue.NowUs / 1_000) + ClockOffsetMs;

    /// <summary>
    /// Its monotonic clock: as fast as its ticks, each of which takes the same time on it, and of no meaning elsewhere. It
    /// goes on while the node stands still.
    /// </summary>
    public long MonotonicUs => 1 + (Index * 7_000_000L) + (world.Queue.NowUs * NominalTickUs / TickUs);

    /// <summary>Whether a bit of its log has been flipped.</summary>
    public bool HasRot => rot.IsThere;

    /// <summary>Flips a bit somewhere in its log.</summary>
    public void Rot() => rot.Strike();

    /// <summary>Whether a replica here has a reason to fail: the disk refused something, or a bit has rotted.</summary>
    public bool MayFail => Log.Health.Condition == LogCondition.Failed || HasRot;

    public ulong IssuePrefix() => world.Flaw.PrefixOf(++lastPrefix);

    /// <summary>The place of a change in the order in which they reach the node's log.</summary>
    public long NextOrder() => ++lastOrder;

    public long DiskDelayUs() => world.Chance.Between(WeatherDiskUs / 4, WeatherDiskUs);

    public void HeardFrom(int node) => heard[node] = world.Queue.NowUs;

    public bool HearsNodeOf(MemberId member) =>
        world.PlaceOf(member) is { } node
        && (
            node == this
            || world.Queue.NowUs - heard.GetValueOrDefault(node.Index, -1_000_000_000)
                < (long)PresentTicks * NominalTickUs
        );

    public void Disused(ulong prefix) => disused.Add(prefix);

    /// <summary>A replica that a group begins with.</summary>
    public void AddFirst(ReplicaIdentity identity) => Hosted.Add((ulong)identity.ReplicaId, identity);

    /// <summary>The first start, with the replicas that groups begin with here.</summary>
    public void Bootstrap()
    {
        Open(out _);
        foreach (var (id, identity) in Hosted)
        {
            Log.SetDescriptor(
                new(id),
                identity.ToBytes(),
                new Completed(result => History.Require(result.IsOk, "bootstrap", result.Reason ?? ""))
            );
        }
        Log.Step();
        StartReplicas();
        Disk.Flush();
    }

    /// <summary>Creates a replica; it starts once the log describes it.</summary>
    public void Create(ReplicaIdentity identity)
    {
        var id = (ulong)identity.ReplicaId;
        var life = Life;
        Log.SetDescriptor(
            new(id),
            identity.ToBytes(),
            new Completed(result =>
            {
                if (result.IsOk && life == Life)
                {
                    Hosted[id] = identity;
                    if (!condemned.Contains(id))
                    {
                        Start(id);
                    }
                }
            })
        );
        LogHasWork(mustSync: true);
    }

    /// <summary>Retires a replica for good.</summary>
    public void Retire(ulong id)
    {
        var life = Life;
        condemned.Add(id);
        Replicas.GetValueOrDefault(id)?.StopNow("retired");
        Log.Destroy(
            new(id),
            new Completed(result =>
            {
                // A group whose description was damaged is not even known.
                var isGone = result.IsOk || result.Status == LogAppendStatus.UnknownGroup;
                if (!isGone || !Hosted.Remove(id, out var identity))
                {
                    return;
                }
                world.Tally.Count(Happening.ReplicasRetired);
                world.GroupOf(new(id)).Retired(new(id));
                var prefix = identity.StorePrefix;
                if (life == Life && Replicas.Remove(id, out var replica))
                {
                    replica.Die();
                    prefix = replica.View.StorePrefix;
                }
                Disk.DeleteShard(prefix);
                retired.Add(new(id));
            })
        );
        LogHasWork(mustSync: true);
    }

    /// <summary>Flushes the store, compacts the logs, sweeps what has expired: what the node does every few seconds.</summary>
    public void Upkeep()
    {
        if (world.Chance.OneIn(2))
        {
            Flush();
        }
        foreach (var replica in Replicas.Values)
        {
            if (!world.IsHealed)
            {
                replica.Post(ReplicaInput.Compact.Now);
            }
            if (world.Chance.OneIn(4))
            {
                world.Flaw.Sweep(replica);
            }
        }
        if (!isLogDue)
        {
            Log.IdleStep();
            WatchLog();
        }
        accounts.Require(Log, Hosted.Keys.Select(id => new GroupId(id)));
    }

    public void Flush()
    {
        if (Disk.IsFull)
        {
            // What is to be flushed has no place to go; what waited for it waits on.
            return;
        }
        world.Tally.Count(Happening.StoreFlushes);
        disused.ForEach(Disk.DeleteShard);
        disused.Clear();
        Disk.Flush();
        foreach (var group in retired)
        {
            Log.ForgetDestroyed(group);
            LogHasWork(mustSync: false);
        }
        retired.Clear();
    }

    /// <summary>A replica has met a fault that ends it.</summary>
    public void ReplicaFailed(SimulatedReplica replica)
    {
        world.Trace.Note($"replica {replica.Id} failed: {replica.Problem}");
        if (replica.Log.Quarantined is { } reason)
        {
            rot.RequireHit(replica.LogId, reason);
            replica.Group.Damaged(replica.Id);
        }
    }

    private void StartReplicas()
    {
        foreach (var id in Hosted.Keys)
        {
            if (!world.GroupOf(new(id)).IsDamaged(new(id)))
            {
                Start(id);
            }
        }
    }

    private void Start(ulong id)
    {
        var replica = new SimulatedReplica(world, this, Hosted[id], world.GroupOf(new(id)));
        Replicas[id] = replica;
        world.Add(world.Chance.Between(0, 400_000), EventKind.Confirm, this, replica);
    }
}
