using Exapyte.Grains.Nodes;
using Exapyte.Raft;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// How much of the log is forgotten. Never what the store does not hold safely; and of the rest a leader keeps what a
/// follower still needs (a floor for slow followers), for else one that needs a snapshot would find the log behind
/// it gone again each time it had installed one. A follower that stays behind must not fill the disk: beyond a bound the
/// log goes on without it, and it gets a snapshot. Decides and does nothing else.
/// </summary>
internal sealed class LogRetention(GroupLog log, ReplicaOptions options)
{
    /// <summary>What the log may let go; null where there is nothing to gain.</summary>
    /// <param name="view">The replica.</param>
    /// <param name="progress">What it knows of the members, if it leads; else empty.</param>
    /// <param name="snapshotsUnderWay">The index that each member is being sent a snapshot of.</param>
    public ReplicaEffect.CompactLog? Find(
        ReplicaView view,
        List<FollowerProgress> progress,
        Dictionary<MemberId, LogIndex> snapshotsUnderWay
    )
    {
        var applied = view.AppliedIndex.Value;
        if (applied <= log.FirstIndex + CountKept(applied))
        {
            return null;
        }
        var safe = Math.Min(view.Store.ReadFlushedIndex(), applied);
        var kept = CountKept(safe);
        if (safe <= log.FirstIndex + kept)
        {
            return null;
        }
        var through = safe - kept;
        var needed = LowestNeeded(view, progress, snapshotsUnderWay).Value;
        if (needed < through && MayHold(needed, through))
        {
            if (needed <= log.CompactedIndex)
            {
                return null;
            }
            through = needed;
        }
        return log.TermAt(through) is { } term ? new(new(through), new(term)) : null;
    }

    /// <summary>Entries kept up to an index: so many, and so many bytes of them.</summary>
    private ulong CountKept(ulong through) =>
        log.CountWithin(through, options.LogBytesKept, (ulong)options.LogEntriesKept);

    private bool MayHold(ulong needed, ulong through)
    {
        var held = through - needed;
        return held <= options.LogEntriesHeldMax && log.CountWithin(through, options.LogBytesHeldMax, held) == held;
    }

    /// <summary>Up to here every follower has the log, or is being sent a snapshot that contains it.</summary>
    private static LogIndex LowestNeeded(
        ReplicaView view,
        List<FollowerProgress> progress,
        Dictionary<MemberId, LogIndex> snapshotsUnderWay
    )
    {
        var lowest = view.AppliedIndex;
        foreach (var follower in progress)
        {
            if (follower.Member == view.Id)
            {
                continue;
            }
            var has = follower.State switch
            {
                ReplicationState.Replicate => follower.Match,
                ReplicationState.Snapshot => snapshotsUnderWay.GetValueOrDefault(follower.Member, lowest),
                _ => follower.Next.Previous,
            };
            lowest = has < lowest ? has : lowest;
        }
        return lowest;
    }
}
