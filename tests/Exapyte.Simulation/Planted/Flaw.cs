using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Log;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Stores;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using LogIndex = Exapyte.Raft.LogIndex;

namespace Exapyte.Simulation.Planted;

/// <summary>
/// The places at which a bug can be planted. This one plants none: everything passes as it is. A harness that has never
/// failed proves nothing, so there is a subclass for every mistake it must be able to find.
/// </summary>
internal class Flaw
{
    public static readonly ReplicaOptions Options = new();

    public static Flaw None { get; } = new();

    /// <summary>The store behind a state machine.</summary>
    public virtual IShardStore StoreOf(ModelShard shard, SimulatedReplica replica) => shard;

    /// <summary>The store that a read is answered from.</summary>
    public virtual IShardStore ReadFrom(IShardStore store, ReadWay way, SimulatedReplica replica) => store;

    /// <summary>What a caller is told.</summary>
    public virtual OperationOutcome[] Told(OperationOutcome[] outcomes) => outcomes;

    /// <summary>The time by which a lease is judged when somebody reads.</summary>
    public virtual long LeaseClockUs(SimulatedReplica replica) => replica.Node.MonotonicUs;

    /// <summary>The time by which a read judges what has expired.</summary>
    public virtual long ReadClockMs(long stampMs, SimulatedReplica replica) => stampMs;

    /// <summary>Has entries removed that have ended, as <see cref="RaftReplica.Sweep"/> does.</summary>
    public virtual void Sweep(SimulatedReplica replica)
    {
        if (
            replica.View is { Role: RaftRole.Leader, IsHeldUp: false, IsStuck: false }
            && replica.Shard.FindExpired(replica.NowMs, 10) is { Count: > 0 } ended
        )
        {
            replica.World.Tally.Count(Happening.Sweeps);
            replica.Post(new ReplicaInput.Sweep(ended));
        }
    }

    /// <summary>The files of a node's log.</summary>
    public virtual IFiles FilesOf(IFiles files, SimulatedNode node) => files;

    public virtual RaftCore CreateCore(SimulatedReplica replica, ShardStateMachine machine, GroupLog log, ulong seed) =>
        new(
            replica.World.Limits.Within(ReplicaStart.OptionsOf(replica.Identity, Options, seed)) with
            {
                LeaseDuration = LeaseUs(replica),
            },
            ReplicaStart.Recover(replica.Identity, machine, log)
        )
        {
            MayCampaign = false,
        };

    /// <summary>How long a lease lasts, on the leader's clock; 0: there are none.</summary>
    public virtual long LeaseUs(SimulatedReplica replica) => replica.World.LeaseUs;

    /// <summary>What is handed to the log.</summary>
    public virtual void Alter(GroupAppend append, SimulatedReplica replica) { }

    /// <summary>It has been handed over.</summary>
    public virtual void Submitted(ReplicaLogWriter.Submission submission, SimulatedReplica replica) { }

    /// <summary>Whether the end of a log write is told, and how.</summary>
    public virtual bool Passes(ref LogAppendResult result, SimulatedReplica replica) => true;

    public virtual ReplicaInput Alter(ReplicaInput input, SimulatedReplica replica) =>
        MessageOf(input) is { } message ? new ReplicaInput.Message(AlterReceived(message, replica)) : input;

    public virtual RaftMessage AlterReceived(RaftMessage message, SimulatedReplica replica) => message;

    public virtual void BeforeInput(ReplicaInput input, SimulatedReplica replica) { }

    public virtual void AfterInput(ReplicaInput input, SimulatedReplica replica) { }

    /// <summary>The mailbox is empty; these callers wait.</summary>
    public virtual void AfterWork(SimulatedReplica replica, List<ClientCall> waiting) { }

    public virtual void ReadArrived(ClientCall call, SimulatedReplica replica) { }

    /// <summary>A message on its way out; null keeps it in.</summary>
    public virtual RaftMessage? AlterSent(RaftMessage message, SimulatedReplica replica) => message;

    public virtual SnapshotPart Alter(SnapshotPart part) => part;

    public virtual void FlushForSnapshot(SimulatedNode node) => node.Flush();

    public virtual void StoreCrashed(SimulatedNode node) { }

    /// <summary>The prefix in a node's store that a new replica gets.</summary>
    public virtual ulong PrefixOf(ulong issued) => issued;

    /// <summary>What a starting node is told that its log holds.</summary>
    public virtual NodeLogRecovery Alter(NodeLogRecovery recovery) => recovery;

    /// <summary>A replica's log was told to let its entries go through an index.</summary>
    public virtual void Compacted(SimulatedReplica replica, LogIndex through) { }

    public virtual void BeforeConfiguration(SimulatedReplica leader) { }

    /// <summary>Up to where a replica's log is told to let its entries go.</summary>
    public virtual (ulong Through, ulong Term) AlterCompaction(ulong through, ulong term, SimulatedReplica replica) =>
        (through, term);

    /// <summary>The message that an input is; null where it is none.</summary>
    public static RaftMessage? MessageOf(ReplicaInput input) => (input as ReplicaInput.Message)?.Content;

    /// <summary>A message as it is, but for its term.</summary>
    protected static RaftMessage WithTerm(RaftMessage message, Term term) => Copy(message, message.From, term);

    protected static RaftMessage Copy(
        RaftMessage message,
        MemberId from,
        Term term,
        bool? reject = null,
        LogIndex? commit = null
    ) =>
        new()
        {
            Kind = message.Kind,
            From = from,
            To = message.To,
            Term = term,
            Index = message.Index,
            LogTerm = message.LogTerm,
            Commit = commit ?? message.Commit,
            Entries = message.Entries,
            Reject = reject ?? message.Reject,
            RejectHint = message.RejectHint,
            Force = message.Force,
            Context = message.Context,
        };
}
