using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// Whether what a node finds on its disk is what was durable, and perhaps the first few of the changes that were under way:
/// neither less nor anything else. Groups that share a log share its order: no change survives that came behind one of
/// another group that did not.
/// </summary>
internal sealed class RecoveryCheck
{
    private long lastSurvivor;
    private long firstLost = long.MaxValue;

    /// <summary>What became of a group's changes under way; after the last group <see cref="RequireOneOrder"/>.</summary>
    public void Saw(DurableLog book, int survived, int survivedAtMost)
    {
        for (var i = 0; i < survived; i++)
        {
            // The record of a snapshot frees space, and goes ahead of what finds the disk full.
            lastSurvivor = book.UnderWay[i].IsSnapshot ? lastSurvivor : Math.Max(lastSurvivor, book.UnderWay[i].Order);
        }
        if (survivedAtMost < book.UnderWay.Count)
        {
            firstLost = Math.Min(firstLost, book.UnderWay[survivedAtMost].Order);
        }
    }

    public void RequireOneOrder() =>
        History.Require(
            lastSurvivor < firstLost,
            "survived-out-of-order",
            $"change {lastSurvivor} of a node's log is there, {firstLost} is not"
        );

    /// <param name="book">What must be there.</param>
    /// <param name="found">What is there.</param>
    /// <param name="survived">The fewest of the changes under way that explain it.</param>
    /// <param name="survivedAtMost">The most: a change may leave everything as it was.</param>
    public static bool TryMatch(DurableLog book, GroupLog found, out int survived, out int survivedAtMost)
    {
        List<LogRecordEntry> entries = [];
        survived = survivedAtMost = -1;
        var first = found.FirstIndex;
        var last = found.LastIndex;
        if (last >= first && found.Read(first, last, long.MaxValue, entries) != LogReadStatus.Ok)
        {
            return false;
        }
        var guess = book.Copy();
        for (var i = 0; ; i++)
        {
            if (IsSame(guess, found, entries))
            {
                survived = survived < 0 ? i : survived;
                survivedAtMost = i;
            }
            if (i == book.UnderWay.Count)
            {
                return survived >= 0;
            }
            guess.Assume(i);
        }
    }

    private static bool IsSame(DurableLog book, GroupLog found, List<LogRecordEntry> entries)
    {
        var state = found.State;
        if (
            state.Term != book.State.Term.Value
            || state.Vote != book.State.Vote.Value
            || state.Commit != book.State.Commit.Value
            || found.LastIndex != book.Last
            || found.CompactedIndex < book.BaseIndex
            || found.CompactedIndex > book.CompactedAtMost
            || (found.CompactedIndex > 0 && book.TermAt(found.CompactedIndex) != found.CompactedTerm)
        )
        {
            return false;
        }
        foreach (var entry in entries)
        {
            var own = book.EntryAt(entry.Index);
            if (
                own.Term.Value != entry.Term
                || (byte)own.Kind != entry.Kind
                || !own.Payload.Span.SequenceEqual(entry.Payload.Span)
            )
            {
                return false;
            }
        }
        return true;
    }
}
