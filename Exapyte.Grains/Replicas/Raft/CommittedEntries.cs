using Exapyte.Grains.Replicas.Commands;
using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// What is committed is applied in order, as far as the store has space. The rest waits, handed out by the core already,
/// until space has returned. Used by one thread at a time.
/// </summary>
internal sealed class CommittedEntries(RaftCore core, ProposedWrites writes, ReplicaEffects effects)
{
    private readonly Queue<LogEntry> unapplied = new();
    private bool mayApply = true;
    private Term appliedTerm;

    /// <summary>Entries that wait.</summary>
    public int Count => unapplied.Count;

    /// <summary>The store has no space for what is committed: it is tried again with every tick.</summary>
    public bool IsHeldUp { get; private set; }

    /// <summary>
    /// Whether all that was ever acknowledged is applied although more is committed: so it is where the only member of a
    /// group leads it and has applied an entry of its own term, for a write is acknowledged once it is applied here.
    /// </summary>
    public bool HoldsAllAcknowledged =>
        core.Role == RaftRole.Leader && core.Configuration.Members.Length == 1 && appliedTerm == core.Term;

    /// <summary>These follow those that came before.</summary>
    public void Add(List<LogEntry> entries)
    {
        foreach (var entry in entries)
        {
            unapplied.Enqueue(entry);
        }
    }

    /// <summary>Space may have returned to the store.</summary>
    public void TryAgain() => mayApply = true;

    /// <summary>A snapshot has taken the place of all of it.</summary>
    public void Restart()
    {
        unapplied.Clear();
        IsHeldUp = false;
    }

    /// <summary>Applies as much as the store has space for; false where that was nothing.</summary>
    /// <param name="machine">The state.</param>
    /// <param name="tellsChanges">Whether nodes are to be told which keys have changed.</param>
    public bool Apply(ShardStateMachine machine, bool tellsChanges)
    {
        var before = machine.Applied;
        while (mayApply && unapplied.TryPeek(out var entry))
        {
            var configuration = entry.Kind == EntryKind.Configuration ? core.ConfigurationAfter(entry) : null;
            List<ChangedKey>? changed = tellsChanges ? [] : null;
            AppliedCommand applied;
            try
            {
                applied = machine.Apply(entry, configuration, writes.ReadsAt(entry), changed);
            }
            catch (StoreFullException)
            {
                // For callers it stays held up until all of it is applied: a try alone makes no space.
                IsHeldUp = true;
                mayApply = false;
                break;
            }
            unapplied.Dequeue();
            appliedTerm = entry.Term;
            writes.CompleteUpTo(entry, applied);
            if (changed is { Count: > 0 })
            {
                effects.Others.Enqueue(new ReplicaEffect.KeysChanged(changed));
            }
            if (machine.LastScrub is { } scrub)
            {
                // Here and not later: the next entry changes what is to be compared.
                effects.Others.Enqueue(
                    new ReplicaEffect.CompareStates(new(scrub, entry.Index, machine.Store.ScanState()))
                );
            }
            if (machine.LastSplit is { } split)
            {
                effects.Others.Enqueue(new ReplicaEffect.BearChild(split));
            }
        }
        IsHeldUp &= unapplied.Count > 0;
        if (machine.Applied == before)
        {
            return false;
        }
        core.Applied(machine.Applied);
        return true;
    }
}
