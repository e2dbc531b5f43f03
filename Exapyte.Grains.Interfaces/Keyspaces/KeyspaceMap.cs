using System.Text;

namespace Exapyte.Keyspaces;

/// <summary>One replica of a shard and the node that it is pinned to.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.replica-placement")]
public sealed record ReplicaPlacement
{
    /// <summary>Issued by the control plane, never reused; the Raft member id is the same number.</summary>
    [Id(0)]
    public required long ReplicaId { get; init; }

    /// <summary>The node's id.</summary>
    [Id(1)]
    public required string Node { get; init; }

    /// <summary>
    /// The node epoch by which it was placed: it belongs to the data folder that the node had then, or to a later one; 0
    /// where that was not recorded.
    /// </summary>
    [Id(2)]
    public long NodeEpoch { get; init; }

    /// <summary>
    /// Wanted, but it counts for nothing yet. Raft: not yet seen among the voters of its group. Leaderless: it has not yet
    /// copied what the others hold.
    /// </summary>
    [Id(3)]
    public bool Joining { get; init; }
}

/// <summary>One shard: the slots or the keys it owns, and its replicas.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.shard-placement")]
public sealed record ShardPlacement
{
    /// <summary>Issued by the control plane, never reused.</summary>
    [Id(0)]
    public required long ShardId { get; init; }

    /// <summary>First slot it owns; it ends where the next shard begins. 0 in range keyspaces.</summary>
    [Id(1)]
    public required int FirstSlot { get; init; }

    /// <summary>Its replicas, the preferred leader first.</summary>
    [Id(2)]
    public required ReplicaPlacement[] Replicas { get; init; }

    /// <summary>
    /// Replicas that are not wanted any more but kept on their nodes. Raft: they may still be voters of their group, and
    /// they vote, until its configuration is known to be without them. Leaderless: they count for nothing and pass on what
    /// they have, until another one has taken their place. Null or empty: none.
    /// </summary>
    [Id(3)]
    public ReplicaPlacement[]? Leaving { get; init; }

    /// <summary>
    /// Ids of the replicas that the shard was created with, those retired since included: a raft group's first
    /// configuration, the same for whoever learns of it late. Null in maps that did not record them.
    /// </summary>
    [Id(4)]
    public long[]? Founders { get; init; }

    /// <summary>
    /// Leaderless: replicas that once counted, are gone or leaving, and whose place no other has taken yet. Quorums count
    /// them as ones that do not answer: what was acknowledged may be held by one replica less than it was.
    /// </summary>
    [Id(5)]
    public int Lost { get; init; }

    /// <summary>
    /// Range keyspaces: the first key it owns, inclusive; empty: it owns all from the beginning. It ends where the next shard
    /// begins (<see cref="ShardIntervals"/>). Empty in other keyspaces.
    /// </summary>
    [Id(6)]
    public byte[] Start
    {
        get;
        // Maps of earlier versions are read without one.
        init => field = value ?? [];
    } = [];

    /// <summary>
    /// The shard that it was split from; 0: it was created with its keyspace. Its replicas are made by the split where that is
    /// applied, and until all of them may have been they count as joining.
    /// </summary>
    [Id(7)]
    public long SplitFrom { get; init; }

    /// <summary>Whether the split that makes it is not known to be done.</summary>
    public bool IsForming =>
        SplitFrom != 0 && Replicas.Length > 0 && Array.TrueForAll(Replicas, replica => replica.Joining);

    /// <summary>Leaderless: replicas by whose number the quorums are sized, lost ones included, joining ones not.</summary>
    public int Counted => Replicas.Count(replica => !replica.Joining) + Lost;

    /// <summary>All replicas that nodes may host: those that are wanted and those that are leaving.</summary>
    public ReplicaPlacement[] Hosted => Leaving is { Length: > 0 } leaving ? [.. Replicas, .. leaving] : Replicas;

    /// <summary>Whether its membership is changing: a replica is joining or leaving.</summary>
    public bool IsChanging => Leaving is { Length: > 0 } || Array.Exists(Replicas, replica => replica.Joining);
}

/// <summary>
/// The map of a keyspace at one epoch: settings, shards, placement. The control plane's intent; swapped whole, never
/// changed. Thread-safe.
/// </summary>
[GenerateSerializer, Immutable, Alias("exapyte.keyspace-map")]
public sealed record KeyspaceMap
{
    [NonSerialized]
    private byte[]? delimiter;

    /// <summary>The keyspace's name.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>The keyspace's id; one that was deleted and created again has another.</summary>
    [Id(1)]
    public required long KeyspaceId { get; init; }

    /// <summary>Rises with every change.</summary>
    [Id(2)]
    public required long Epoch { get; init; }

    /// <summary>The settings.</summary>
    [Id(3)]
    public required KeyspaceSettings Settings { get; init; }

    /// <summary>
    /// The shards by <see cref="ShardPlacement.FirstSlot"/>, the first one at 0; of a range keyspace by
    /// <see cref="ShardPlacement.Start"/>, the first one's empty. What the settings said at its creation is not asked again.
    /// </summary>
    [Id(4)]
    public required ShardPlacement[] Shards { get; init; }

    /// <summary>The keyspace was deleted: its replicas are to be retired.</summary>
    [Id(5)]
    public bool Deleted { get; init; }

    /// <summary>Whether its shards have no leader: each replica takes reads and writes.</summary>
    public bool IsLeaderless => Settings.Replication != ReplicationKind.Raft;

    /// <summary>Whether each of its shards owns an interval of keys.</summary>
    public bool IsRange => Settings.Distribution == DistributionKind.Range;

    /// <summary>The shard that is being split off from this one; null where none is.</summary>
    public ShardPlacement? FormingFrom(long shardId) =>
        Array.Find(Shards, shard => shard.SplitFrom == shardId && shard.IsForming);

    /// <summary>Whether some shard has fewer replicas than wanted; those that are still joining do not count.</summary>
    public bool UnderReplicated =>
        Array.Exists(Shards, shard => shard.Replicas.Count(replica => !replica.Joining) < Settings.Replicas);

    /// <summary>The position in <see cref="Shards"/> of the shard that owns the key.</summary>
    public int ShardIndexOf(ReadOnlySpan<byte> key)
    {
        delimiter ??= Encoding.UTF8.GetBytes(Settings.PartitionDelimiter ?? "");
        var isRange = IsRange;
        var slot = isRange ? 0 : KeyHash.SlotOf(key, delimiter);
        int low = 0,
            high = Shards.Length - 1;
        while (low < high)
        {
            var middle = (low + high + 1) >>> 1;
            var shard = Shards[middle];
            if (isRange ? shard.Start.AsSpan().SequenceCompareTo(key) <= 0 : shard.FirstSlot <= slot)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }
        return low;
    }
}
