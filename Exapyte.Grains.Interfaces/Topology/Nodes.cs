namespace Exapyte.Topology;

/// <summary>What a node says of itself when it registers.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.node-registration")]
public sealed record NodeRegistration
{
    /// <summary>Stable id, the silo's name.</summary>
    [Id(0)]
    public required string Node { get; init; }

    /// <summary>The random id of its data folder.</summary>
    [Id(1)]
    public required ulong StoreId { get; init; }

    /// <summary>Region.</summary>
    [Id(2)]
    public required string Region { get; init; }

    /// <summary>Zone within the region.</summary>
    [Id(3)]
    public required string Zone { get; init; }

    /// <summary>Address of its REST gateway; empty where it serves none.</summary>
    [Id(4)]
    public string HttpAddress { get; init; } = "";

    /// <summary>Version of the software.</summary>
    [Id(5)]
    public string SoftwareVersion { get; init; } = "";

    /// <summary>The cluster that its data folder belongs to; 0 where it has belonged to none yet.</summary>
    [Id(6)]
    public ulong ClusterId { get; init; }

    /// <summary>Largest weight.</summary>
    public const int WeightMax = 100;

    /// <summary>How much it is to carry beside the other nodes, 1 to 100; 0 where it does not say: 1.</summary>
    [Id(7)]
    public int Weight { get; init; }
}

/// <summary>A registered node.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.node-info")]
public sealed record NodeInfo
{
    /// <summary>What it registered.</summary>
    [Id(0)]
    public required NodeRegistration Registration { get; init; }

    /// <summary>When it first registered, Unix milliseconds.</summary>
    [Id(1)]
    public required long FirstSeenMs { get; init; }

    /// <summary>When it last registered, Unix milliseconds.</summary>
    [Id(2)]
    public required long RegisteredMs { get; init; }

    /// <summary>Whether the cluster counts it as alive now.</summary>
    [Id(3)]
    public bool Alive { get; init; }

    /// <summary>
    /// The node epoch at which its data folder came to the cluster: replicas placed on the node before were of another
    /// folder and are never to be made in this one. 0 where that was not recorded.
    /// </summary>
    [Id(4)]
    public long SinceNodeEpoch { get; init; }

    /// <summary>Nothing new is to be placed on it, and what it holds is wanted elsewhere.</summary>
    [Id(5)]
    public bool Draining { get; init; }

    /// <summary>How much it is to carry beside the other nodes, at least 1.</summary>
    public int Weight => Math.Max(1, Registration.Weight);
}

/// <summary>The cluster's nodes at one epoch.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.topology")]
public sealed record ClusterTopology
{
    /// <summary>Rises with every change of the nodes.</summary>
    [Id(0)]
    public required long NodeEpoch { get; init; }

    /// <summary>The nodes, by id.</summary>
    [Id(1)]
    public required NodeInfo[] Nodes { get; init; }

    /// <summary>Rises with every activation of the control plane that changes something: which coordinator this is of.</summary>
    [Id(2)]
    public long CoordinatorEpoch { get; init; }

    /// <summary>Tells the cluster from every other, and what its gateways sign by; 0: no node has registered yet.</summary>
    [Id(3)]
    public ulong ClusterId { get; init; }
}
