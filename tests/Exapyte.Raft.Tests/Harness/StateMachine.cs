namespace Exapyte.Raft.Tests.Harness;

/// <summary>A state machine that remembers every entry it applied, and insists on getting each once and in order.</summary>
sealed class StateMachine
{
    public LogIndex Applied { get; private set; }

    public Term AppliedTerm { get; private set; }

    public Configuration Configuration { get; private set; } = Configuration.Empty;

    public List<LogEntry> Entries { get; private init; } = [];

    public static StateMachine Of(Configuration configuration) => new() { Configuration = configuration };

    public StateMachine Copy() =>
        new()
        {
            Applied = Applied,
            AppliedTerm = AppliedTerm,
            Configuration = Configuration,
            Entries = [.. Entries],
        };

    public void Apply(in LogEntry entry, RaftCore core)
    {
        if (entry.Index != Applied.Next)
        {
            throw new InvalidOperationException($"{core.Id} got {entry.Index} to apply behind {Applied}.");
        }

        if (entry.Kind == EntryKind.Configuration)
        {
            Configuration = core.ConfigurationAfter(entry);
        }

        Applied = entry.Index;
        AppliedTerm = entry.Term;
        Entries.Add(entry);
    }
}
