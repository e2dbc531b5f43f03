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
        var applied = loop.Machine.Store.AppliedIndex;
        if (applied > log.FirstIndex + CountKept(applied))
        {
            Post(CompactInLoop);
        }
    }

    private void CompactInLoop(ReplicaLoop replica)
    {
        var store = replica.Machine.Store;
        var kept = CountKept(Math.Min(store.ReadFlushedIndex(), store.AppliedIndex));
        if (!ReplicaStart.TryFindCompaction(store, log, kept, out var through, out var term))
        {
            return;
        }
        var needed = LowestNeeded(replica.Core);
        if (needed < through && MayHold(needed, through))
        {
            if (needed.Value <= log.CompactedIndex || TermOfApplied(needed) is not { } termThere)
            {
                return;
            }
            (through, term) = (needed, termThere);
        }
        node.Log.Compact(Group, through.Value, term.Value);
    }

    /// <summary>Entries kept up to an index: so many, and so many bytes of them.</summary>
    private ulong CountKept(ulong through) =>
        log.CountWithin(through, node.Options.LogBytesKept, (ulong)node.Options.LogEntriesKept);

    private bool MayHold(LogIndex needed, LogIndex through)
    {
        var held = through.Value - needed.Value;
        return held <= node.Options.LogEntriesHeldMax
            && log.CountWithin(through.Value, node.Options.LogBytesHeldMax, held) == held;
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
