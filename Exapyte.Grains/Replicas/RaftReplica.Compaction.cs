using Exapyte.Raft;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// How much of the log is forgotten. Never what the store does not hold safely; and of the rest a leader keeps what a
/// follower still needs (DESIGN: a floor for slow followers), for else one that needs a snapshot would find the log behind
/// it gone again each time it had installed one. A follower that stays behind must not fill the disk: beyond a bound the
/// log goes on without it, and it gets a snapshot.
/// </summary>
internal sealed partial class RaftReplica
{
    private readonly List<FollowerProgress> lag = [];
    private readonly Dictionary<MemberId, LogIndex> snapshotsUnderWay = [];

    /// <inheritdoc/>
    public void Compact()
    {
        if (loop.Machine.Store.AppliedIndex > log.FirstIndex + (ulong)node.Options.LogEntriesKept)
        {
            Post(CompactInLoop);
        }
    }

    private void CompactInLoop(ReplicaLoop replica)
    {
        var kept = (ulong)node.Options.LogEntriesKept;
        if (!ReplicaStart.TryFindCompaction(replica.Machine.Store, log, kept, out var through, out var term))
        {
            return;
        }
        var needed = LowestNeeded(replica.Core);
        if (needed < through && through.Value - needed.Value <= node.Options.LogEntriesHeldMax)
        {
            if (needed.Value <= log.CompactedIndex || TermOfApplied(needed) is not { } termThere)
            {
                return;
            }
            (through, term) = (needed, termThere);
        }
        node.Log.Compact(Group, through.Value, term.Value);
    }

    /// <summary>Up to here every follower has the log, or is being sent a snapshot that contains it.</summary>
    private LogIndex LowestNeeded(RaftCore core)
    {
        var lowest = core.AppliedIndex;
        core.ReadProgress(lag);
        foreach (var follower in lag)
        {
            if (follower.Member == core.Id)
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
