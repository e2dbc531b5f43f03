using System.Net;
using Exapyte.Gateway.Hosting;
using Exapyte.Hosting.Clustering;

namespace Exapyte.Silo.Settings;

/// <summary>What this process was asked to be: validated, immutable, complete before anything is opened.</summary>
internal sealed record SiloSettings
{
    public required string NodeId { get; init; }

    /// <summary>Absolute path.</summary>
    public required string DataFolder { get; init; }

    public required HttpAddress Http { get; init; }

    public required int SiloPort { get; init; }

    public required int GatewayPort { get; init; }

    public required string Region { get; init; }

    public required string Zone { get; init; }

    /// <summary>How much the node is to carry beside the others, 1 to 100.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Whether replicas and leaders are spread evenly after nodes have come or gone, unasked.</summary>
    public bool AutoBalances { get; init; } = true;

    /// <summary>The address other nodes use; the silo and gateway ports are bound to it alone.</summary>
    public required IPAddress Advertise { get; init; }

    /// <summary>Who is let in, and how connections are secured.</summary>
    public SecuritySettings Security { get; init; } = new();

    /// <summary>The database of the cluster, or null for a single embedded node.</summary>
    public ClusterDatabase? Cluster { get; init; }

    /// <summary>Time between two scrubs of a raft group; zero: none.</summary>
    public TimeSpan ScrubInterval { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Bytes that all memory keyspaces take on this node, at most; null: a quarter of the memory there is.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>How far the clocks of the nodes may differ, in milliseconds.</summary>
    public int MaxClockSkewMs { get; init; } = 500;

    /// <summary>Most HTTP requests under way at once.</summary>
    public int RequestsMax { get; init; } = 1_024;

    /// <summary>After so long without a change whoever watches is told how far the changes have come.</summary>
    public TimeSpan ChangesHeartbeat { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the process starts anew in its own place once the others have voted the node out.</summary>
    public bool Rejoins { get; init; } = true;

    public LogLevel LogLevel { get; init; } = LogLevel.Information;

    /// <summary>The gateway's address as other nodes may pass it on: never a wildcard.</summary>
    public Uri PublishedHttp =>
        Http.Address.Equals(IPAddress.Any) || Http.Address.Equals(IPAddress.IPv6Any)
            ? (Http with { Address = Advertise }).ToUri()
            : Http.ToUri();
}
