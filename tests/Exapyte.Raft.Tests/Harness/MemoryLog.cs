namespace Exapyte.Raft.Tests.Harness;

/// <summary>A durable log that lives in memory: what was written to it survives a crash of its member.</summary>
sealed class MemoryLog : IRaftLogReader
{
    readonly List<LogEntry> entries = [];
    LogIndex compacted;
    Term compactedTerm;

    public LogIndex FirstIndex => compacted.Next;

    public LogIndex LastIndex => new(compacted.Value + (ulong)entries.Count);

    public IReadOnlyList<LogEntry> Entries => entries;

    public LogEntry this[LogIndex index] => entries[Place(index)];

    public Term? TermAt(LogIndex index)
    {
        if (index == compacted)
        {
            return compactedTerm;
        }

        return index > compacted && index <= LastIndex ? entries[Place(index)].Term : null;
    }

    public void Read(LogIndex from, LogIndex through, long maxBytes, List<LogEntry> into)
    {
        var bytes = 0L;
        for (var index = from; index <= through && index <= LastIndex; index = index.Next)
        {
            var entry = entries[Place(index)];
            bytes += entry.Payload.Length;
            if (index > from && bytes > maxBytes)
            {
                return;
            }

            into.Add(entry);
        }
    }

    public void Write(IReadOnlyList<LogEntry> written)
    {
        if (written.Count == 0)
        {
            return;
        }

        var place = Place(written[0].Index);
        if (place < 0 || place > entries.Count)
        {
            throw new InvalidOperationException($"A write at {written[0].Index} leaves a gap behind {LastIndex}.");
        }

        entries.RemoveRange(place, entries.Count - place);
        entries.AddRange(written);
    }

    public void CompactTo(LogIndex index)
    {
        if (index <= compacted)
        {
            return;
        }

        compactedTerm = TermAt(index)!.Value;
        entries.RemoveRange(0, (int)(index.Value - compacted.Value));
        compacted = index;
    }

    public void Restart(LogIndex index, Term term)
    {
        entries.Clear();
        compacted = index;
        compactedTerm = term;
    }

    int Place(LogIndex index) => (int)(long)(index.Value - compacted.Value - 1);
}
