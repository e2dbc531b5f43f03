using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Keyspaces;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Membership;

/// <summary>
/// Whether the shard is to be split: the map names the new shard and its replicas, one beside each of this shard's, and
/// whoever leads proposes the split until its own state shows it. Looks at a view and returns inputs, and does nothing else.
/// </summary>
internal sealed class ShardSplitting
{
    private long epoch;
    private ShardPlacement? parent;
    private ShardPlacement? child;

    /// <summary>A newer map.</summary>
    /// <param name="map">The map.</param>
    /// <param name="shard">The shard in it; null where it is without.</param>
    public void Want(KeyspaceMap map, ShardPlacement? shard)
    {
        epoch = map.Epoch;
        parent = shard;
        child = shard is null ? null : map.FormingFrom(shard.ShardId);
    }

    /// <summary>What is to be done: a leader proposes the split while it has not happened, and the group stays awake meanwhile.</summary>
    /// <param name="view">The replica.</param>
    public ReplicaInput? NextOf(ReplicaView view)
    {
        if (
            child is not { } wanted
            || view.Role != RaftRole.Leader
            || !view.TransferTarget.IsNone
            || view.HasPassed(wanted.Start)
        )
        {
            return null;
        }
        return MembersOf(view.Configuration) is { } members
            ? new ReplicaInput.ProposeSplit(
                new()
                {
                    StampMs = 0,
                    MapEpoch = epoch,
                    // A shard whose state does not say yet what it owns is told so by the entry before.
                    Generation = view.Ownership?.Generation ?? 1,
                    ConfigurationIndex = view.Configuration.Index,
                    Key = wanted.Start,
                    ChildShard = (ulong)wanted.ShardId,
                    Members = members,
                }
            )
            : ReplicaInput.StayAwake.Now;
    }

    /// <summary>Each member and who takes its place; null while the group is not as the map has it, or is changing.</summary>
    private SplitMember[]? MembersOf(Configuration configuration)
    {
        if (configuration.IsJoint || configuration.Members.Length != configuration.Voters.Length)
        {
            return null;
        }
        var members = new SplitMember[configuration.Voters.Length];
        for (var i = 0; i < members.Length; i++)
        {
            var voter = configuration.Voters[i];
            var node = Array.Find(parent!.Replicas, one => (ulong)one.ReplicaId == voter.Value)?.Node;
            if (Array.Find(child!.Replicas, one => one.Node == node) is not { } beside)
            {
                return null;
            }
            members[i] = new(voter, new((ulong)beside.ReplicaId));
        }
        return members.Length == child!.Replicas.Length ? members : null;
    }
}
