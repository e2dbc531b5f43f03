using System.Runtime.InteropServices;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// The batches of writes that wait at a member: those that arrived and are not proposed yet, and those that have a place in
/// the log, in its order.
/// </summary>
/// <remarks>
/// Invariant: a write is answered with what the log says happened at its index in its term, or as unknown, never by guess.
/// Used by one thread at a time.
/// </remarks>
internal sealed class ProposedWrites(RaftCore core, ReplicaEffects effects)
{
    private readonly List<PendingWrite> gathered = [];
    private readonly Queue<PendingWrite> proposed = new();
    private readonly List<ReadOnlyMemory<byte>> payloads = [];
    private LogIndex lastProposed;
    private Term ownedIn;

    /// <summary>Writes that wait.</summary>
    public int Count => gathered.Count + proposed.Count;

    /// <summary>Whether some are to be proposed.</summary>
    public bool HasGathered => gathered.Count > 0;

    /// <summary>A batch arrived.</summary>
    public void Add(PendingWrite write)
    {
        gathered.Add(write);
        ClockMs = Math.Max(ClockMs, write.ClockMs);
    }

    /// <summary>The latest time that anybody has waited for, Unix milliseconds: a clock may have gone back since.</summary>
    public long ClockMs { get; private set; }

    /// <summary>Proposes what was gathered, all of it or nothing.</summary>
    /// <param name="stampMs">The time that the log gives it, Unix milliseconds.</param>
    /// <param name="rules">What the keyspace's settings say.</param>
    /// <param name="ownership">What the shard's state says it owns; null where it does not say so yet.</param>
    public void Propose(long stampMs, CommandRules rules, ShardOwnership? ownership)
    {
        var owned = ownership is null && ownedIn != core.Term ? rules.Ownership : null;
        if (owned is not null)
        {
            payloads.Add(ShardCommandCodec.EncodeOwnership(stampMs, owned));
        }
        var generation = (ownership ?? rules.Ownership)?.Generation ?? 0;
        var hasWrites = false;
        foreach (var write in gathered)
        {
            if (!write.IsClock)
            {
                hasWrites = true;
                payloads.Add(write.Encode(stampMs, rules, generation));
            }
        }
        if (!hasWrites)
        {
            payloads.Add(ShardCommandCodec.EncodeClock(stampMs));
        }
        var result = core.Propose(CollectionsMarshal.AsSpan(payloads));
        var last = result.FirstIndex.Value + (ulong)payloads.Count - 1;
        payloads.Clear();
        switch (result.Outcome)
        {
            case ProposeOutcome.Accepted:
                ownedIn = owned is null ? ownedIn : result.Term;
                Place(owned is null ? result.FirstIndex : result.FirstIndex.Next, new(last), result.Term);
                break;
            case ProposeOutcome.Overloaded:
                RefuseGathered(OutcomeKind.Overloaded, "Too much is proposed and not yet committed.");
                break;
            default:
                RefuseGathered(OutcomeKind.NotLeader, "This replica does not lead its shard, or is handing it over.");
                break;
        }
    }

    /// <summary>A command of the replica itself has got this place.</summary>
    public void Passed(LogIndex index)
    {
        ForgetOvertaken(index);
        lastProposed = index;
    }

    /// <summary>Refuses what was gathered.</summary>
    public void RefuseGathered(OutcomeKind kind, string detail)
    {
        foreach (var write in gathered)
        {
            effects.Refuse(write, kind, detail, core.Leader);
        }
        gathered.Clear();
    }

    /// <summary>The reads of the batch that this entry is, where somebody still waits for them.</summary>
    public PlacedReads? ReadsAt(in LogEntry entry) =>
        proposed.TryPeek(out var write) && write.Index == entry.Index && write.Term == entry.Term && !write.IsDone
            ? write.Reads
            : null;

