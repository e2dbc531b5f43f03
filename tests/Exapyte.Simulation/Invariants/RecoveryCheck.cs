using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// Whether what a node finds on its disk is what was durable, and perhaps the first few of the changes that were under way:
/// neither less nor anything else.
/// </summary>
internal static class RecoveryCheck
{
    public static bool TryMatch(DurableLog book, GroupLog found, out int survived)
    {
        List<LogRecordEntry> entries = [];
        var first = found.FirstIndex;
        var last = found.LastIndex;
        if (last >= first && found.Read(first, last, long.MaxValue, entries) != LogReadStatus.Ok)
        {
            survived = 0;
            return false;
        }
        var guess = book.Copy();
        for (survived = 0; ; survived++)
        {
            if (IsSame(guess, found, entries))
            {
                return true;
            }
            if (survived == book.UnderWay.Count)
            {
                return false;
            }
            guess.Assume(survived);
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
