using Exapyte.Grains.Replicas.Raft;
using Exapyte.Operations;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Clusters;
using Exapyte.Storage.Stores;

namespace Exapyte.Simulation.Planted;

/// <summary>Each item of a batch is told what became of its neighbour.</summary>
internal sealed class OutcomesSwapped : Flaw
{
    public override OperationOutcome[] Told(OperationOutcome[] outcomes) => [.. outcomes.Reverse()];
}

/// <summary>A replica goes on reading the state that an installed snapshot has replaced.</summary>
internal sealed class ReplacedStoreRead : Flaw
{
    private readonly Dictionary<SimulatedReplica, IShardStore> first = new(ReferenceEqualityComparer.Instance);

    public override IShardStore ReadFrom(IShardStore store, ReadWay way, SimulatedReplica replica) =>
        first.TryAdd(replica, store) ? store : first[replica];
}

/// <summary>Between the question whether a snapshot is wanted and its install the consensus core hears what is durable.</summary>
internal sealed class PersistedWhileInstalling : Flaw
{
    public override void BeforeInput(ReplicaInput input, SimulatedReplica replica)
    {
        if (input is ReplicaInput.Logged logged && replica.Replica.IsInstalling && logged.Submission.Result.IsOk)
        {
            replica.Core.Persisted(logged.Submission.Write.WriteId);
        }
    }
}
