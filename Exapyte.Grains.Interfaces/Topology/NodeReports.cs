namespace Exapyte.Topology;

/// <summary>Where a node stands between joining the cluster and leaving it.</summary>
public enum NodeState : byte
{
    /// <summary>It returned with another data folder, and what the old one held is being retired.</summary>
    Joining = 0,

    /// <summary>It is alive.</summary>
    Up = 1,

    /// <summary>The cluster counts it as alive, but it does not answer.</summary>
    Suspect = 2,

    /// <summary>Nothing new is placed on it, and what it holds moves elsewhere.</summary>
    Draining = 3,

    /// <summary>It was drained and holds no replica any more: it may be removed.</summary>
    Drained = 4,

    /// <summary>It is not alive.</summary>
    Down = 5,

    /// <summary>It was removed, and its process has not ended yet.</summary>
    Removed = 6,
}

/// <summary>How a node stands.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.node-report")]
public sealed record NodeReport
{
    /// <summary>What is known of it.</summary>
    [Id(0)]
    public required NodeInfo Info { get; init; }

    /// <summary>Where it stands.</summary>
    [Id(1)]
    public required NodeState State { get; init; }

    /// <summary>
    /// Replicas that maps have on it, leaving ones included; null where not every keyspace could be asked.
    /// </summary>
    [Id(2)]
    public int? Replicas { get; init; }

    /// <summary>What it says of itself; null where it did not answer.</summary>
    [Id(3)]
    public NodeLoad? Load { get; init; }

    /// <summary>Why a drain does not go on, and what to do; empty where it does, and where there is none.</summary>
    [Id(4)]
    public string[] Reasons { get; init; } = [];
}

/// <summary>How the nodes stand.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.nodes-report")]
public sealed record NodesReport
{
    /// <summary>Rises with every change of the nodes.</summary>
    [Id(0)]
    public required long NodeEpoch { get; init; }

    /// <summary>The nodes, by id.</summary>
    [Id(1)]
    public required NodeReport[] Nodes { get; init; }
}

/// <summary>What a node carries, by its own word.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.node-load")]
public sealed record NodeLoad
{
    /// <summary>Raft shards that it leads.</summary>
    [Id(0)]
    public required int Leaders { get; init; }

    /// <summary>What the entries in its store take on disk, in bytes; what is not flushed yet is not counted.</summary>
    [Id(1)]
    public required long Bytes { get; init; }
}

/// <summary>What a keyspace has on one node.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.keyspace-on-node")]
public sealed record KeyspaceOnNode
{
    /// <summary>The node.</summary>
    [Id(0)]
    public required string Node { get; init; }

    /// <summary>Replicas that the keyspace's map has on it, leaving ones included.</summary>
    [Id(1)]
    public required int Replicas { get; init; }

    /// <summary>Why some of them cannot move away from it although it is draining; empty where they can, or need not.</summary>
    [Id(2)]
    public string[] Reasons { get; init; } = [];
}
