using Exapyte.Raft.Tests.Harness;

namespace Exapyte.Raft.Tests.Safety;

/// <summary>
/// All that ever happened in a run, and the properties that may never break (Raft paper, figure 3; thesis, 3.8 and 6.4).
/// </summary>
sealed class History
{
    readonly Dictionary<Term, MemberId> leaders = [];
    readonly Dictionary<(LogIndex, Term), (Term Previous, string Payload)> entries = [];
    readonly SortedDictionary<LogIndex, LogEntry> committed = [];
    readonly Dictionary<ulong, LogIndex> readFloors = [];

    public LogIndex CommittedThrough { get; private set; }

    public int CommandsCommitted { get; private set; }

    public int ChangesCommitted { get; private set; }

    public int ReadsDone { get; private set; }

    public int Elections => leaders.Count;

    /// <summary>Election safety: at most one leader a term; leader completeness: it holds all that is committed.</summary>
    public void SawRole(TestMember member, MemoryLog handed)
    {
        if (member.Core.Role != RaftRole.Leader)
        {
            return;
        }

        if (!leaders.TryAdd(member.Core.Term, member.Id))
        {
            Require(leaders[member.Core.Term] == member.Id, $"Term {member.Core.Term} has two leaders.");
            return;
        }

        foreach (var (index, entry) in committed)
        {
            Require(
                index < handed.FirstIndex || handed.TermAt(index) == entry.Term,
                $"{member.Id} leads {member.Core.Term} without committed entry {index}."
            );
        }
    }

    /// <summary>Log matching: the same index and term mean the same entry behind the same entry.</summary>
    public void SawWrite(LogWrite write, MemoryLog handed)
    {
        foreach (var entry in write.Entries)
        {
            var previous = handed.TermAt(entry.Index.Previous);
            Require(previous is not null, $"Entry {entry.Index} was written behind a gap.");
            var now = (previous!.Value, Convert.ToHexString(entry.Payload.Span));
            if (!entries.TryAdd((entry.Index, entry.Term), now))
            {
                Require(entries[(entry.Index, entry.Term)] == now, $"Two entries are {entry.Term}/{entry.Index}.");
            }
        }
    }

    /// <summary>State machine safety: what is committed at an index never changes, whoever says so.</summary>
    public void SawCommitted(LogEntry entry)
    {
        if (!committed.TryAdd(entry.Index, entry))
        {
            Require(committed[entry.Index].Term == entry.Term, $"Committed entry {entry.Index} changed.");
            return;
        }

        Require(entry.Index == CommittedThrough.Next, $"Entry {entry.Index} was committed before those ahead of it.");
        CommittedThrough = entry.Index;
        CommandsCommitted += entry.Kind == EntryKind.Command ? 1 : 0;
        ChangesCommitted += entry.Kind == EntryKind.Configuration ? 1 : 0;
    }

    /// <summary>Nothing is promised before it is durable.</summary>
    public static void SawMessage(RaftMessage message, TestMember sender)
    {
        switch (message.Kind)
        {
            case RaftMessageKind.VoteResponse when !message.Reject:
                Require(sender.Durable.Term >= message.Term, "A vote left before its term was durable.");
                Require(
                    sender.Durable.Term > message.Term || sender.Durable.Vote == message.To,
                    "A vote left before it was durable."
                );
                break;
            case RaftMessageKind.VoteRequest:
                Require(sender.Durable.Term >= message.Term, "A campaign began before its term was durable.");
                break;
            case RaftMessageKind.AppendResponse when !message.Reject && message.Index > LogIndex.Zero:
                Require(sender.Durable.Term >= message.Term, "An acknowledgement left before its term was durable.");
                break;
        }
    }

    public void BeganRead(ulong readId) => readFloors.Add(readId, CommittedThrough);

    /// <summary>A read sees all that was committed before it began, and ends once.</summary>
    public void EndedRead(ReadResult read, TestMember member)
    {
        Require(readFloors.Remove(read.ReadId, out var floor), $"Read {read.ReadId} ended twice.");
        if (read.IsReady)
        {
            ReadsDone++;
            Require(read.Index >= floor, $"Read {read.ReadId} is older than {floor}.");
            Require(member.State.Applied >= read.Index, $"Read {read.ReadId} was let through too early.");
        }
    }

    public static void Require(bool holds, string fault)
    {
        if (!holds)
        {
            throw new InvalidOperationException(fault);
        }
    }
}
