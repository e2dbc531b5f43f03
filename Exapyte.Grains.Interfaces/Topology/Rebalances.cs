namespace Exapyte.Topology;

/// <summary>How far one move of a rebalance is.</summary>
public enum MoveState : byte
{
    /// <summary>It has not begun.</summary>
    Pending = 0,

    /// <summary>The shard is taking the new replica in, or letting the old one go.</summary>
    Moving = 1,

    /// <summary>The new replica counts, and the old one is gone.</summary>
    Done = 2,

    /// <summary>The shard has changed otherwise in the meantime, or the node is gone: there is nothing to move any more.</summary>
    Skipped = 3,

    /// <summary>The rebalance was cancelled before it began, or it was undone.</summary>
    Cancelled = 4,
}

/// <summary>A replica of a shard that is wanted on another node.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.replica-move")]
public sealed record ReplicaMove
{
    /// <summary>The keyspace's name.</summary>
    [Id(0)]
    public required string Keyspace { get; init; }

    /// <summary>The shard's id.</summary>
    [Id(1)]
    public required long ShardId { get; init; }

    /// <summary>The node that has the replica.</summary>
    [Id(2)]
    public required string From { get; init; }

    /// <summary>The node that is to have it.</summary>
    [Id(3)]
    public required string To { get; init; }

    /// <summary>About how many bytes the shard held when the move was planned.</summary>
    [Id(4)]
    public long Bytes { get; init; }

    /// <summary>How far it is.</summary>
    [Id(5)]
    public MoveState State { get; init; }
}

/// <summary>Where a rebalance stands.</summary>
public enum RebalanceState : byte
{
    /// <summary>It is stored, and nothing has begun.</summary>
    Planned = 0,

    /// <summary>Its replicas move, a few at one time; then leaders are handed over.</summary>
    Running = 1,

    /// <summary>Nothing is left to do.</summary>
    Done = 2,

    /// <summary>It was cancelled. What had begun is finished or undone.</summary>
    Cancelled = 3,
}

/// <summary>What is to move so that nodes carry what their weight says.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.rebalance-plan")]
public sealed record RebalancePlan
{
    /// <summary>Replicas.</summary>
    [Id(0)]
    public ReplicaMove[] Moves { get; init; } = [];

    /// <summary>
    /// Leaders that are to be handed over to another replica of their shard. They are drawn up once no replica is left to
    /// move.
    /// </summary>
    [Id(1)]
    public ReplicaMove[] Leaders { get; init; } = [];

    /// <summary>Whether nothing is to move.</summary>
    public bool IsNothing => Moves.Length + Leaders.Length == 0;
}

/// <summary>A plan that is, or was, carried out.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.rebalance")]
public sealed record Rebalance
{
    /// <summary>Issued by the control plane, never reused.</summary>
    [Id(0)]
    public required long Id { get; init; }

    /// <summary>Where it stands.</summary>
    [Id(1)]
    public required RebalanceState State { get; init; }

    /// <summary>What is to move, and how far that is.</summary>
    [Id(2)]
    public required RebalancePlan Plan { get; init; }

    /// <summary>Whether the cluster began it by itself.</summary>
    [Id(3)]
    public bool Automatic { get; init; }

    /// <summary>When it was planned, Unix milliseconds.</summary>
    [Id(4)]
    public long CreatedMs { get; init; }

    /// <summary>When it was done or cancelled, Unix milliseconds; 0 before.</summary>
    [Id(5)]
    public long EndedMs { get; init; }

    /// <summary>Whether it is under way.</summary>
    public bool IsOpen => State is RebalanceState.Planned or RebalanceState.Running;
}

/// <summary>What a shard takes on a node.</summary>
/// <param name="KeyspaceId">The keyspace.</param>
/// <param name="ShardId">The shard.</param>
/// <param name="Bytes">About how many bytes the node's replica of it takes.</param>
[GenerateSerializer, Immutable, Alias("exapyte.shard-size")]
public readonly record struct ShardSize(
    [property: Id(0)] long KeyspaceId,
    [property: Id(1)] long ShardId,
    [property: Id(2)] long Bytes
);

/// <summary>What each of a node's replicas takes, and what there is room for.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.node-sizes")]
public sealed record NodeSizes
{
    /// <summary>The shards of which it has a replica.</summary>
    [Id(0)]
    public required ShardSize[] Shards { get; init; }

    /// <summary>Bytes that are free on the disk of its data folder.</summary>
    [Id(1)]
    public required long FreeBytes { get; init; }
}
