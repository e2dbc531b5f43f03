using Exapyte.Operations;

namespace Exapyte.Grains.Replicas;

internal sealed partial class RaftReplica
{
    /// <summary>Keeps the state between two applied entries, so that it is the shard at one revision.</summary>
    private Task<ScanReply> Pin()
    {
        var pinned = new TaskCompletionSource<ScanReply>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(replica =>
        {
            var machine = replica.Machine;
            var liveAtMs = Math.Max(NowMs, machine.StampMs);
            pinned.SetResult(
                node.Pinned.Open(
                    Identity.ReplicaId,
                    machine.Store,
                    machine.Revision,
                    liveAtMs,
                    Identity.Life,
                    met => Condemn(met.Message)
                )
            );
        });
        return pinned.Task;
    }
}
