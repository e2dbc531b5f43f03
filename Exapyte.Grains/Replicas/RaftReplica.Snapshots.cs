using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
using Exapyte.Storage.Log;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// Snapshots (paper, section 7). The order of an install: all parts under a new prefix, flush, ask the core whether it is
/// still wanted, make the record in the log durable, and only then swap the store and tell the core. Between the question
/// and the swap the replica takes no other input, for what it acknowledged in between would be thrown away.
/// </summary>
internal sealed partial class RaftReplica
{
    private readonly SnapshotSender sender;
    private readonly SnapshotReceiver receiver;
    private bool isInstalling;

    private GroupId Group => new((ulong)Identity.ReplicaId);

    private void SendSnapshot(SnapshotRequest request)
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
                new SnapshotSource(loop.Machine, term, loop.Core.Configuration),
                received => Post(replica => EndSending(replica, request.To, index, received))
            )
        )
        {
            loop.Core.SnapshotFailed(request.To);
        }
    }

    private Term? TermOfApplied(LogIndex index) => log.TermAt(index.Value) is { } term ? new Term(term) : null;

    private static void EndSending(ReplicaLoop replica, MemberId to, LogIndex index, bool received)
    {
        if (received)
        {
            replica.Core.SnapshotSent(to, index);
        }
        else
        {
            replica.Core.SnapshotFailed(to);
        }
    }

    private void TakePart(ReplicaLoop replica, SnapshotPart part, long fromReplica)
    {
        var head = part.Head;
        if (isInstalling)
        {
            return;
        }
        if (!replica.Core.WantsSnapshot(new(head.Index), new(head.Term)))
        {
            receiver.Drop();
            Answer(fromReplica, new(head.SnapshotId, part.Number + 1, SnapshotReplyStatus.Done));
            return;
        }
        var next = receiver.Take(part, out var received);
        if (received is null)
        {
            Answer(fromReplica, new(head.SnapshotId, next, SnapshotReplyStatus.Wanted));
            return;
        }
        _ = FlushAndInstall(received, fromReplica);
    }

    private async Task FlushAndInstall(SnapshotReceiver.Received received, long fromReplica)
    {
        await Task.Yield();
        try
        {
            node.Disk.Flush();
            Post(replica => Install(replica, received, fromReplica));
        }
        catch (Exception exception)
        {
            // Not flushed, so not received: the leader sends another one once the disk is well.
            LogSnapshotNotInstalled(Identity.ReplicaId, exception.Message);
            Post(_ => receiver.Drop());
            Answer(fromReplica, new(received.Head.SnapshotId, 0, SnapshotReplyStatus.Refused));
        }
    }

    private void Install(ReplicaLoop replica, SnapshotReceiver.Received received, long fromReplica)
    {
        var head = received.Head;
        if (!replica.Core.WantsSnapshot(new(head.Index), new(head.Term)))
        {
            receiver.Drop();
            Answer(fromReplica, new(head.SnapshotId, int.MaxValue, SnapshotReplyStatus.Done));
            return;
        }
        isInstalling = true;
        var installed = new LogCompletion("The install of a snapshot");
        node.Log.SnapshotInstalled(Group, received.Prefix, head.Index, head.Term, head.Configuration, installed);
        _ = FinishWhenDurable(installed.Task, received, fromReplica);
    }

    private async Task FinishWhenDurable(Task durable, SnapshotReceiver.Received received, long fromReplica)
    {
        try
        {
            await durable;
            Post(replica => Finish(replica, received, fromReplica));
        }
        catch (ReplicaFailedException failure)
        {
            Post(_ =>
            {
                isInstalling = false;
                receiver.Drop();
                if (node.Log.Health.Condition == LogCondition.Failed)
                {
                    Fail(failure.Message);
                }
            });
        }
    }

    private void Finish(ReplicaLoop replica, SnapshotReceiver.Received received, long fromReplica)
    {
        var head = received.Head;
        if (!ConfigurationCodec.TryDecode(head.Configuration.Span, out var configuration))
        {
            throw new ReplicaFailedException("The configuration of an installed snapshot is damaged.");
        }
        var replaced = StorePrefix;
        StorePrefix = received.Prefix;
        replica.Restart(new(received.Store));
        replica.Core.SnapshotInstalled(new(head.Index), new(head.Term), configuration);
        receiver.Installed();
        isInstalling = false;
        node.Disused.Enqueue(replaced);
        LogSnapshotInstalled(Identity.ReplicaId, head.Index);
        Answer(fromReplica, new(head.SnapshotId, int.MaxValue, SnapshotReplyStatus.Done));
    }

    private void Answer(long toReplica, SnapshotReply reply)
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

    [LoggerMessage(LogLevel.Information, "Replica {ReplicaId} has installed a snapshot of index {Index}")]
    private partial void LogSnapshotInstalled(long replicaId, ulong index);

    [LoggerMessage(LogLevel.Warning, "Replica {ReplicaId} could not install a snapshot: {Reason}")]
    private partial void LogSnapshotNotInstalled(long replicaId, string reason);
}
