using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Log;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Files;
using Exapyte.Wire;
using LogIndex = Exapyte.Raft.LogIndex;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>The replica that is member 1 of three. Its log is durable at once; what the others say, the test says.</summary>
internal sealed class LoopUnderTest : IRaftLogReader, IReplicaWire
{
    public const int OutageTicks = 24;

    private const long NowMs = 1_000;

    private readonly List<LogEntry> entries = [];

    public LoopUnderTest()
    {
        var machine = new ShardStateMachine(new MemoryStore(new(), TimeProvider.System));
        var log = SteppedNodeLog.Open("/data/log", new(), new SimulatedFiles(), newLogId: 7, out _);
        log.SetDescriptor(new(1), new byte[1]);
        log.Step();
        Replica = new(
            new()
            {
                Identity = new()
                {
                    KeyspaceId = 1,
                    ShardId = 1,
                    ReplicaId = 1,
                    Replication = ReplicationKind.Raft,
                    Storage = StorageKind.Disk,
                    StorePrefix = 1,
                    FirstMembers = [1, 2, 3],
                },
                Core = new(
                    new() { Id = new(1), Seed = 7 },
                    new(default, Configuration.Of(new(1), new(2), new(3)), default, this)
                ),
                Machine = machine,
                StorePrefix = 1,
                Log = log.OpenGroup(new(1)),
                Writer = new(log, new(1), static _ => { }),
                Receiver = new(Disk.Open, Disk.GivenUp.Add, Disk.Issue),
                Wire = this,
                Options = new() { IdleTicksBeforeSleep = 1_000 },
                Seed = 7,
            }
        );
    }

    public RaftReplicaCore Replica { get; }

    public RaftCore Core => Replica.Core;

    /// <summary>Called after each step, before anybody is answered.</summary>
    public Action? BeforeAnswers { get; set; }

    /// <summary>Whether the last step had something for the log or the wire.</summary>
    public bool HadOutput { get; private set; }

    /// <summary>Where it puts the snapshots that it receives.</summary>
    public DiskUnderTest Disk { get; } = new();

    /// <summary>What it asked for beside log and messages, in order.</summary>
    public List<ReplicaEffect> Asked { get; } = [];

    /// <summary>What it has answered to those who send it snapshots.</summary>
    public IEnumerable<(long To, SnapshotReply Reply)> SnapshotAnswers =>
        Asked.OfType<ReplicaEffect.AnswerPart>().Select(answer => (answer.ToReplica, answer.Reply));

    public LogIndex FirstIndex => new(1);

    public LogIndex LastIndex => new((ulong)entries.Count);

    public Term? TermAt(LogIndex index) =>
        index == LogIndex.Zero ? default(Term)
        : index <= LastIndex ? entries[(int)index.Value - 1].Term
        : null;

    public void Read(LogIndex from, LogIndex through, long maxBytes, List<LogEntry> into)
    {
        for (var index = from; index <= through && index <= LastIndex; index = index.Next)
        {
            into.Add(entries[(int)index.Value - 1]);
        }
    }

    /// <summary>Member 2 votes for it.</summary>
    public void Elect()
    {
        Core.Campaign();
        Take(ReplicaInput.Drained.Now);
        Hear(RaftMessageKind.PreVoteResponse, Core.Term.Next);
        Hear(RaftMessageKind.VoteResponse, Core.Term);
        Assert.Equal(RaftRole.Leader, Core.Role);
    }

    /// <summary>Member 2 leads a term and has another entry than this member from an index on.</summary>
    public void Overtake(Term term, LogIndex from) =>
        Hear(
            RaftMessageKind.Append,
            term,
            from.Previous,
            TermAt(from.Previous)!.Value,
            new LogEntry(term, from, EntryKind.Empty, default)
        );

    /// <summary>Member 2 leads a term, and says no more.</summary>
    public void Follow(Term term) => Hear(RaftMessageKind.Heartbeat, term);