    /// <summary>An entry was applied: who waited for it, and for what it replaced, is answered.</summary>
    public void CompleteUpTo(in LogEntry entry, in AppliedCommand applied)
    {
        while (proposed.TryPeek(out var write) && write.Index <= entry.Index)
        {
            proposed.Dequeue();
            if (write.Index == entry.Index && write.Term == entry.Term)
            {
                effects.WriteAnswers.Add((write, write.VerdictOf(applied)));
            }
            else
            {
                effects.Refuse(
                    write,
                    OutcomeKind.Unavailable,
                    "Another leader's entry took its place in the log: nothing was changed.",
                    core.Leader
                );
            }
        }
        RefuseOlderThan(entry.Term);
    }

    /// <summary>Who has waited beyond its deadline is answered.</summary>
    public void Expire(long nowMs)
    {
        foreach (var write in proposed)
        {
            if (write.DeadlineMs <= nowMs && !write.IsDone)
            {
                effects.Refuse(
                    write,
                    OutcomeKind.Unknown,
                    "No majority of the shard's replicas confirmed the write in time: it may still happen."
                );
            }
        }
    }

    /// <summary>
    /// Writes of a leadership that ended without a successor in reach. They stay where they are in the queue, and their
    /// entries in the log: whoever leads next may commit them.
    /// </summary>
    public void OutOfQuorum()
    {
        foreach (var write in proposed)
        {
            if (!write.IsDone)
            {
                effects.Refuse(
                    write,
                    OutcomeKind.Unknown,
                    "The shard lost its leader, and no majority of its replicas is in reach: the write may still happen."
                );
            }
        }
    }

    /// <summary>
    /// The state was replaced by an installed snapshot. What was proposed here at indexes that it contains may or may not
    /// be in it: nobody can tell any more.
    /// </summary>
    public void Restart(LogIndex installed)
    {
        while (proposed.TryPeek(out var write) && write.Index <= installed)
        {
            proposed.Dequeue();
            effects.Refuse(
                write,
                OutcomeKind.Unknown,
                "The log that would tell was replaced by a snapshot: it may have happened."
            );
        }
    }

    /// <summary>The replica stops: everybody who waits is told, writes in flight as unknown.</summary>
    public void Abandon(string reason)
    {
        foreach (var write in gathered)
        {
            effects.Refuse(write, OutcomeKind.Unavailable, reason);
        }
        foreach (var write in proposed)
        {
            effects.Refuse(write, OutcomeKind.Unknown, reason);
        }
        gathered.Clear();
        proposed.Clear();
    }

    /// <summary>Writes get the places from <paramref name="first"/> on; who waits for the time waits for the last of all.</summary>
    private void Place(LogIndex first, LogIndex last, Term term)
    {
        ForgetOvertaken(first);
        lastProposed = last;
        foreach (var write in gathered)
        {
            if (!write.IsClock)
            {
                Enqueue(write, first, term);
                first = first.Next;
            }
        }
        foreach (var write in gathered)
        {
            if (write.IsClock)
            {
                Enqueue(write, last, term);
            }
        }
        gathered.Clear();
    }

    private void Enqueue(PendingWrite write, LogIndex index, Term term)
    {
        write.Index = index;
        write.Term = term;
        proposed.Enqueue(write);
    }

    /// <summary>
    /// Writes of an earlier leadership of this member may still wait at places that are given anew now. Their entries are
    /// not in its log any more, but may be in others', and be committed yet.
    /// </summary>
    private void ForgetOvertaken(LogIndex first)
    {
        if (lastProposed < first)
        {
            return;
        }
        for (var count = proposed.Count; count > 0; count--)
        {
            var write = proposed.Dequeue();
            if (write.Index < first)
            {
                proposed.Enqueue(write);
            }
            else
            {
                effects.Refuse(
                    write,
                    OutcomeKind.Unknown,
                    "The leader lost its place in the log: the write may still happen."
                );
            }
        }
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
            effects.Refuse(
                write,
                OutcomeKind.Unavailable,
                "The shard has another leader, whose log is without the write: nothing was changed.",
                core.Leader
            );
        }
    }
}
