using Exapyte.Grains.Replicas;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>The loop of member 1 of three. Its log is durable at once; what the others say, the test says.</summary>
internal sealed class LoopUnderTest : IRaftLogReader
{
    public const int OutageTicks = 24;

    private readonly List<LogEntry> entries = [];
    private readonly ReplicaEffects effects = new();

    public LoopUnderTest()
    {
        var machine = new ShardStateMachine(new MemoryStore(new(), TimeProvider.System));
        var core = new RaftCore(
            new() { Id = new(1), Seed = 7 },
            new(default, Configuration.Of(new(1), new(2), new(3)), default, this)
        );
        Loop = new(core, machine, new(0, 3_600_000), idleTicksBeforeSleep: 1_000, OutageTicks);
    }

    public ReplicaLoop Loop { get; }

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
        Loop.Core.Campaign();
        Run();
        Hear(RaftMessageKind.PreVoteResponse, Loop.Core.Term.Next);
        Hear(RaftMessageKind.VoteResponse, Loop.Core.Term);
        Assert.Equal(RaftRole.Leader, Loop.Core.Role);
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
        Loop.Receive(
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
        );
        Run();
    }

    /// <summary>Time passes and nobody says anything.</summary>
    public void Tick(int ticks)
    {
        for (var tick = 0; tick < ticks; tick++)
        {
            Loop.Tick(nowMs: 1_000);
            Run();
        }
    }

    /// <summary>Member 2 has all that this member has.</summary>
    public void Acknowledge() => Hear(RaftMessageKind.AppendResponse, Loop.Core.Term, LastIndex);

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
        Loop.Write(write);
        Run();
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
        Loop.Write(write);
        Run();
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
        Loop.Read(read);
        Run();
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
        Loop.Receive(
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
        );
        Run();
    }

    private void Run()
    {
        while (Loop.Advance(nowMs: 1_000, effects))
        {
            foreach (var write in effects.Writes)
            {
                if (write.Entries.Count > 0)
                {
                    var place = (int)write.Entries[0].Index.Value - 1;
                    entries.RemoveRange(place, entries.Count - place);
                    entries.AddRange(write.Entries);
                }
                Loop.Persisted(write.WriteId);
            }
            effects.Clear();
        }
    }
}
