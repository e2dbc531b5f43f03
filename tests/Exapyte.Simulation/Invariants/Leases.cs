using Exapyte.Raft;
using Exapyte.Simulation.Clusters;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// A lease is the promise that nobody else leads (thesis, section 6.4.1): while one holds, by the clock of whoever holds it,
/// there is no leader of a newer term.
/// </summary>
internal static class Leases
{
    /// <summary>Whether a read may be answered alone here and now.</summary>
    public static bool Holds(SimulatedReplica replica) =>
        CoreDoor.LeaderOf(replica.Core) is { } leader && leader.HoldsLease(replica.World.Flaw.LeaseClockUs(replica));

    /// <summary>Somebody was elected: no lease of an older term may still hold.</summary>
    public static void RequireNoneBefore(RaftCore elected, SimulatedGroup group)
    {
        foreach (var replica in group.Running())
        {
            History.Require(
                replica.Core.Term >= elected.Term || replica.Problem.Length > 0 || !Holds(replica),
                "lease-outlived",
                $"{elected.Id} leads {elected.Term} while {replica.Id} may still read alone in {replica.Core.Term}"
            );
        }
    }

    /// <summary>Others lead a newer term: this leader of an older one may not read alone.</summary>
    public static void RequireLost(SimulatedReplica replica) =>
        History.Require(
            !Holds(replica),
            "lease-outlived",
            $"{replica.Id} may read alone in {replica.Core.Term} although term {replica.Group.History.NewestLedTerm} has a leader"
        );
}
