using Exapyte.Raft;
using Exapyte.Simulation.Clusters;

namespace Exapyte.Simulation.Invariants;

/// <summary>What must hold of a member after every input, seen from inside: whoever waits for the harm may wait for long.</summary>
internal static class CoreChecks
{
    /// <summary>What a member calls durable is on its disk, term by term: a late completion vouches for nothing newer.</summary>
    public static void RequireStableIsDurable(SimulatedReplica replica)
    {
        var stable = replica.Core.DurableIndex;
        var book = replica.Book;
        if (HasNoLog(replica) || replica.Replica.IsInstalling || stable.Value <= book.BaseIndex)
        {
            // The book may know of an installed snapshot before the core does.
            return;
        }
        var term = CoreDoor.LogOf(replica.Core).TermAt(stable);
        History.Require(
            book.TermAt(stable.Value) == term?.Value,
            "stable-not-durable",
            $"{replica.Id} calls {stable} of term {term} durable, on disk is ({book.BaseIndex}, {book.Last}] "
                + $"with term {book.TermAt(stable.Value)} there"
        );
    }

    /// <summary>
    /// What a member calls durable of its hard state is on its disk. What is committed counts too: whoever has an entry behind
    /// a configuration and has forgotten that this is committed asks voters that have been replaced.
    /// </summary>
    public static void RequireHardStateIsDurable(SimulatedReplica replica)
    {
        if (HasNoLog(replica))
        {
            return;
        }
        var called = CoreDoor.MemberOf(replica.Core).Durable;
        var written = replica.Log.State;
        History.Require(
            written.Term > called.Term.Value
                || (
                    written.Term == called.Term.Value
                    && (called.Vote.Value == 0 || written.Vote == called.Vote.Value)
                    && Math.Max(written.Commit, replica.AppliedAtStart.Value) >= called.Commit.Value
                ),
            "hard-state-not-durable",
            $"{replica.Id} calls {called} durable, on disk is {written}"
        );
    }

    /// <summary>
    /// One that is retired has no log any more, and one whose log has met a flipped bit has none either, of which the core
    /// hears a moment later.
    /// </summary>
    private static bool HasNoLog(SimulatedReplica replica) =>
        replica.Problem.Length > 0 || replica.Log.Quarantined is not null;

    /// <summary>
    /// Nobody stands for election while a committed configuration waits to be applied: it would count votes by one that the
    /// group has left.
    /// </summary>
    public static void RequireAppliedByCandidate(RaftCore core)
    {
        if (core.Role is not (RaftRole.PreCandidate or RaftRole.Candidate) || core.AppliedIndex >= core.CommitIndex)
        {
            return;
        }
        foreach (var entry in CoreDoor.LogOf(core).Read(core.AppliedIndex.Next, long.MaxValue) ?? [])
        {
            History.Require(
                entry.Index > core.CommitIndex || entry.Kind != EntryKind.Configuration,
                "stands-by-old-configuration",
                $"{core.Id} is {core.Role} in {core.Term} with {core.AppliedIndex} applied, and the configuration at "
                    + $"{entry.Index} is committed"
            );
        }
    }
}
