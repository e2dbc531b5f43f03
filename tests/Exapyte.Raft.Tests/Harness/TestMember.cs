using System.Text;

namespace Exapyte.Raft.Tests.Harness;

/// <summary>
/// A shell around the real core: disk, state machine and outgoing messages are lists. It does at once what it is told, or
/// waits to be stepped (<see cref="PersistsAtOnce"/>, <see cref="AppliesAtOnce"/>).
/// </summary>
sealed class TestMember
{
    readonly Queue<LogWrite> writes = new();
    readonly Queue<LogEntry> toApply = new();
    StateMachine flushed;
    HardState durable;

    public TestMember(
        RaftOptions options,
        Configuration configuration,
        IReadOnlyList<LogEntry>? entries = null,
        HardState hardState = default
    )
    {
        Options = options;
        durable = hardState;
        flushed = StateMachine.Of(configuration);
        Log.Write(entries ?? []);
        State = flushed.Copy();
        Core = Start();
    }

    public RaftOptions Options { get; private set; }

    public RaftCore Core { get; private set; }

    public MemoryLog Log { get; } = new();

    public StateMachine State { get; private set; }

    public RaftEffects Effects { get; } = new();

    public bool PersistsAtOnce { get; set; } = true;

    public bool AppliesAtOnce { get; set; } = true;

    public HardState Durable => durable;

    public int WritesWaiting => writes.Count;

    public int AppliesWaiting => toApply.Count;

    public List<RaftMessage> Sent { get; } = [];

    public List<ReadResult> Reads { get; } = [];

    public List<MemberId> SnapshotsWanted { get; } = [];

    public List<LogWrite> Written { get; } = [];

    public MemberId Id => Options.Id;

    /// <summary>Takes effects until none are left.</summary>
    public TestMember Run()
    {
        while (Core.HasEffects)
        {
            Turn();
        }

        return this;
    }

    /// <summary>One turn of the loop: take, write, send, apply.</summary>
    public void Turn()
    {
        Core.TakeEffects(Effects);
        if (Effects.Write is { } write)
        {
            writes.Enqueue(write);
            Written.Add(write);
        }

        Sent.AddRange(Effects.Messages);
        Reads.AddRange(Effects.Reads);
        foreach (var request in Effects.Snapshots)
        {
            SnapshotsWanted.Add(request.To);
        }

        foreach (var entry in Effects.Committed)
        {
            toApply.Enqueue(entry);
        }

        if (PersistsAtOnce)
        {
            PersistAll();
        }

        if (AppliesAtOnce)
        {
            ApplyAll();
        }
    }

    public void PersistAll()
    {
        while (PersistOne()) { }
    }

    public bool PersistOne()
    {
        if (!writes.TryDequeue(out var write))
        {
            return false;
        }

        ToDisk(write);
        Core.Persisted(write.WriteId);
        return true;
    }

    public void ApplyAll()
    {
        while (ApplyOne()) { }
    }

    public bool ApplyOne()
    {
        if (!toApply.TryDequeue(out var entry))
        {
            return false;
        }

        State.Apply(entry, Core);
        Core.Applied(entry.Index);
        return true;
    }

    /// <summary>Makes the applied state durable, so that the log behind it may go.</summary>
    public void Flush() => flushed = State.Copy();

    public void Compact(LogIndex through)
    {
        Flush();
        Log.CompactTo(LogIndex.Min(through, flushed.Applied));
    }

    /// <summary>Dies and starts again from what is durable.</summary>
    public void Crash(ulong seed)
    {
        writes.Clear();
        toApply.Clear();
        Sent.Clear();
        Reads.Clear();
        SnapshotsWanted.Clear();
        State = flushed.Copy();
        Options = Options with { Seed = seed };
        Core = Start();
    }

    /// <summary>Installs what another member has applied, if it is wanted.</summary>
    public bool Install(StateMachine snapshot)
    {
        // What is under way reaches the disk before the install does, and may change what is wanted.
        PersistAll();
        if (!Core.WantsSnapshot(snapshot.Applied, snapshot.AppliedTerm))
        {
            return false;
        }

        State = snapshot.Copy();
        toApply.Clear();
        Flush();
        Log.Restart(snapshot.Applied, snapshot.AppliedTerm);
        Core.SnapshotInstalled(snapshot.Applied, snapshot.AppliedTerm, snapshot.Configuration);
        return true;
    }

    public ProposeResult Propose(params string[] commands)
    {
        var payloads = new ReadOnlyMemory<byte>[commands.Length];
        for (var i = 0; i < commands.Length; i++)
        {
            payloads[i] = Encoding.UTF8.GetBytes(commands[i]);
        }

        return Core.Propose(payloads);
    }

    void ToDisk(LogWrite write)
    {
        Log.Write(write.Entries);
        durable = write.HardState ?? durable;
    }

    RaftCore Start() => new(Options, new RaftRecovered(durable, flushed.Configuration, flushed.Applied, Log));
}
