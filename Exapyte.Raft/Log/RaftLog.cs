namespace Exapyte.Raft;

/// <summary>
/// The log as this member sees it: durable entries behind an <see cref="IRaftLogReader"/>, newer ones in memory.
/// <list type="bullet">
/// <item>Applied &lt;= Committed &lt;= Last. Committed may pass Stable: then a quorum of others holds what is not yet durable here.</item>
/// <item>Everything behind Stable is in memory; what is at or before Stable is durable and not overwritten since.</item>
/// <item>Written &gt;= Stable: entries up to Written were handed out to be made durable.</item>
/// <item>Terms never fall along the log, and a committed entry is never overwritten (Raft paper, figure 3).</item>
/// </list>
/// </summary>
sealed class RaftLog
{
    readonly IRaftLogReader reader;
    readonly long tailBytesMax;
    readonly EntryTail tail;
    readonly List<LogEntry> scratch = [];

    public RaftLog(IRaftLogReader reader, LogIndex committed, LogIndex applied, long tailBytesMax)
    {
        this.reader = reader;
        this.tailBytesMax = tailBytesMax;
        Stable = Written = reader.LastIndex;
        tail = new EntryTail(Stable);
        LastTerm = Require(reader.TermAt(Stable), Stable);
        Committed = committed;
        Handed = applied;
        FindConfigurations(applied);
    }

    /// <summary>The first index that can still be read.</summary>
    public LogIndex First => reader.FirstIndex;

    public LogIndex Last => tail.Last;

    public Term LastTerm { get; private set; }

    public LogIndex Stable { get; private set; }

    public LogIndex Written { get; private set; }

    public LogIndex Committed { get; private set; }

    /// <summary>Entries up to here were handed out to be applied.</summary>
    public LogIndex Handed { get; private set; }

    /// <summary>Entries of kind Configuration that are not applied yet.</summary>
    public ConfigurationTrail Configurations { get; } = new();

    public WritesUnderWay Writes { get; } = new();

    /// <summary>The term at an index; null where compacted or beyond the end.</summary>
    public Term? TermAt(LogIndex index)
    {
        if (index == Last)
        {
            return LastTerm;
        }

        if (tail.Holds(index))
        {
            return tail[index].Term;
        }

        return index > Last ? null : reader.TermAt(index);
    }

    public bool Matches(LogIndex index, Term term) => TermAt(index) == term;

    /// <summary>Whether a log that ends so holds all that ours is sure to need (Raft paper, section 5.4.1).</summary>
    public bool IsUpToDate(LogIndex last, Term lastTerm) =>
        lastTerm > LastTerm || (lastTerm == LastTerm && last >= Last);

    public void Append(in LogEntry entry)
    {
        tail.Append(entry);
        LastTerm = entry.Term;
        if (entry.Kind == EntryKind.Configuration)
        {
            Configurations.Add(entry);
        }
    }

    /// <summary>
    /// Takes in a leader's entries behind one that matched; only what conflicts is cut off (Raft paper, figure 2, step 3), so
    /// that a late message never shortens the log.
    /// </summary>
    public void Accept(IReadOnlyList<LogEntry> entries)
    {
        for (var i = 0; i < entries.Count; i++)
        {
            if (Matches(entries[i].Index, entries[i].Term))
            {
                continue;
            }

            if (entries[i].Index <= Last)
            {
                TruncateFrom(entries[i].Index);
            }

            for (; i < entries.Count; i++)
            {
                Append(entries[i]);
            }
        }
    }

    public bool CommitTo(LogIndex index)
    {
        if (index <= Committed)
        {
            return false;
        }

        if (index > Last)
        {
            throw new RaftInvariantException($"Commit {index} is beyond the last entry {Last}: the log lost entries.");
        }

        Committed = index;
        return true;
    }

    /// <summary>
    /// The greatest index at or before <paramref name="from"/> whose term is not newer, for hints after a conflict: terms
    /// never fall, so it is found by halving. Its term is 0 where that is not known any more.
    /// </summary>
    public (LogIndex Index, Term Term) LastNotNewerThan(LogIndex from, Term term)
    {
        var low = First.Value - 1;
        var high = Math.Max(low, LogIndex.Min(from, Last).Value);
        while (low < high)
        {
            var middle = low + ((high - low + 1) / 2);
            if (TermAt(new LogIndex(middle)) is { } there && there > term)
            {
                high = middle - 1;
            }
            else
            {
                low = middle;
            }
        }

        var index = LogIndex.Min(from, new LogIndex(low));
        return (index, TermAt(index) is { } found && found <= term ? found : default);
    }

