using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
using Exapyte.Storage.Files;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// Snapshots (paper, section 7). The order of an install: all parts under a new prefix, flush, ask the core whether it is
/// still wanted, make the record in the log durable, and only then swap the store and tell the core. Between the question
/// and the swap the replica takes no other input, for what it acknowledged in between would be thrown away.
/// </summary>
internal sealed partial class ReplicaDriver
{
    private bool isInstalling;
    private ulong persistedMeanwhile;

    /// <summary>Takes a part of a snapshot that a leader sends.</summary>
    public void TakePart(SnapshotPart part, long fromReplica)
    {
        var head = part.Head;
        if (isInstalling || problem.Length > 0)
        {
            return;
        }
        if (!loop.Core.WantsSnapshot(new(head.Index), new(head.Term)))
        {
            receiver.Drop();
            outside.AnswerSnapshot(fromReplica, new(head.SnapshotId, part.Number + 1, SnapshotReplyStatus.Done));
            return;
        }
        SnapshotReceiver.Received? received;
        int next;
        try
        {
            next = receiver.Take(part, out received);
        }
        catch (IOException full) when (full is StoreFullException or DiskException { IsDiskFull: true })
        {
            // What came so far makes room, and the leader sends another one after a while.
            Refuse(head, fromReplica);
            return;
        }
        if (received is null)
        {
            outside.AnswerSnapshot(fromReplica, new(head.SnapshotId, next, SnapshotReplyStatus.Wanted));
            return;
        }
        outside.FlushForSnapshot(received, fromReplica);
    }

    /// <summary>The store that holds a received snapshot is flushed: install it, if it is still wanted.</summary>
    public void Install(SnapshotReceiver.Received received, long fromReplica)
    {
        var head = received.Head;
        if (!receiver.Holds(received))
        {
            return;
        }
        if (!loop.Core.WantsSnapshot(new(head.Index), new(head.Term)))
        {
            receiver.Drop();
            outside.AnswerSnapshot(fromReplica, new(head.SnapshotId, int.MaxValue, SnapshotReplyStatus.Done));
            return;
        }
        isInstalling = true;
        outside.RecordSnapshot(received, fromReplica);
    }

    /// <summary>
    /// The store could not be flushed, so nothing was received: the leader sends another one. One that has begun to come
    /// meanwhile stays.
    /// </summary>
    public void DropSnapshot(SnapshotReceiver.Received received, long fromReplica)
    {
        if (receiver.Holds(received))
        {
            Refuse(received.Head, fromReplica);
        }
    }

    /// <summary>The log has the record durably: the snapshot is the replica's state from now on.</summary>
    public void FinishInstall(SnapshotReceiver.Received received, long fromReplica)
    {
        var head = received.Head;
        if (!ConfigurationCodec.TryDecode(head.Configuration.Span, out var configuration))
        {
            throw new ReplicaFailedException("The configuration of an installed snapshot is damaged.");
        }
        var replaced = StorePrefix;
        StorePrefix = received.Prefix;
        loop.Restart(new(received.Store));
        loop.Core.SnapshotInstalled(new(head.Index), new(head.Term), configuration);
        receiver.Installed();
        writer.Restarted();
        EndInstall();
        outside.Installed(head, replaced);
        outside.AnswerSnapshot(fromReplica, new(head.SnapshotId, int.MaxValue, SnapshotReplyStatus.Done));
    }

    /// <summary>The log did not take the record.</summary>
    /// <param name="received">What was to be installed.</param>
    /// <param name="fromReplica">Who sent it.</param>
    /// <param name="reason">Why.</param>
    /// <param name="forGood">Whether it never will.</param>
    public void AbortInstall(SnapshotReceiver.Received received, long fromReplica, string reason, bool forGood)
    {
        EndInstall();
        if (forGood)
        {
            // The record may be on the disk all the same, and then the snapshot is what the replica starts from.
            Fail(reason);
            return;
        }
        Refuse(received.Head, fromReplica);
    }

    private void Refuse(SnapshotHead head, long fromReplica)
    {
        receiver.Drop();
        outside.AnswerSnapshot(fromReplica, new(head.SnapshotId, 0, SnapshotReplyStatus.Refused));
    }

    /// <summary>
    /// A write is durable. While a snapshot is installed the core must not hear of it: a candidate would become leader by
    /// its own vote, and a leader takes no snapshot.
    /// </summary>
    private void Persisted(ulong writeId)
    {
        if (isInstalling)
        {
            persistedMeanwhile = writeId;
            return;
        }
        loop.Persisted(writeId);
    }

    private void EndInstall()
    {
        isInstalling = false;
        if (persistedMeanwhile > 0)
        {
            loop.Persisted(persistedMeanwhile);
            persistedMeanwhile = 0;
        }
    }
}
