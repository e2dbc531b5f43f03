using System.Collections.Concurrent;
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

    /// <summary>Log or store found no space and have not yet found some again. Writes are refused before they begin.</summary>
    public bool IsDiskFull => Log.Health.Condition == LogCondition.DiskFull || Disk.IsFull;

    /// <summary>What keeps the node from taking writes.</summary>
    public required NodeHealth Health { get; init; }

    /// <summary>The node's clock for leaderless writes.</summary>
    public required HybridClock Clock { get; init; }

    /// <summary>Messages to other nodes.</summary>
    public required PeerTransport Peers { get; init; }

    /// <summary>Which nodes were heard of lately.</summary>
    public required NodePresence Presence { get; init; }

    /// <summary>References to grains.</summary>
    public required IGrainFactory Grains { get; init; }

    /// <summary>The wall clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Loggers.</summary>
    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>Snapshots that the node may send at one time.</summary>
    public SemaphoreSlim SnapshotSlots { get; } = new(4, 4);

    /// <summary>
    /// Prefixes in the store that no replica uses any more. Their entries go with the next round of upkeep, when no read
    /// that began before can still be looking at them.
    /// </summary>
    public ConcurrentQueue<ulong> Disused { get; } = new();

    /// <summary>Issues prefixes in the store.</summary>
    public required StorePrefixes Prefixes { get; init; }

    /// <summary>How replicas are run.</summary>
    public required ReplicaOptions Options { get; init; }
}
