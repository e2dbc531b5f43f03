using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Nodes;

/// <summary>What the replicas of a node share.</summary>
internal sealed record NodeServices
{
    /// <summary>The node's id.</summary>
    public required string NodeId { get; init; }

    /// <summary>The node's region.</summary>
    public required string Region { get; init; }

    /// <summary>The node's log.</summary>
    public required INodeLog Log { get; init; }

    /// <summary>The node's store on disk.</summary>
    public required DiskStore Disk { get; init; }

    /// <summary>The node's clock for leaderless writes.</summary>
    public required HybridClock Clock { get; init; }

    /// <summary>Messages to other nodes.</summary>
    public required PeerTransport Peers { get; init; }

    /// <summary>References to grains.</summary>
    public required IGrainFactory Grains { get; init; }

    /// <summary>The wall clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Loggers.</summary>
    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>How replicas are run.</summary>
    public required ReplicaOptions Options { get; init; }
}
