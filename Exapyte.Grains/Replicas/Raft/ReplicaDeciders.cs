using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Membership;
using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Keyspaces;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// What decides for a replica about leaders, members and the log, by the newest map. Each decider looks at a view and says
/// what is to be done; none does it. Used by one thread at a time.
/// </summary>
internal sealed class ReplicaDeciders(RaftReplicaParts parts)
{
    private readonly LeaderPlacement placement = new(parts.Options.LeaderCheckTicks);
    private readonly MembershipReconciler membership = new(parts.Options.LeaderCheckTicks);
    private readonly ShardSplitting splitting = new();
    private readonly UsageCounting counting = new();
    private readonly LogRetention retention = new(parts.Log, parts.Options);
    private readonly Dictionary<MemberId, LogIndex> snapshotsUnderWay = [];
    private readonly List<FollowerProgress> progress = [];
    private long mapEpoch = -1;

    /// <summary>What the settings of the keyspace say of commands.</summary>
    public CommandRules Rules { get; private set; }

    /// <summary>Whether the keyspace has a quota.</summary>
    public bool HasQuota => Rules.Limits is not null;

    /// <summary>Whether nodes keep entries of the keyspace, and are to be told what changes.</summary>
    public bool TellsChanges { get; private set; }

    /// <summary>The leader that the map prefers; none where no map is known.</summary>
    public MemberId Preferred => placement.Preferred;

    /// <summary>Decides by this map from now on; an older one than it has is passed over.</summary>
    /// <param name="map">The map.</param>
    /// <param name="view">The replica.</param>
    /// <returns>Whether there is something to do for the group, so that it must not sleep.</returns>
    public bool UseMap(KeyspaceMap map, ReplicaView view)
    {
        if (map.Epoch < mapEpoch)
        {
            return false;
        }
        mapEpoch = map.Epoch;
        TellsChanges = map.Settings.Cache is not null;
        Rules = CommandRules.Of(map, parts.Identity.ShardId);
        var shard = Array.Find(map.Shards, shard => shard.ShardId == parts.Identity.ShardId);
        MemberId[] wanted = [.. shard?.Replicas.Select(replica => new MemberId((ulong)replica.ReplicaId)) ?? []];
        placement.Preferred = wanted.FirstOrDefault();
        splitting.Want(map, shard);
        return membership.Want(wanted, view, ReadProgress()) is not null | splitting.NextOf(view) is not null;
    }

    /// <summary>A tick has passed: what is to be done next; null for nothing.</summary>
    /// <param name="view">The replica.</param>
    /// <param name="nowMs">The node's time, Unix milliseconds.</param>
    public ReplicaInput? Tick(ReplicaView view, long nowMs)
    {
        ReadProgress();
        return placement.NextOf(view, progress, parts.Wire)
            ?? membership.NextOf(view, progress)
            ?? splitting.NextOf(view)
            ?? counting.NextOf(view, nowMs, mapEpoch)
            ?? (view.HasIndexWork ? ReplicaInput.AdvanceIndexes.Now : null);
    }

    /// <summary>To whom the replica hands leadership over; null where it has none, or nobody could take it.</summary>
    public MemberId? SuccessorOf(ReplicaView view) => LeaderPlacement.SuccessorOf(view, ReadProgress(), parts.Wire);

    /// <summary>What the log may let go; null for nothing.</summary>
    public ReplicaEffect.CompactLog? Compact(ReplicaView view) =>
        retention.Find(view, ReadProgress(), snapshotsUnderWay);

    /// <summary>Somebody else leads.</summary>
    public void LeadershipChanged() => membership.LookSoon();

    /// <summary>A member is being sent a snapshot of this index.</summary>
    public void SnapshotBegins(MemberId to, LogIndex index) => snapshotsUnderWay[to] = index;

    /// <summary>It is not any more.</summary>
    public void SnapshotEnded(MemberId to) => snapshotsUnderWay.Remove(to);

    private List<FollowerProgress> ReadProgress()
    {
        parts.Core.ReadProgress(progress);
        return progress;
    }
}
