using Exapyte.Grains.Replicas;
using Exapyte.Keyspaces;
using Exapyte.Storage.Log;
using Exapyte.Storage.Node;
using Exapyte.Storage.Stores;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Hosting;

/// <summary>
/// Opens the node's store: after a rescue where it broke before, and with an empty one in its place where it cannot be
/// opened at all but peers hold what was in it. Then every replica on it is to be replaced.
/// </summary>
internal sealed partial class StoreOpening(DataFolder folder, StoreRescue rescue, ILogger logger)
{
    /// <summary>Opens it.</summary>
    /// <param name="recovery">The replicas that the log knows.</param>
    /// <param name="hasPeers">Whether shards that are placed here have replicas elsewhere.</param>
    /// <returns>The store, and the replicas whose state it does not have any more.</returns>
    /// <exception cref="StoreDamagedException">It cannot be opened, and nobody else has what was in it.</exception>
    public (DiskStore Store, IReadOnlyList<UnreadableShard> Unreadable) Run(NodeLogRecovery recovery, bool hasPeers)
    {
        if (rescue.Reason is null)
        {
            try
            {
                return (DiskStore.Open(folder.StorePath, new()), []);
            }
            catch (StoreDamagedException damage) when (hasPeers)
            {
                rescue.Mark(damage.Message);
            }
        }
        var unreadable = Rescue(recovery, hasPeers);
        return (DiskStore.Open(folder.StorePath, new()), unreadable);
    }

    private IReadOnlyList<UnreadableShard> Rescue(NodeLogRecovery recovery, bool hasPeers)
    {
        LogRescues(rescue.Reason!);
        var prefixes = recovery
            .Groups.Where(group => group is { Quarantined: null, Descriptor.IsEmpty: false })
            .Select(group => (group.Snapshot, Identity: ReplicaIdentity.FromBytes(group.Descriptor.Span)))
            .Where(replica => replica.Identity.Storage == StorageKind.Disk)
            .Select(replica => replica.Snapshot?.Prefix ?? replica.Identity.StorePrefix)
            .ToArray();
        var unreadable = rescue.Run(prefixes, new(), canBeEmpty: hasPeers);
        LogRescued(prefixes.Length - unreadable.Count, prefixes.Length);
        return unreadable;
    }

    [LoggerMessage(
        LogLevel.Critical,
        "The node's store is broken and is rescued: what can be read is copied into a new one. It had met: {Reason}"
    )]
    private partial void LogRescues(string reason);

    [LoggerMessage(LogLevel.Warning, "The node's store is rescued, with {Whole} of {All} replicas")]
    private partial void LogRescued(int whole, int all);
}
