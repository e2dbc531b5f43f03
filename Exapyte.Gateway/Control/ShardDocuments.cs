using System.Globalization;
using Exapyte.Client;
using Exapyte.Gateway.Http;
using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Gateway.Control;

/// <summary>The last comparison of a replica with its peers.</summary>
internal sealed record ScrubDocument(ulong Index, string At, string Outcome)
{
    public static ScrubDocument? Of(ScrubStatus? scrub) =>
        scrub is null ? null : new(scrub.Index, Timestamps.Rfc3339(scrub.AtMs), scrub.Outcome);
}

/// <summary>A replica of a shard. Revisions are text: they may not fit a JavaScript number.</summary>
internal sealed record ReplicaDocument(
    long Id,
    string Node,
    string Role,
    ulong Term,
    long? LeaderReplicaId,
    ulong LastIndex,
    ulong CommitIndex,
    ulong AppliedIndex,
    string Revision,
    long Entries,
    long PendingPushes,
    long EvictedEntries,
    long EvictedBytes,
    ScrubDocument? Scrub,
    string? Problem
)
{
    public static ReplicaDocument Of(ReplicaStatus status) =>
        new(
            status.ReplicaId,
            status.Node,
            status.Role,
            status.Term,
            status.LeaderReplicaId == 0 ? null : status.LeaderReplicaId,
            status.LastIndex,
            status.CommitIndex,
            status.AppliedIndex,
            status.Revision.ToString(CultureInfo.InvariantCulture),
            status.Entries,
            status.PendingPushes,
            status.EvictedEntries,
            status.EvictedBytes,
            ScrubDocument.Of(status.Scrub),
            status.Problem.Length == 0 ? null : status.Problem
        );
}

/// <summary>
/// A shard and its replicas. It has slots, or, in a range keyspace, the keys from its start on, up to its end: the first shard has no
/// start, the last one no end.
/// </summary>
internal sealed record ShardDocument(
    long Id,
    int? FirstSlot,
    int? LastSlot,
    string? Start,
    string? Start64,
    string? End,
    string? End64,
    long? Bytes,
    string? Leader,
    IReadOnlyList<ReplicaDocument> Replicas
)
{
    /// <param name="placements">All shards.</param>
    /// <param name="at">The position of the one that is meant.</param>
    /// <param name="replicas">Its replicas as they stand.</param>
    /// <param name="isRange">Whether shards have bounds instead of slots.</param>
    public static ShardDocument Of(
        ShardPlacement[] placements,
        int at,
        IReadOnlyList<ReplicaStatus> replicas,
        bool isRange
    )
    {
        var (start, start64) = SplitKeysReader.Shown(placements[at].Start);
        var (end, end64) = SplitKeysReader.Shown(ShardIntervals.EndOf(placements, at));
        var lastSlot = at + 1 < placements.Length ? placements[at + 1].FirstSlot - 1 : KeyHash.Slots - 1;
        return new(
            placements[at].ShardId,
            isRange ? null : placements[at].FirstSlot,
            isRange ? null : lastSlot,
            start,
            start64,
            end,
            end64,
            replicas.Max(replica => (long?)replica.Bytes),
            replicas.FirstOrDefault(replica => replica.Role == "leader")?.Node,
            [.. replicas.Select(ReplicaDocument.Of)]
        );
    }
}

/// <summary>GET K/shards.</summary>
internal sealed record ShardsDocument(
    string Keyspace,
    bool? UnderReplicated,
    int? Wanted,
    int? Placed,
    string? Why,
    IReadOnlyList<ShardDocument> Shards
)
{
    /// <param name="keyspace">The keyspace's name.</param>
    /// <param name="shards">Its shards as they stand.</param>
    /// <param name="settings">Its settings; null where they could not be read: then nothing is said of what they ask for.</param>
    public static ShardsDocument Of(string keyspace, IReadOnlyList<ShardStatus> shards, KeyspaceSettings? settings)
    {
        ShardPlacement[] placements = [.. shards.Select(shard => shard.Placement)];
        ReplicationState? replication = settings is null ? null : ReplicationState.Of(placements, settings.Replicas);
        // Without the settings a single shard of a range keyspace cannot be told from that of another.
        var isRange =
            settings?.Distribution == DistributionKind.Range
            || Array.Exists(placements, placement => placement.Start.Length > 0);
        return new(
            keyspace,
            replication?.UnderReplicated,
            replication?.Wanted,
            replication?.Placed,
            replication?.Why,
            [.. shards.Select((shard, at) => ShardDocument.Of(placements, at, shard.Replicas, isRange))]
        );
    }
}
