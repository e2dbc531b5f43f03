using System.Runtime.ExceptionServices;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;

namespace Exapyte.Simulation.Clusters;

/// <summary>What the effects of a replica reach of its node, by events where production has threads.</summary>
internal sealed class SimulatedReplicaNode(SimulatedReplica replica) : IReplicaNode
{
    private World World => replica.World;

    public void FlushForSnapshot(SnapshotReceiver.Received received, long fromReplica) =>
        World.Add(
            replica.Node.DiskDelayUs(),
            EventKind.EndFault,
            replica.Node,
            new Action(() => Flush(received, fromReplica))
        );

    public void Installed(SnapshotHead head, ulong replacedPrefix)
    {
        World.Tally.Count(Happening.SnapshotsInstalled);
        World.Trace.Note($"{replica.Id} has installed a snapshot of {head.Index}");
        replica.Installed(head.Index);
        replica.Node.Disused(replacedPrefix);
    }

    public void KeysChanged(IReadOnlyList<ChangedKey> keys, ReplicaView view) =>
        throw new InvalidOperationException("Nobody keeps entries here.");

    public void Compare(ScrubPin pin) => pin.Dispose();

    public void BearChild(SplitCommand split, ulong storePrefix) =>
        throw new InvalidOperationException("Nobody splits a shard here.");

    public void Pin(PendingPin pending, ReplicaView view) =>
        throw new InvalidOperationException("Nobody asks for a pin here.");

    public void LeadershipChanged(ReplicaView view)
    {
        if (view.Role == RaftRole.Leader)
        {
            replica.Group.LeaderSeen(replica);
            var isPreferred = replica.Group.Wanted.Count > 0 && replica.Group.Wanted[0] == replica.Id;
            World.Tally[Happening.PreferredLeaders] += isPreferred ? 1 : 0;
        }
        World.Trace.Note($"{replica.Id} is {view.Role} in {view.Term}, leader {view.Leader}");
    }

    public void MembersChanging(Configuration from, ConfigurationChange change)
    {
        World.Trace.Note($"{replica.Id} changes {from} by {change}");
        World.Faults.AroundConfiguration(replica);
    }

    public void Failed(Exception cause, bool servesReads)
    {
        if (cause is ReplicaFailedException && replica.Node.MayFail)
        {
            replica.Node.ReplicaFailed(replica);
            return;
        }
        if (cause is RaftInvariantException or ReplicaFailedException or InvalidOperationException)
        {
            throw new ViolationException(
                "invariant",
                $"replica {replica.Id}, {replica.Core.Role} with {replica.Core.CommitIndex} of {replica.Core.LastIndex}: "
                    + cause.Message
            );
        }
        // A crash of the machine, or a rule that was broken.
        ExceptionDispatchInfo.Throw(cause);
    }

    public void Condemned(string reason) => World.Trace.Note($"{replica.Id} is damaged: {reason}");

    public void Degraded(string reason) => World.Trace.Note($"{replica.Id} is damaged and alone: {reason}");

    private void Flush(SnapshotReceiver.Received received, long fromReplica)
    {
        var fails = replica.Node.Disk.IsFull || (!World.IsHealed && World.Chance.OneIn(20));
        if (fails)
        {
            World.Tally.Count(Happening.SnapshotFlushesFailed);
        }
        else
        {
            World.Flaw.FlushForSnapshot(replica.Node);
        }
        replica.Post(new ReplicaInput.SnapshotFlushed(received, fromReplica, IsDurable: !fails));
    }
}
