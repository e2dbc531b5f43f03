using Exapyte.Raft;
using Exapyte.Storage.Stores;
using Exapyte.Topology;

namespace Exapyte.Grains.Replicas;

internal sealed partial class RaftReplica
{
    /// <inheritdoc/>
    public string? WaitsFor =>
        Problem.Length > 0 || !loop.Core.Leader.IsNone || loop.IsOutOfQuorum || !IsVoter ? null
        : !loop.Core.MayCampaign ? "the control plane has not confirmed yet that its replicas still exist"
        : "its shards are choosing a leader";

    /// <inheritdoc/>
    /// <remarks>
    /// Read without stopping the loop: each number is right by itself, but they may be of moments a few microseconds apart.
    /// </remarks>
    public ReplicaStatus Status()
    {
        var core = loop.Core;
        var configuration = core.Configuration;
        return new()
        {
            ReplicaId = Identity.ReplicaId,
            Node = node.NodeId,
            Role =
                Problem.Length == 0 ? RoleOf(core, configuration)
                : servesReads ? "read-only"
                : "stopped",
            Term = core.Term.Value,
            LeaderReplicaId = (long)core.Leader.Value,
            LastIndex = core.LastIndex.Value,
            CommitIndex = core.CommitIndex.Value,
            AppliedIndex = loop.Machine.Store.AppliedIndex,
            Revision = loop.Machine.Revision,
            Entries = CountEntries(),
            Problem = Problem,
            MapEpoch = map?.Epoch ?? 0,
            Voters = IdsOf(configuration.Voters.Union(configuration.OutgoingVoters)),
            Scrub = lastScrub,
            Learners = IdsOf(configuration.Learners.Union(configuration.LearnersNext)),
        };
    }

    private long CountEntries()
    {
        try
        {
            return loop.Machine.Store.ApproximateCount;
        }
        catch (StoreFailedException failure)
        {
            Met(failure);
            return 0;
        }
    }

    private static long[] IdsOf(IEnumerable<MemberId> members) => [.. members.Select(member => (long)member.Value)];

    private static string RoleOf(RaftCore core, Configuration configuration) =>
        core.Role switch
        {
            RaftRole.Leader => "leader",
            RaftRole.Follower when !configuration.IsVoter(core.Id) => "learner",
            RaftRole.Follower => "follower",
            _ => "candidate",
        };
}
