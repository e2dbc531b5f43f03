using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Log;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// What can happen to a raft replica, as data: a closed set, so that production and simulator can do no more to a replica
/// than what is written here.
/// </summary>
internal abstract record ReplicaInput
{
    private ReplicaInput() { }

    /// <summary>A tick of the node's clock.</summary>
    public sealed record Tick : ReplicaInput
    {
        public static readonly Tick One = new();
    }

    /// <summary>Nothing else waits: what was gathered is proposed, written, sent, applied and answered.</summary>
    public sealed record Drained : ReplicaInput
    {
        public static readonly Drained Now = new();
    }

    /// <summary>A message of another member.</summary>
    public sealed record Message(RaftMessage Content) : ReplicaInput;

    /// <summary>A batch of writes. All that arrive before <see cref="Drained"/> are proposed at once.</summary>
    public sealed record Write(PendingWrite Pending) : ReplicaInput;

    /// <summary>A read. All that need a proof and arrive before <see cref="Drained"/> share one.</summary>
    public sealed record Read(PendingRead Pending) : ReplicaInput;

    /// <summary>A log write has come back, durable or not.</summary>
    public sealed record Logged(ReplicaLogWriter.Submission Submission) : ReplicaInput;

    /// <summary>The map that places the replica, and whether the control plane itself said that the replica still exists.</summary>
    public sealed record UseMap(KeyspaceMap Map, bool IsConfirmed) : ReplicaInput;

    /// <summary>The leader says that the group is at rest.</summary>
    public sealed record Rest(MemberId From, RestNotice Notice) : ReplicaInput;

    /// <summary>The leader's node has fallen silent, while the group sleeps.</summary>
    public sealed record LeaderSilent : ReplicaInput
    {
        public static readonly LeaderSilent Now = new();
    }

    /// <summary>Space may have returned to the store, while the group sleeps.</summary>
    public sealed record ApplyAgain : ReplicaInput
    {
        public static readonly ApplyAgain Now = new();
    }

    /// <summary>Something is left to do for the group: it does not sleep for a while.</summary>
    public sealed record StayAwake : ReplicaInput
    {
        public static readonly StayAwake Now = new();
    }

    /// <summary>The log may let go what nobody needs any more.</summary>
    public sealed record Compact : ReplicaInput
    {
        public static readonly Compact Now = new();
    }

    /// <summary>Give leadership to whoever is best able to take it.</summary>
    public sealed record HandOver : ReplicaInput
    {
        public static readonly HandOver Now = new();
    }

    /// <summary>Give leadership to this member.</summary>
    public sealed record TransferLeadership(MemberId To) : ReplicaInput;

    /// <summary>Change the group's configuration, if it is still the one of this index (0: whichever it is).</summary>
    public sealed record ChangeMembers(ConfigurationChange Change, LogIndex Expected) : ReplicaInput;

    /// <summary>Something that a leader puts into the log by itself; whoever does not lead passes it over.</summary>
    public abstract record LeaderCommand : ReplicaInput;

    /// <summary>Cut the shard, if it is still as it was; its stamp is given when it is proposed.</summary>
    public sealed record ProposeSplit(SplitCommand Split) : LeaderCommand;

    /// <summary>Have all members compare their states at one place of the log.</summary>
    public sealed record ProposeScrub(ulong ScrubId) : LeaderCommand;

    /// <summary>Remove these entries, which have ended by the node's clock.</summary>
    public sealed record Sweep(IReadOnlyList<byte[]> Keys) : LeaderCommand;

    /// <summary>The shard's indexes are not yet what they are to be: have the log say what comes next.</summary>
    public sealed record AdvanceIndexes : LeaderCommand
    {
        public static readonly AdvanceIndexes Now = new();
    }

    /// <summary>Keep the state between two applied entries for a reader.</summary>
    public sealed record Pin(PendingPin Pending) : ReplicaInput;

    /// <summary>A part of a snapshot that a leader sends.</summary>
    public sealed record PartArrived(SnapshotPart Part, long FromReplica) : ReplicaInput;

    /// <summary>The store that holds a received snapshot is flushed, or could not be.</summary>
    public sealed record SnapshotFlushed(SnapshotReceiver.Received Received, long FromReplica, bool IsDurable)
        : ReplicaInput;

    /// <summary>The log has the record of a received snapshot durably, or says why it has not.</summary>
    public sealed record SnapshotRecorded(SnapshotReceiver.Received Received, long FromReplica, string? Failure)
        : ReplicaInput;

    /// <summary>The sending of a snapshot has ended: the member has it, or not.</summary>
    public sealed record SnapshotSent(MemberId To, LogIndex Index, bool IsReceived) : ReplicaInput;

    /// <summary>What the replica holds was found damaged.</summary>
    public sealed record DamageFound(string Reason) : ReplicaInput;

    /// <summary>An effect could not be executed.</summary>
    public sealed record EffectFailed(Exception Cause) : ReplicaInput;

    /// <summary>The node lets the replica go: it takes no input any more and is not read.</summary>
    public sealed record Stop(string Reason, TaskCompletionSource? Stopped = null) : ReplicaInput;
}
