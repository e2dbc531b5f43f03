using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>Another replica of the shard.</summary>
/// <param name="Placed">Where it is.</param>
/// <param name="Grain">Its face towards other replicas.</param>
/// <param name="Comparison">What it can be compared with and copied by.</param>
/// <param name="Lane">The pushes to it.</param>
internal sealed record ShardPeer(ReplicaPlacement Placed, IShardGrain Grain, IShardComparison Comparison, PushLane Lane)
{
    /// <summary>Its id.</summary>
    public long ReplicaId => Placed.ReplicaId;

    /// <summary>Whether it counts for quorums.</summary>
    public bool Counts => !Placed.Joining;
}

/// <summary>
/// The map as a replica uses it, and the other replicas in it; swapped whole. It knows which writes were begun by it, so
/// that one that is copied from can say that all of an earlier map have ended. Thread-safe.
/// </summary>
internal sealed class ShardPeers
{
    public static readonly ShardPeers None = new(null, null, [], false, null);

    private ShardPeers? before;
    private int writing;

    /// <summary>Creates what a map says.</summary>
    /// <param name="map">The map.</param>
    /// <param name="placement">The shard in it.</param>
    /// <param name="others">The other replicas that are wanted.</param>
    /// <param name="selfCounts">Whether this replica itself counts for quorums.</param>
    /// <param name="before">What was used until now.</param>
    public ShardPeers(
        KeyspaceMap? map,
        ShardPlacement? placement,
        ShardPeer[] others,
        bool selfCounts,
        ShardPeers? before
    )
    {
        Map = map;
        Others = others;
        Counting = Array.FindAll(others, other => other.Counts);
        SelfCounts = selfCounts;
        Counted = placement?.Counted ?? 0;
        Placement = placement;
        Ownership = map is null || placement is null ? null : ShardOwnership.Of(map, placement.ShardId);
        this.before = before;
    }

    /// <summary>The map; null before there is one.</summary>
    public KeyspaceMap? Map { get; }

    /// <summary>The shard in it.</summary>
    public ShardPlacement? Placement { get; }

    /// <summary>The keys that are the shard's by it; null before there is one.</summary>
    public ShardOwnership? Ownership { get; }

    /// <summary>Its epoch; 0 before there is one.</summary>
    public long Epoch => Map?.Epoch ?? 0;

    /// <summary>The other replicas.</summary>
    public ShardPeer[] Others { get; }

    /// <summary>Those that count for quorums.</summary>
    public ShardPeer[] Counting { get; }

    /// <summary>Whether this replica counts for quorums; else it is joining or leaving.</summary>
    public bool SelfCounts { get; }

    /// <summary>Replicas by whose number the quorums are sized, lost ones included.</summary>
    public int Counted { get; }

    /// <summary>Whether every write that was begun by an earlier map has ended here.</summary>
    public bool EarlierHaveEnded
    {
        get
        {
            for (var earlier = before; earlier is not null; earlier = earlier.before)
            {
                if (Volatile.Read(ref earlier.writing) > 0)
                {
                    return false;
                }
            }
            before = null;
            return true;
        }
    }

    /// <summary>Whether a request by a map of that epoch comes from a replica that the shard is without by now.</summary>
    public bool HasDropped(long replicaId, long epoch) =>
        replicaId != 0 && epoch != 0 && epoch < Epoch && !Array.Exists(Others, other => other.ReplicaId == replicaId);

    /// <summary>A write begins by what is in use now; <see cref="End"/> must follow.</summary>
    public static ShardPeers Begin(ref ShardPeers current)
    {
        while (true)
        {
            var used = Volatile.Read(ref current);
            Interlocked.Increment(ref used.writing);
            if (ReferenceEquals(used, Volatile.Read(ref current)))
            {
                return used;
            }
            used.End();
        }
    }

    /// <summary>The write has ended here.</summary>
    public void End() => Interlocked.Decrement(ref writing);
}