    /// <summary>Entries from an index on for a message; empty if none; null if the index is compacted.</summary>
    public LogEntry[]? Read(LogIndex from, long bytesMax)
    {
        if (from > Last)
        {
            return [];
        }

        scratch.Clear();
        var bytes = 0L;
        if (!tail.Holds(from) && !ReadDurable(from, LogIndex.Min(Stable, tail.First.Previous), bytesMax, ref bytes))
        {
            return null;
        }

        ReadTail(scratch.Count == 0 ? from : scratch[^1].Index.Next, Last, bytesMax, ref bytes);
        return scratch.ToArray();
    }

    /// <summary>Hands out what is to be made durable, once.</summary>
    public LogEntry[] TakeUnwritten()
    {
        var count = (int)(Last.Value - Written.Value);
        if (count == 0)
        {
            return [];
        }

        var entries = new LogEntry[count];
        for (var i = 0; i < count; i++)
        {
            entries[i] = tail[new LogIndex(Written.Value + 1 + (ulong)i)];
        }

        Written = Last;
        return entries;
    }

    /// <summary>Hands out committed entries that are durable, once and in order; returns their bytes.</summary>
    public long TakeCommitted(long bytesMax, List<LogEntry> into)
    {
        var through = LogIndex.Min(Committed, Stable);
        var bytes = 0L;
        if (Handed >= through)
        {
            return bytes;
        }

        scratch.Clear();
        var from = Handed.Next;
        if (!tail.Holds(from))
        {
            ReadDurable(from, LogIndex.Min(through, tail.First.Previous), bytesMax, ref bytes);
        }

        ReadTail(scratch.Count == 0 ? from : scratch[^1].Index.Next, through, bytesMax, ref bytes);
        if (scratch.Count == 0)
        {
            throw new RaftInvariantException($"Committed entry {from} cannot be read.");
        }

        into.AddRange(scratch);
        Handed = scratch[^1].Index;
        Trim();
        return bytes;
    }

    public bool HasCommittedToHand => Handed < LogIndex.Min(Committed, Stable);

    /// <summary>Writes up to an id are durable. False if that is no news; else the last durable hard state.</summary>
    public bool Persisted(ulong writeId, out HardState hardState)
    {
        if (!Writes.Settle(writeId, out var through, out hardState))
        {
            return false;
        }

        Stable = LogIndex.Max(Stable, through);
        Trim();
        return true;
    }

    /// <summary>The log restarts behind a snapshot.</summary>
    public void Restart(LogIndex index, Term term)
    {
        Writes.CutFrom(new LogIndex(1));
        tail.Restart(index);
        Configurations.Clear();
        Stable = Written = Committed = Handed = index;
        LastTerm = term;
    }

    void TruncateFrom(LogIndex index)
    {
        if (index <= Committed)
        {
            throw new RaftInvariantException($"A leader overwrites entry {index}, yet {Committed} is committed.");
        }

        LastTerm = Require(TermAt(index.Previous), index.Previous);
        tail.TruncateFrom(index);
        Writes.CutFrom(index);
        Configurations.TruncateFrom(index);
        Stable = LogIndex.Min(Stable, index.Previous);
        Written = LogIndex.Min(Written, index.Previous);
    }

    void Trim()
    {
        while (tail.Count > 0 && tail.First <= Stable && (tail.First <= Handed || tail.Bytes > tailBytesMax))
        {
            tail.DropFirst();
        }
    }

    bool ReadDurable(LogIndex from, LogIndex through, long bytesMax, ref long bytes)
    {
        if (from < First)
        {
            return false;
        }

        reader.Read(from, through, bytesMax, scratch);
        foreach (var entry in scratch)
        {
            bytes += entry.SizeBytes;
        }

        if (scratch.Count > 0 && scratch[0].Index != from)
        {
            throw new RaftInvariantException($"The log reader was asked for {from} and gave {scratch[0].Index}.");
        }

        return scratch.Count > 0;
    }

    void ReadTail(LogIndex from, LogIndex through, long bytesMax, ref long bytes)
    {
        if (!tail.Holds(from))
        {
            return;
        }

        for (var index = from; index <= through; index = index.Next)
        {
            ref readonly var entry = ref tail[index];
            if (scratch.Count > 0 && bytes + entry.SizeBytes > bytesMax)
            {
                return;
            }

            bytes += entry.SizeBytes;
            scratch.Add(entry);
        }
    }

    void FindConfigurations(LogIndex applied)
    {
        const long pageBytes = 1 << 20;
        for (var from = applied.Next; from <= Stable; from = scratch[^1].Index.Next)
        {
            scratch.Clear();
            reader.Read(from, Stable, pageBytes, scratch);
            if (scratch.Count == 0)
            {
                throw new RaftInvariantException($"Entry {from} cannot be read, yet the log reaches to {Stable}.");
            }

            foreach (var entry in scratch)
            {
                if (entry.Kind == EntryKind.Configuration)
                {
                    Configurations.Add(entry);
                }
            }
        }
    }

    static Term Require(Term? term, LogIndex index) =>
        term ?? throw new RaftInvariantException($"The log has no term at {index}, which it must remember.");
}
