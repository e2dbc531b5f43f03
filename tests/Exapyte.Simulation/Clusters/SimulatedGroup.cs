using Exapyte.Grains.Replicas;
using Exapyte.Keyspaces;
using Exapyte.Raft;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Clusters;

/// <summary>
/// One raft group of a run: who belongs to it and where, its books, its callers and its operator. The groups of a run share
/// nodes, and with them logs, stores, clocks and faults; nothing else.
/// </summary>
internal sealed class SimulatedGroup
{
    private readonly World world;
    private readonly SortedDictionary<MemberId, SimulatedNode> places = [];
    private readonly SortedDictionary<MemberId, DurableLog> books = [];
    private readonly SortedSet<MemberId> damaged = [];
    private readonly int voters;
    private MemberId lastLeader;

    public SimulatedGroup(World world, int number)
    {
        this.world = world;
        Number = number;
        // A quiet group beside a busy one is what pins old segments of the log that they share.
        IsQuiet = number > 0 && world.Chance.OneIn(2);
        IsMapped = world.Chance.OneIn(3);
        Map = MapOf([]);
        voters = world.Chance.Percent(60) ? 3 : world.Weather.Nodes;
        History = new(member => books.GetValueOrDefault(member), (index, term) => Callers!.Committed(index, term));
        Callers = new(world, this, number == 0 ? world.Weather.Clients : world.Chance.Between(1, 3));
        Operator = new(world, this);
    }

    /// <summary>Slots from here on are another shard's.</summary>
    public const int ForeignFromSlot = KeyHash.Slots / 8 * 7;

    public int Number { get; }

    public bool IsQuiet { get; }

    public History History { get; }

    public Callers Callers { get; }

    public Operator Operator { get; }

    /// <summary>The origin of the keyspace's versions.</summary>
    public static ulong Life => 1;

    /// <summary>
    /// The map that places it. It names the members that are wanted, the preferred leader first, where the group is brought to
    /// its map by whoever leads; else none, and who belongs to the group is up to the operator.
    /// </summary>
    public KeyspaceMap Map { get; private set; }

    /// <summary>Whether its members are those of the map.</summary>
    public bool IsMapped { get; }

    /// <summary>The members that the map wants.</summary>
    public IReadOnlyList<MemberId> Wanted { get; private set; } = [];

    /// <summary>Its replicas that have a place, be they members yet, still, or not.</summary>
    public IEnumerable<MemberId> Placed => places.Keys;

    public bool HasDamaged => damaged.Count > 0;

    public SimulatedNode? PlaceOf(MemberId member) => places.GetValueOrDefault(member);

    public DurableLog BookOf(MemberId member) => books[member];

    public bool IsDamaged(MemberId member) => damaged.Contains(member);

    /// <summary>Its first replicas, each on a node of its own.</summary>
    public void Begin()
    {
        var first = new long[voters];
        for (var i = 0; i < voters; i++)
        {
            first[i] = world.IssueReplicaId();
        }
        History.Begin(Configuration.Of([.. first.Select(id => new MemberId((ulong)id))]));
        for (var i = 0; i < voters; i++)
        {
            var node = world.Nodes[(Number + i) % world.Nodes.Count];
            node.AddFirst(Place(first[i], node, first));
        }
        if (IsMapped)
        {
            Want([.. first.Select(id => new MemberId((ulong)id))]);
        }
    }

    /// <summary>The map wants these members from now on; replicas are told as the operator comes to them.</summary>
    public void Want(MemberId[] members)
    {
        Wanted = members;
        Map = MapOf(members);
        world.Trace.Note($"the map of group {Number} wants {string.Join(", ", members)}");
    }

    /// <summary>Callers and operator begin.</summary>
    public void Open()
    {
        Callers.Begin();
        Operator.Begin();
    }

    /// <summary>A description of a new replica on a node, entered in the books.</summary>
    public ReplicaIdentity NewReplica(SimulatedNode node) => Place(world.IssueReplicaId(), node, []);

    public ReplicaIdentity Describe(long replicaId, SimulatedNode node, long[] firstMembers) =>
        new()
        {
            KeyspaceId = 1,
            ShardId = Number + 1,
            ReplicaId = replicaId,
            Replication = ReplicationKind.Raft,
            Storage = StorageKind.Disk,
            StorePrefix = node.IssuePrefix(),
            FirstMembers = firstMembers,
        };

    /// <summary>A replica that has lost records to damage and must be replaced.</summary>
    public void Damaged(MemberId member)
    {
        if (damaged.Add(member))
        {
            world.Trace.Note($"replica {member} is damaged");
            if (places[member].Replicas.Remove(member.Value, out var replica))
            {
                replica.StopNow("quarantined");
                replica.Die();
            }
        }
    }

    public void Retired(MemberId member)
    {
        places.Remove(member);
        damaged.Remove(member);
    }

    public void LeaderSeen(SimulatedReplica leader)
    {
        world.Tally.Count(Happening.Elections);
        world.Tally[Happening.LeaderChanges] += lastLeader == leader.Id ? 0 : 1;
        lastLeader = leader.Id;
    }

    /// <summary>Its replicas that run, by node.</summary>
    public IEnumerable<SimulatedReplica> Running()
    {
        foreach (var node in world.Nodes)
        {
            foreach (var replica in node.Replicas.Values)
            {
                if (node.IsUp && replica.Group == this)
                {
                    yield return replica;
                }
            }
        }
    }

    /// <summary>The replica that leads in the highest term, as far as it knows itself.</summary>
    public SimulatedReplica? Leader()
    {
        SimulatedReplica? leader = null;
        foreach (var replica in Running())
        {
            var leads = replica.Core.Role == RaftRole.Leader && replica.Problem.Length == 0;
            leader = leads && (leader is null || leader.Core.Term < replica.Core.Term) ? replica : leader;
        }
        return leader;
    }

    private KeyspaceMap MapOf(MemberId[] members) =>
        new()
        {
            Name = "simulated",
            KeyspaceId = (long)Life,
            Epoch = Map is null ? 1 : Map.Epoch + 1,
            Settings = world.Settings,
            Shards =
            [
                new()
                {
                    ShardId = Number + 1,
                    FirstSlot = 0,
                    Replicas =
                    [
                        .. members.Select(member => new ReplicaPlacement
                        {
                            ReplicaId = (long)member.Value,
                            Node = $"n{PlaceOf(member)!.Index}",
                        }),
                    ],
                },
                // Another shard's slots, which nobody serves here.
                new()
                {
                    ShardId = -1,
                    FirstSlot = ForeignFromSlot,
                    Replicas = [],
                },
            ],
        };

    private ReplicaIdentity Place(long replicaId, SimulatedNode node, long[] firstMembers)
    {
        var id = new MemberId((ulong)replicaId);
        world.Enter(id, this);
        places.Add(id, node);
        books.Add(id, new());
        return Describe(replicaId, node, firstMembers);
    }
}
