using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Topology;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Nodes;

/// <summary>What the replicas of a node share.</summary>
internal sealed record NodeServices
{
    private ComparisonBudget? comparing;
    private PushBudget? pushes;
    private NodeQuotas? quotas;
    private MemoryBudget? memory;
    private ChangeBroadcast? changes;

    /// <summary>The node's id.</summary>
    public required string NodeId { get; init; }

    /// <summary>The id of its data folder: the origin of the writes stamped here.</summary>
    public required ulong StoreId { get; init; }

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

    /// <summary>
    /// The hosted replicas that must be replaced. Whoever meets damage records it here, and the control plane is told.
    /// </summary>
    public required DamagedReplicas Damaged { get; init; }

    /// <summary>Reads states for scrubs.</summary>
    public required NodeScrubber Scrubber { get; init; }

    /// <summary>The node's instruments.</summary>
    public required NodeMeter Meter { get; init; }

    /// <summary>What the other nodes' clocks show, and so what this one's is worth.</summary>
    public required PeerClocks Clocks { get; init; }

    /// <summary>The node's clock for leaderless writes.</summary>
    public required HybridClock Clock { get; init; }

    /// <summary>Messages to other nodes.</summary>
    public required PeerTransport Peers { get; init; }

    /// <summary>Which nodes were heard of lately.</summary>
    public required NodePresence Presence { get; init; }

    /// <summary>The other nodes of the cluster that are alive now.</summary>
    public required Func<IReadOnlyList<string>> OtherNodes { get; init; }

    /// <summary>Whether the node can be counted on, as far as is known: the cluster has it alive and it is heard of.</summary>
    public bool IsInReach(string node) => Peers.IsAlive(node) && !Presence.IsOutOfReach(node);

    /// <summary>Word of new leaders and maps, for the client of this process.</summary>
    public required NodeNews News { get; init; }

    /// <summary>References to grains.</summary>
    public required IGrainFactory Grains { get; init; }

    /// <summary>The wall clock.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>Loggers.</summary>
    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>Snapshots that the node may send at one time.</summary>
    public SemaphoreSlim SnapshotSlots { get; } = new(4, 4);

    /// <summary>What comparing and copying leaderless replicas may use of the node at one time.</summary>
    public ComparisonBudget Comparing => LazyInitializer.EnsureInitialized(ref comparing, () => new(Options));

    /// <summary>What the shards of keyspaces with a quota hold.</summary>
    public NodeQuotas Quotas => LazyInitializer.EnsureInitialized(ref quotas, () => new(this));

    /// <summary>Tells those who keep entries what has changed.</summary>
    public ChangeBroadcast Changes => LazyInitializer.EnsureInitialized(ref changes, () => new(this));

    /// <summary>Prefixes in the store that no replica uses any more.</summary>
    public DisusedPrefixes Disused { get; } = new();

    /// <summary>Replicas that splits have made and that are not started yet.</summary>
    public ShardBirths Births { get; } = new();

    /// <summary>What the replicas whose state is in memory may take together.</summary>
    public MemoryBudget Memory => LazyInitializer.EnsureInitialized(ref memory, () => new(Options.MemoryBytesMax));

    /// <summary>What writes that wait to be pushed may take of the node's memory.</summary>
    public PushBudget Pushes => LazyInitializer.EnsureInitialized(ref pushes, () => new(Options.Push.NodeBytesMax));

    /// <summary>States of shards that are kept for readers.</summary>
    public required PinnedSnapshots Pinned { get; init; }

    /// <summary>Issues prefixes in the store.</summary>
    public required StorePrefixes Prefixes { get; init; }

    /// <summary>How replicas are run.</summary>
    public required ReplicaOptions Options { get; init; }

    /// <summary>Why a write that has not begun must not begin here; null where it may.</summary>
    /// <param name="storage">Where the keyspace's state is: in memory nothing of it needs space.</param>
    public OperationOutcome? RefusalOfWrites(StorageKind storage) =>
        Log.Health switch
        {
            { Condition: LogCondition.Failed, Reason: var reason } => OperationOutcome.Of(
                OutcomeKind.Unavailable,
                $"The node's log has failed: {reason}"
            ),
            _ when IsDiskFull && storage == StorageKind.Disk => OperationOutcome.Of(
                OutcomeKind.DiskFull,
                "The disk of this node is full: nothing was changed. Free space on it; reads go on."
            ),
            _ => null,
        };
}
