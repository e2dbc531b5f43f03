using Exapyte.Raft;

namespace Exapyte.Simulation.Invariants;

/// <summary>Whether every quorum of one configuration shares a member with every quorum of the next.</summary>
internal static class Overlap
{
    public static bool IsSure(Configuration from, Configuration to)
    {
        if (from.IsJoint)
        {
            return !to.IsJoint && from.Voters.SequenceEqual(to.Voters);
        }
        if (to.IsJoint)
        {
            return from.Voters.SequenceEqual(to.OutgoingVoters);
        }
        var differing = from.Voters.Count(voter => !to.Voters.Contains(voter));
        differing += to.Voters.Count(voter => !from.Voters.Contains(voter));
        return differing <= 1;
    }
}
