using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
using Exapyte.Storage.Log;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas;

/// <summary>What takes time about snapshots: streaming, flushing, waiting for the log. The order is the driver's.</summary>
internal sealed partial class RaftReplica
{
    private readonly SnapshotSender sender;

    private GroupId Group => new((ulong)Identity.ReplicaId);

    /// <inheritdoc/>
    public void SendSnapshot(SnapshotRequest request)
    {
        var to = (long)request.To.Value;
        var index = loop.Machine.Applied;
        if (
            peers.NodeOf(request.To) is not { } peerNode
            || !node.Peers.IsAlive(peerNode)
            || TermOfApplied(index) is not { } term
            || !sender.TryStart(
                to,
                peerNode,
                new SnapshotSource(loop.Machine, Random.Shared.NextInt64(), term, loop.Core.Configuration),
                received => Post(replica => EndSending(replica, request.To, index, received))
            )
        )
        {
            loop.Core.SnapshotFailed(request.To);
            return;
        }
        snapshotsUnderWay[request.To] = index;
    }

    /// <inheritdoc/>
    public void FlushForSnapshot(SnapshotReceiver.Received received, long fromReplica) =>
        _ = FlushAndInstall(received, fromReplica);

    /// <inheritdoc/>
    public void RecordSnapshot(SnapshotReceiver.Received received, long fromReplica)
    {
        var head = received.Head;
        var recorded = new LogCompletion("The install of a snapshot");
        node.Log.SnapshotInstalled(Group, received.Prefix, head.Index, head.Term, head.Configuration, recorded);
        _ = FinishWhenDurable(recorded.Task, received, fromReplica);
    }

    /// <inheritdoc/>
    public void Installed(SnapshotHead head, ulong replacedPrefix)
    {
        node.Disused.Add(replacedPrefix);
        LogSnapshotInstalled(Identity.ReplicaId, head.Index);
    }

    /// <inheritdoc/>
    public void AnswerSnapshot(long toReplica, SnapshotReply reply)
    {
        if (peers.NodeOf(new((ulong)toReplica)) is { } peerNode)
        {
            node.Peers.Send(
                peerNode,
                new()
                {
                    ToReplicaId = toReplica,
                    FromReplicaId = Identity.ReplicaId,
                    Kind = PeerMessageKind.SnapshotReply,
                    Payload = reply.Encode(),
                }
            );
        }
    }

    private Term? TermOfApplied(LogIndex index) => log.TermAt(index.Value) is { } term ? new Term(term) : null;

    private void EndSending(ReplicaLoop replica, MemberId to, LogIndex index, bool received)
    {
        snapshotsUnderWay.Remove(to);
        if (received)
        {
            replica.Core.SnapshotSent(to, index);
        }
        else
        {
            replica.Core.SnapshotFailed(to);
        }
    }

    private async Task FlushAndInstall(SnapshotReceiver.Received received, long fromReplica)
    {
        await Task.Yield();
        try
        {
            node.Disk.Flush();
            Post(_ => driver.Install(received, fromReplica));
        }
        catch (Exception exception)
        {
            // Not flushed, so not received: the leader sends another one once the disk is well.
            LogSnapshotNotInstalled(Identity.ReplicaId, exception.Message);
            Post(_ => driver.DropSnapshot(received, fromReplica));
        }
    }

    private async Task FinishWhenDurable(Task durable, SnapshotReceiver.Received received, long fromReplica)
    {
        try
        {
            await durable;
            Post(_ => driver.FinishInstall(received, fromReplica));
        }
        catch (ReplicaFailedException failure)
        {
            var forGood = node.Log.Health.Condition == LogCondition.Failed;
            LogSnapshotNotInstalled(Identity.ReplicaId, failure.Message);
            Post(_ => driver.AbortInstall(received, fromReplica, failure.Message, forGood));
        }
    }

    [LoggerMessage(LogLevel.Information, "Replica {ReplicaId} has installed a snapshot of index {Index}")]
    private partial void LogSnapshotInstalled(long replicaId, ulong index);

    [LoggerMessage(LogLevel.Warning, "Replica {ReplicaId} could not install a snapshot: {Reason}")]
    private partial void LogSnapshotNotInstalled(long replicaId, string reason);
}
