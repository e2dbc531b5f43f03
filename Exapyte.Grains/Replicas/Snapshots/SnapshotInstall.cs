using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Storage.Files;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Snapshots;

/// <summary>
/// The install of a snapshot (paper, section 7), in this order: all parts under a new prefix, flush, ask the core whether it
/// is still wanted, make the record in the log durable, and only then swap the store and tell the core. Between the question
/// and the swap the replica takes no other input, for what it acknowledged in between would be thrown away. Used by one
/// thread at a time, but for <see cref="Prefix"/>, which any may read.
/// </summary>
internal sealed class SnapshotInstall(RaftCore core, SnapshotReceiver receiver, ReplicaEffects effects)
{
    private ulong persistedMeanwhile;

    /// <summary>Whether the replica stands between the question and the swap.</summary>
    public bool IsUnderWay { get; private set; }

    /// <summary>Where the parts of a snapshot under way are; null while there is none.</summary>
    public ulong? Prefix => receiver.Prefix;

    /// <summary>Takes a part of a snapshot that a leader sends.</summary>
    public void Take(SnapshotPart part, long fromReplica)
    {
        var head = part.Head;
        if (!core.WantsSnapshot(new(head.Index), new(head.Term)))
        {
            receiver.Drop();
            Answer(fromReplica, new(head.SnapshotId, part.Number + 1, SnapshotReplyStatus.Done));
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
            Answer(fromReplica, new(head.SnapshotId, next, SnapshotReplyStatus.Wanted));
            return;
        }
        effects.Others.Enqueue(new ReplicaEffect.FlushForSnapshot(received, fromReplica));
    }

    /// <summary>
    /// The store that holds a received snapshot is flushed: it is recorded, if it is still here and wanted. Where it could not
    /// be flushed nothing was received: the leader sends another one.
    /// </summary>
    public void Flushed(SnapshotReceiver.Received received, long fromReplica, bool isDurable)
    {
        var head = received.Head;
        if (!receiver.Holds(received))
        {
            return;
        }
        if (!isDurable)
        {
            Refuse(head, fromReplica);
            return;
        }
        if (!core.WantsSnapshot(new(head.Index), new(head.Term)))
        {
            receiver.Drop();
            Answer(fromReplica, new(head.SnapshotId, int.MaxValue, SnapshotReplyStatus.Done));
            return;
        }
        IsUnderWay = true;
        effects.Others.Enqueue(new ReplicaEffect.RecordSnapshot(received, fromReplica));
    }

    /// <summary>The configuration that holds in a received snapshot.</summary>
    /// <exception cref="ReplicaFailedException">It is damaged.</exception>
    public static Configuration ConfigurationOf(SnapshotReceiver.Received received) =>
        ConfigurationCodec.TryDecode(received.Head.Configuration.Span, out var configuration)
            ? configuration
            : throw new ReplicaFailedException("The configuration of an installed snapshot is damaged.");

    /// <summary>The log has the record durably, and the store was swapped: the core goes on from the snapshot.</summary>
    public void Finish(
        SnapshotReceiver.Received received,
        long fromReplica,
        Configuration configuration,
        ulong replaced
    )
    {
        var head = received.Head;
        core.SnapshotInstalled(new(head.Index), new(head.Term), configuration);
        receiver.Installed();
        End();
        effects.Others.Enqueue(new ReplicaEffect.SnapshotInstalled(head, replaced));
        Answer(fromReplica, new(head.SnapshotId, int.MaxValue, SnapshotReplyStatus.Done));
    }

    /// <summary>The log did not take the record.</summary>
    /// <param name="received">What was to be installed.</param>
    /// <param name="fromReplica">Who sent it.</param>
    /// <param name="forGood">
    /// It never will: the record may be on the disk all the same, and then the snapshot is what the replica starts from.
    /// </param>
    public void Abort(SnapshotReceiver.Received received, long fromReplica, bool forGood)
    {
        End();
        if (!forGood)
        {
            Refuse(received.Head, fromReplica);
        }
    }

    /// <summary>A snapshot that this member sent has ended: the other one has it, or not.</summary>
    public void Ended(MemberId to, LogIndex index, bool isReceived)
    {
        if (isReceived)
        {
            core.SnapshotSent(to, index);
        }
        else
        {
            core.SnapshotFailed(to);
        }
    }

    /// <summary>
    /// A write is durable. While a snapshot is installed the core must not hear of it: a candidate would become leader by
    /// its own vote, and a leader takes no snapshot.
    /// </summary>
    public void Persisted(ulong writeId)
    {
        if (IsUnderWay)
        {
            persistedMeanwhile = writeId;
            return;
        }
        core.Persisted(writeId);
    }

    private void Refuse(SnapshotHead head, long fromReplica)
    {
        receiver.Drop();
        Answer(fromReplica, new(head.SnapshotId, 0, SnapshotReplyStatus.Refused));
    }

    private void Answer(long toReplica, SnapshotReply reply) =>
        effects.Others.Enqueue(new ReplicaEffect.AnswerPart(toReplica, reply));

    private void End()
    {
        IsUnderWay = false;
        if (persistedMeanwhile > 0)
        {
            core.Persisted(persistedMeanwhile);
            persistedMeanwhile = 0;
        }
    }
}
