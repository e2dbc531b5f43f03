using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;
using Exapyte.Storage.Stores;

namespace Exapyte.Simulation.Planted;

/// <summary>A follower that has learned from which index it may answer does not wait until it has applied it.</summary>
internal sealed class FollowerReadBeforeApply : Flaw
{
    public override RaftMessage AlterReceived(RaftMessage message, SimulatedReplica replica) =>
        message is { Kind: RaftMessageKind.ReadIndexResponse, Reject: false }
            ? new()
            {
                Kind = message.Kind,
                From = message.From,
                To = message.To,
                Term = message.Term,
                Index = LogIndex.Min(message.Index, replica.Core.AppliedIndex),
                Context = message.Context,
            }
            : message;
}

/// <summary>A leader tells followers its commit index without asking whether it still leads.</summary>
internal sealed class ReadIndexUnproven : Flaw
{
    public override void AfterInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (
            MessageOf(input) is { Kind: RaftMessageKind.ReadIndexRequest } request
            && request.Term == replica.Core.Term
            && replica.Core.Role == RaftRole.Leader
        )
        {
            ((IReplicaWire)replica).Send(
                new()
                {
                    Kind = RaftMessageKind.ReadIndexResponse,
                    From = replica.Id,
                    To = request.From,
                    Term = replica.Core.Term,
                    Index = replica.Core.CommitIndex,
                    Context = request.Context,
                }
            );
        }
    }
}

/// <summary>A follower answers linearizable reads from what it has, without asking anybody.</summary>
internal sealed class FollowerReadUnasked : Flaw
{
    public override void ReadArrived(ClientCall call, SimulatedReplica replica)
    {
        if (call.Operation.Way == ReadWay.Anywhere && replica.Core.Role == RaftRole.Follower)
        {
            call.Read!.Complete(ReadVerdict.Ready);
        }
    }
}

/// <summary>A read without proof sees what was proposed and may never be committed.</summary>
internal sealed class EventualReadUncommitted : Flaw
{
    public override IShardStore ReadFrom(IShardStore store, ReadWay way, SimulatedReplica replica)
    {
        var isAhead = CoreDoor.LogOf(replica.Core).Last > replica.Core.AppliedIndex;
        return way == ReadWay.Eventual && isAhead ? DirtyStore.Of(replica.Shard, replica.Core) : store;
    }
}

/// <summary>Reads without proof go to whatever replica comes first: what the next one shows may be older.</summary>
internal sealed class EventualReadGoesBack : Flaw
{
    public override IShardStore ReadFrom(IShardStore store, ReadWay way, SimulatedReplica replica) =>
        way == ReadWay.Eventual ? replica.World.Chance.Of(replica.Group.Running().ToList()).Shard : store;
}
