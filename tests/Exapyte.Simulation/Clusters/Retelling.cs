using Exapyte.Raft;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Clusters;

/// <summary>
/// A leader may say any part of its log again at any time, from an earlier place and cut where it likes (Raft paper, figure 2):
/// a follower takes it without harm. Ours begins nearly always where the logs part, so that the others must be made.
/// </summary>
internal static class Retelling
{
    private const int EntriesBackMax = 8;
    private const int EntriesMax = 3;

    /// <summary>Another part of the sender's log for whom this append is meant; null where it has none.</summary>
    public static RaftMessage? Of(RaftMessage append, RaftCore core, Chance chance)
    {
        var log = CoreDoor.LogOf(core);
        var earliest = Math.Max(append.Index.Value, log.First.Value - 1 + EntriesBackMax) - EntriesBackMax;
        if (earliest > append.Index.Value)
        {
            return null;
        }
        var previous = new LogIndex((ulong)chance.Between((long)earliest, (long)append.Index.Value));
        if (log.TermAt(previous) is not { } term || log.Read(previous.Next, long.MaxValue) is not { } entries)
        {
            return null;
        }
        return new()
        {
            Kind = RaftMessageKind.Append,
            From = append.From,
            To = append.To,
            Term = append.Term,
            Index = previous,
            LogTerm = term,
            Commit = append.Commit,
            Entries = entries[..Math.Min(entries.Length, chance.Below(EntriesMax + 1))],
        };
    }
}
