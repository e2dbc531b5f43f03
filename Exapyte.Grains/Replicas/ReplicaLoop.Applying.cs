using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// What is committed is applied in order, as far as the store has space. The rest waits, handed out by the core already,
/// until space has returned.
/// </summary>
internal sealed partial class ReplicaLoop
{
    private readonly Queue<LogEntry> unapplied = new();
    private volatile bool isHeldUp;
    private bool mayApply = true;
    private Term appliedTerm;

    /// <summary>The store has no space for what is committed: it is tried again with every tick. For any thread.</summary>
    public bool IsHeldUp => isHeldUp;

    /// <summary>
    /// Whether all that was ever acknowledged is applied although more is committed: so it is where the only member of a
    /// group leads it and has applied an entry of its own term, for a write is acknowledged once it is applied here.
    /// </summary>
    public bool HoldsAllAcknowledged =>
        core.Role == RaftRole.Leader && core.Configuration.Members.Length == 1 && appliedTerm == core.Term;

    /// <summary>Space may have returned to the store: what is committed is tried again with the next <see cref="Advance"/>.</summary>
    public void TryApplyAgain() => mayApply = true;

    /// <summary>Applies what is committed as far as the store has space; false where that was nothing.</summary>
    private bool Apply(ReplicaEffects outside)
    {
        var before = Machine.Applied;
        while (mayApply && unapplied.TryPeek(out var entry))
        {
            var configuration = entry.Kind == EntryKind.Configuration ? core.ConfigurationAfter(entry) : null;
            AppliedCommand applied;
            try
            {
                applied = Machine.Apply(entry, configuration, ReadsAt(entry));
            }
            catch (StoreFullException)
            {
                // For callers it stays held up until all of it is applied: a try alone makes no space.
                isHeldUp = true;
                mayApply = false;
                break;
            }
            unapplied.Dequeue();
            appliedTerm = entry.Term;
            CompleteUpTo(entry, applied);
            if (Machine.LastScrub is { } scrub)
            {
                // Here and not later: the next entry changes what is to be compared.
                outside.Scrubs.Add(new(scrub, entry.Index, Machine.Store.ScanState()));
            }
        }
        isHeldUp &= unapplied.Count > 0;
        if (Machine.Applied == before)
        {
            return false;
        }
        core.Applied(Machine.Applied);
        return true;
    }

    /// <summary>The reads of the batch that this entry is, where somebody still waits for them.</summary>
    private PlacedReads? ReadsAt(in LogEntry entry) =>
        proposed.TryPeek(out var write) && write.Index == entry.Index && write.Term == entry.Term && !write.IsDone
            ? write.Reads
            : null;

    private void CompleteUpTo(in LogEntry entry, in AppliedCommand applied)
    {
        while (proposed.TryPeek(out var write) && write.Index <= entry.Index)
        {
            proposed.Dequeue();
            if (write.Index == entry.Index && write.Term == entry.Term)
            {
                write.Applied(applied);
            }
            else
            {
                write.Refuse(
                    OutcomeKind.Unavailable,
                    "Another leader's entry took its place in the log: nothing was changed.",
                    core.Leader
                );
            }
        }
        RefuseOlderThan(entry.Term);
    }

    /// <summary>
    /// What was proposed in an earlier term than that of a committed entry, and at a later place, will never be committed:
    /// whoever leads from now on has that entry, and terms never fall along a log (paper, section 5.4.3).
    /// </summary>
    private void RefuseOlderThan(Term committed)
    {
        while (proposed.TryPeek(out var write) && write.Term < committed)
        {
            proposed.Dequeue();
            write.Refuse(
                OutcomeKind.Unavailable,
                "The shard has another leader, whose log is without the write: nothing was changed.",
                core.Leader
            );
        }
    }
}
