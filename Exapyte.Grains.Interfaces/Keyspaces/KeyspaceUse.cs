namespace Exapyte.Keyspaces;

/// <summary>How much is held.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.usage")]
public readonly record struct Usage
{
    /// <summary>Creates what so many entries of so many bytes are.</summary>
    public Usage(long entries, long bytes)
    {
        Entries = entries;
        Bytes = bytes;
    }

    /// <summary>Entries.</summary>
    [Id(0)]
    public long Entries { get; init; }

    /// <summary>The bytes of their keys and values.</summary>
    [Id(1)]
    public long Bytes { get; init; }

    /// <summary>Both together.</summary>
    public static Usage operator +(Usage left, Usage right) =>
        new(left.Entries + right.Entries, left.Bytes + right.Bytes);

    /// <summary>What is left of one without the other.</summary>
    public static Usage operator -(Usage left, Usage right) =>
        new(left.Entries - right.Entries, left.Bytes - right.Bytes);
}

/// <summary>How much a replica holds of its shard, as it counts for a quota.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.shard-use")]
public sealed record ShardUse
{
    /// <summary>The shard.</summary>
    [Id(0)]
    public required long ShardId { get; init; }

    /// <summary>Raft: the log index up to which it has applied; of two replicas the one that is further knows better.</summary>
    [Id(1)]
    public ulong AppliedIndex { get; init; }

    /// <summary>What it holds.</summary>
    [Id(2)]
    public Usage Usage { get; init; }
}

/// <summary>What a keyspace holds, as its replicas tell it.</summary>
public static class KeyspaceUse
{
    /// <summary>
    /// What each shard holds by what its replicas say, by shard id; a shard of which none spoke is missing. In a raft keyspace
    /// whoever has applied most is right: whoever acknowledged a write has applied it. Without a leader it is the replica in the
    /// middle: a write that a majority holds shows in it, and one that is late does not.
    /// </summary>
    /// <param name="replication">The keyspace's replication.</param>
    /// <param name="replicas">What the replicas say, in any order.</param>
    public static IDictionary<long, Usage> ByShard(ReplicationKind replication, IEnumerable<ShardUse> replicas) =>
        replicas
            .GroupBy(replica => replica.ShardId)
            .ToDictionary(
                shard => shard.Key,
                shard =>
                    replication == ReplicationKind.Raft ? shard.MaxBy(one => one.AppliedIndex)!.Usage : Middle(shard)
            );

    private static Usage Middle(IEnumerable<ShardUse> replicas)
    {
        long[] entries = [.. replicas.Select(replica => replica.Usage.Entries).Order()];
        long[] bytes = [.. replicas.Select(replica => replica.Usage.Bytes).Order()];
        return new(entries[entries.Length / 2], bytes[bytes.Length / 2]);
    }
}