    /// <summary>Member 2 says how far the log is committed that it shares with this member.</summary>
    public void HearCommitted(Term term, LogIndex through)
    {
        Take(
            new ReplicaInput.Message(
                new()
                {
                    Kind = RaftMessageKind.Append,
                    From = new(2),
                    To = new(1),
                    Term = term,
                    Index = through,
                    LogTerm = TermAt(through)!.Value,
                    Commit = through,
                    Entries = [],
                }
            )
        );
    }

    /// <summary>Time passes and nobody says anything.</summary>
    public void Tick(int ticks)
    {
        for (var tick = 0; tick < ticks; tick++)
        {
            Take(ReplicaInput.Tick.One);
        }
    }

    /// <summary>Member 2 has all that this member has.</summary>
    public void Acknowledge() => Hear(RaftMessageKind.AppendResponse, Core.Term, LastIndex);

    public PendingWrite Write(string key)
    {
        var put = new Operation
        {
            Kind = OperationKind.Put,
            Key = System.Text.Encoding.UTF8.GetBytes(key),
            Value = "1"u8.ToArray(),
        };
        var write = new PendingWrite(
            new()
            {
                Operations = [put],
                MapEpoch = 1,
                TimeoutMs = 1_000,
            },
            long.MaxValue
        );
        Take(new ReplicaInput.Write(write));
        return write;
    }

    /// <summary>A batch, its reads answered where it is applied.</summary>
    public PendingWrite Write(params Operation[] operations)
    {
        var write = new PendingWrite(
            new()
            {
                Operations = operations,
                MapEpoch = 1,
                TimeoutMs = 1_000,
            },
            long.MaxValue
        )
        {
            Reads = PlacedReads.Of(operations, life: 7),
        };
        Take(new ReplicaInput.Write(write));
        return write;
    }

    /// <summary>Reads that must see one state.</summary>
    public PendingRead Read(bool needsProof, params Operation[] operations)
    {
        var read = new PendingRead(long.MaxValue)
        {
            Reads = PlacedReads.Of(operations, life: 7),
            NeedsProof = needsProof,
        };
        Take(new ReplicaInput.Read(read));
        return read;
    }

    private void Hear(
        RaftMessageKind kind,
        Term term,
        LogIndex index = default,
        Term logTerm = default,
        params LogEntry[] sent
    )
    {
        Take(
            new ReplicaInput.Message(
                new()
                {
                    Kind = kind,
                    From = new(2),
                    To = new(1),
                    Term = term,
                    Index = index,
                    LogTerm = logTerm,
                    Entries = sent,
                }
            )
        );
    }

    /// <summary>An input, and all that follows from it.</summary>
    public void Take(ReplicaInput input)
    {
        Execute(Replica.Step(input, NowMs));
        while (Execute(Replica.Step(ReplicaInput.Drained.Now, NowMs))) { }
    }

    void IReplicaWire.Send(RaftMessage message) { }

    void IReplicaWire.Send(MemberId to, PeerMessageKind kind, byte[] payload) { }

    bool IReplicaWire.IsAlive(MemberId member) => true;

    bool IReplicaWire.IsSilent(MemberId member) => false;

    private bool Execute(ReplicaEffects effects)
    {
        Asked.AddRange(effects.Others);
        effects.Others.Clear();
        HadOutput = effects.HasOutput;
        BeforeAnswers?.Invoke();
        effects.WriteAnswers.ForEach(answer => answer.Write.Complete(answer.Verdict));
        effects.ReadAnswers.ForEach(answer => answer.Read.Complete(answer.Verdict));
        foreach (var write in effects.Writes)
        {
            if (write.Entries.Count > 0)
            {
                var place = (int)write.Entries[0].Index.Value - 1;
                entries.RemoveRange(place, entries.Count - place);
                entries.AddRange(write.Entries);
            }
            Core.Persisted(write.WriteId);
        }
        return effects.IsUnfinished;
    }
}
