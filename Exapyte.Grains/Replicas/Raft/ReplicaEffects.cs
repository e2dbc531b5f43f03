using System.Collections.Immutable;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// All that a <see cref="RaftReplicaCore"/> asks for after an input, in the order in which it must be done: log, send, the
/// rest, answer. Good until the core's next step; who executes it empties it.
/// </summary>
internal sealed class ReplicaEffects
{
    /// <summary>First: hand these to the log, in order.</summary>
    public List<LogWrite> Writes { get; } = [];

    /// <summary>Then: send these. What promises durability is not among them before it is durable.</summary>
    public List<RaftMessage> Messages { get; } = [];

    /// <summary>Then all that is rare.</summary>
    public Queue<ReplicaEffect> Others { get; } = new();

    /// <summary>Last, when the view shows what they saw: tell the callers what became of their writes.</summary>
    public List<(PendingWrite Write, WriteVerdict Verdict)> WriteAnswers { get; } = [];

    /// <summary>And of their reads.</summary>
    public List<(PendingRead Read, ReadVerdict Verdict)> ReadAnswers { get; } = [];

    /// <summary>More can be done at once: step again with <see cref="ReplicaInput.Drained"/>.</summary>
    public bool IsUnfinished { get; set; }

    /// <summary>Whether something is to leave before anything is applied.</summary>
    public bool HasOutput => Writes.Count > 0 || Messages.Count > 0;

    /// <summary>Refuses a write, or says that nobody knows what becomes of it.</summary>
    public void Refuse(PendingWrite write, OutcomeKind kind, string detail, MemberId leader = default) =>
        WriteAnswers.Add((write, WriteVerdict.Refused(kind, detail, leader)));

    /// <summary>Refuses a read.</summary>
    public void Refuse(PendingRead read, OutcomeKind kind, string detail, MemberId leader = default) =>
        ReadAnswers.Add((read, new(kind, detail, leader)));

    /// <summary>Forgets what has not been executed, but for the answers: whoever waits for one is told.</summary>
    public void KeepAnswers()
    {
        Writes.Clear();
        Messages.Clear();
        while (Others.TryDequeue(out var other))
        {
            (other as ReplicaEffect.CompareStates)?.Pin.Dispose();
        }
        IsUnfinished = false;
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        KeepAnswers();
        WriteAnswers.Clear();
        ReadAnswers.Clear();
    }
}

/// <summary>What a raft replica asks for now and then: a closed set, each executed by <see cref="EffectExecutor"/>.</summary>
internal abstract record ReplicaEffect
{
    private ReplicaEffect() { }

    /// <summary>Tell the other members that the group is at rest.</summary>
    public sealed record TellAtRest(RestNotice Notice, ImmutableArray<MemberId> Members) : ReplicaEffect;

    /// <summary>Send a member that lags behind the compacted log a snapshot; ends as <see cref="ReplicaInput.SnapshotSent"/>.</summary>
    public sealed record SendSnapshot(MemberId To) : ReplicaEffect;

    /// <summary>Answer a part of a snapshot.</summary>
    public sealed record AnswerPart(long ToReplica, SnapshotReply Reply) : ReplicaEffect;

    /// <summary>Flush the store; ends as <see cref="ReplicaInput.SnapshotFlushed"/>.</summary>
    public sealed record FlushForSnapshot(SnapshotReceiver.Received Received, long FromReplica) : ReplicaEffect;

    /// <summary>Have the log record a snapshot; ends as <see cref="ReplicaInput.SnapshotRecorded"/>.</summary>
    public sealed record RecordSnapshot(SnapshotReceiver.Received Received, long FromReplica) : ReplicaEffect;

    /// <summary>A snapshot has taken the place of the state under this prefix of the store.</summary>
    public sealed record SnapshotInstalled(SnapshotHead Head, ulong ReplacedPrefix) : ReplicaEffect;

    /// <summary>Tell those who keep entries of the shard that these are older now.</summary>
    public sealed record KeysChanged(IReadOnlyList<ChangedKey> Keys) : ReplicaEffect;

    /// <summary>Have the log let go its entries up to an index.</summary>
    public sealed record CompactLog(LogIndex Through, Term Term) : ReplicaEffect;

    /// <summary>Compare a state with those of the other members; whoever executes it disposes the pin.</summary>
    public sealed record CompareStates(ScrubPin Pin) : ReplicaEffect;

    /// <summary>The shard was split: start the replica of the new shard that this one gave its part to.</summary>
    public sealed record BearChild(SplitCommand Split) : ReplicaEffect;

    /// <summary>Keep the state as it is now for a reader.</summary>
    public sealed record PinState(PendingPin Pending) : ReplicaEffect;

    /// <summary>Role, leader or term changed.</summary>
    public sealed record LeadershipChanged : ReplicaEffect
    {
        public static readonly LeadershipChanged Now = new();
    }

    /// <summary>A change of the configuration was proposed.</summary>
    public sealed record MembersChanging(Configuration From, ConfigurationChange Change) : ReplicaEffect;

    /// <summary>The replica has stopped for this reason, and may still serve reads.</summary>
    public sealed record Failed(Exception Cause, bool ServesReads) : ReplicaEffect;

    /// <summary>The replica is damaged and must be replaced.</summary>
    public sealed record Condemned(string Reason) : ReplicaEffect;

    /// <summary>The replica is damaged and the only one of its shard.</summary>
    public sealed record Degraded(string Reason) : ReplicaEffect;

    /// <summary>Tell who waits that the replica has been stopped.</summary>
    public sealed record TellStopped(TaskCompletionSource Stopped) : ReplicaEffect;
}
