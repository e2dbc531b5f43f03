namespace Exapyte.Keyspaces;

/// <summary>How a keyspace is replicated.</summary>
public enum ReplicationKind : byte
{
    /// <summary>Linearizable: one Raft group a shard.</summary>
    Raft = 0,

    /// <summary>Leaderless and synchronous: W + R &gt; N.</summary>
    Quorum = 1,

    /// <summary>Leaderless, acknowledged by one replica, converges.</summary>
    Async = 2,
}

/// <summary>How a keyspace's keys are spread over shards.</summary>
public enum DistributionKind : byte
{
    /// <summary>By a stable hash of the key.</summary>
    Hash = 0,

    /// <summary>By the order of keys: each shard owns those from its start on, up to where the next one begins.</summary>
    Range = 1,
}

/// <summary>Where a keyspace's replicas keep their entries.</summary>
public enum StorageKind : byte
{
    /// <summary>On disk, durable.</summary>
    Disk = 0,

    /// <summary>In memory: lost when every holder restarts together.</summary>
    Memory = 1,
}

/// <summary>The settings document of a keyspace. Immutable.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.settings")]
public sealed record KeyspaceSettings
{
    /// <summary>Shards where none are asked for.</summary>
    public const int ShardsDefault = 8;

    /// <summary>Bytes at which a shard of a range keyspace is split where none are asked for.</summary>
    public const long SplitBytesDefault = 512L << 20;

    /// <summary>How it is replicated. Fixed at creation.</summary>
    [Id(0)]
    public ReplicationKind Replication { get; init; }

    /// <summary>Wanted replicas of each shard, 1 to 9; with fewer nodes as many as there are.</summary>
    [Id(1)]
    public int Replicas { get; init; } = 3;

    /// <summary>Quorum keyspaces: replicas that must hold a write; null: a majority of the placed ones.</summary>
    [Id(2)]
    public int? WriteQuorum { get; init; }

    /// <summary>Quorum keyspaces: replicas that a read asks; null: a majority of the placed ones.</summary>
    [Id(3)]
    public int? ReadQuorum { get; init; }

    /// <summary>How keys are spread. Fixed at creation.</summary>
    [Id(4)]
    public DistributionKind Distribution { get; init; }

    /// <summary>
    /// Number of shards, 1 to 1,024. Fixed at creation. Left as it is for range keyspaces, which <see cref="SplitKeys"/> part.
    /// </summary>
    [Id(5)]
    public int Shards { get; init; } = ShardsDefault;

    /// <summary>Where entries are kept. Fixed at creation.</summary>
    [Id(6)]
    public StorageKind Storage { get; init; }

    /// <summary>Lifetime of entries that are put without one, in seconds; null: they stay.</summary>
    [Id(7)]
    public long? DefaultTtlSeconds { get; init; }

    /// <summary>
    /// A key is hashed through the first occurrence of this text only, so that related keys share a shard; null: whole
    /// keys are hashed. Fixed at creation.
    /// </summary>
    [Id(8)]
    public string? PartitionDelimiter { get; init; }

    /// <summary>For how long the outcome of a request id is remembered, in seconds of log time (raft keyspaces).</summary>
    [Id(9)]
    public int IdempotencyWindowSeconds { get; init; } = 600;

    /// <summary>
    /// For how long changes are kept for those who watch, in seconds of log time, 0 to 604,800; 0: none are kept. A shard keeps
    /// less where its changes take more than 64 MiB.
    /// </summary>
    [Id(10)]
    public int ChangeRetentionSeconds { get; init; } = 600;

    /// <summary>What it may hold; null: as much as the disks take.</summary>
    [Id(11)]
    public KeyspaceQuota? Quota { get; init; }

    /// <summary>
    /// Range keyspaces: where its shards are split when it is created, at most 1,023 keys; null: it begins as one shard. Fixed
    /// at creation; where they are split later the map says.
    /// </summary>
    [Id(12)]
    public SplitKeys? SplitKeys { get; init; }

    /// <summary>
    /// Range keyspaces: bytes from which on a shard is to be split, at least 64 KiB; null: <see cref="SplitBytesDefault"/>.
    /// </summary>
    [Id(13)]
    public long? SplitBytes { get; init; }

    /// <summary>What entries are found by beside their keys; null: nothing.</summary>
    [Id(15)]
    public KeyspaceIndexes? Indexes { get; init; }

    /// <summary>What nodes keep of it for reads that name their level; null: nothing.</summary>
    [Id(14)]
    public KeyspaceCache? Cache { get; init; }
}
