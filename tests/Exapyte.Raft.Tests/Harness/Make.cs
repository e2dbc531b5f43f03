using System.Text;

namespace Exapyte.Raft.Tests.Harness;

/// <summary>Short words for the things that tests are made of.</summary>
static class Make
{
    public static MemberId Id(int id) => new((ulong)id);

    public static LogIndex Index(int index) => new((ulong)index);

    public static Term Term(int term) => new((ulong)term);

    public static RaftOptions Options(MemberId id, Func<RaftOptions, RaftOptions>? change = null)
    {
        var options = new RaftOptions { Id = id, Seed = 7 };
        return change is null ? options : change(options);
    }

    public static Configuration Voters(params int[] ids)
    {
        var voters = new MemberId[ids.Length];
        for (var i = 0; i < ids.Length; i++)
        {
            voters[i] = Id(ids[i]);
        }

        return Configuration.Of(voters);
    }

    public static LogEntry Entry(int term, int index, string text = "") =>
        new(Term(term), Index(index), EntryKind.Command, Encoding.UTF8.GetBytes(text));

    /// <summary>A log with an entry of each term named, from index 1 on.</summary>
    public static LogEntry[] Log(params int[] terms)
    {
        var entries = new LogEntry[terms.Length];
        for (var i = 0; i < terms.Length; i++)
        {
            entries[i] = Entry(terms[i], i + 1);
        }

        return entries;
    }

    /// <summary>A member of a group of voters 1 to <paramref name="size"/> with a log and a term.</summary>
    public static TestMember Member(
        int id,
        int size,
        int term = 0,
        int[]? log = null,
        int commit = 0,
        Func<RaftOptions, RaftOptions>? options = null
    )
    {
        var voters = new int[size];
        for (var i = 0; i < size; i++)
        {
            voters[i] = i + 1;
        }

        return new TestMember(
            Options(Id(id), options),
            Voters(voters),
            Log(log ?? []),
            new HardState(Term(term), MemberId.None, Index(commit))
        );
    }

    public static RaftMessage Message(
        RaftMessageKind kind,
        int from,
        int to,
        int term,
        int index = 0,
        int logTerm = 0,
        int commit = 0,
        LogEntry[]? entries = null,
        bool reject = false,
        int hint = 0,
        ulong context = 0,
        bool force = false
    ) =>
        new()
        {
            Kind = kind,
            From = Id(from),
            To = Id(to),
            Term = Term(term),
            Index = Index(index),
            LogTerm = Term(logTerm),
            Commit = Index(commit),
            Entries = entries ?? [],
            Reject = reject,
            RejectHint = Index(hint),
            Context = context,
            Force = force,
        };

    /// <summary>The commands that a member has applied, in order.</summary>
    public static string[] Commands(TestMember member)
    {
        var commands = new List<string>();
        foreach (var entry in member.State.Entries)
        {
            if (entry.Kind == EntryKind.Command)
            {
                commands.Add(Encoding.UTF8.GetString(entry.Payload.Span));
            }
        }

        return [.. commands];
    }
}
