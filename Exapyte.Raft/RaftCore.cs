namespace Exapyte.Raft;

/// <summary>The core.</summary>
public sealed class RaftCore
{
    readonly RaftOptions options;
    readonly RaftRecovered recovered;

    /// <summary>x</summary>
    public RaftCore(RaftOptions options, RaftRecovered recovered)
    {
        this.options = options;
        this.recovered = recovered;
    }

    /// <summary>x</summary>
    public MemberId Id => options.Id;

    /// <summary>x</summary>
    public MemberId Leader { get; private set; }

    /// <summary>x</summary>
    public RaftRole Role { get; private set; }

    /// <summary>x</summary>
    public Term Term { get; private set; }

    /// <summary>x</summary>
    public LogIndex CommitIndex { get; private set; }

    /// <summary>x</summary>
    public LogIndex LastIndex { get; private set; }

    /// <summary>x</summary>
    public LogIndex AppliedIndex { get; private set; }

    /// <summary>x</summary>
    public Configuration Configuration => recovered.Configuration;

    /// <summary>x</summary>
    public bool MayCampaign { get; set; } = true;

    /// <summary>x</summary>
    public bool HasEffects { get; private set; }

    /// <summary>x</summary>
    public void Tick() => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void Tick(long now) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void Step(RaftMessage message) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public ProposeResult Propose(ReadOnlySpan<ReadOnlyMemory<byte>> commands) =>
        throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public ProposeResult ProposeConfiguration(ConfigurationChange change, LogIndex expectedConfigurationIndex) =>
        throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public Configuration ConfigurationAfter(in LogEntry entry) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void ReadIndex(ulong readId) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void ReadLease(ulong readId, long now) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void Persisted(ulong writeId) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void Applied(LogIndex index) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public bool WantsSnapshot(LogIndex index, Term term) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void SnapshotInstalled(LogIndex index, Term term, Configuration configuration) =>
        throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void SnapshotSent(MemberId to, LogIndex index) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void SnapshotFailed(MemberId to) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void TransferLeadership(MemberId to) => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void ForgetLeader() => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void Campaign() => throw new NotSupportedException(nameof(RaftCore));

    /// <summary>x</summary>
    public void TakeEffects(RaftEffects into) => throw new NotSupportedException(nameof(RaftCore));
}
