using Exapyte.Raft;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Invariants;

/// <summary>A change of a replica's log that was handed to the node's log: a write, or a snapshot that replaces it.</summary>
/// <param name="State">The new hard state, if there is one.</param>
/// <param name="Entries">What is appended, and replaces what stands there.</param>
/// <param name="Order">Its place among all changes of the node, those of other groups included.</param>
/// <param name="SnapshotIndex">What the snapshot contains; 0: it is none.</param>
/// <param name="SnapshotTerm">The term of that index.</param>
internal sealed record LogChange(
    HardState? State,
    LogEntry[] Entries,
    long Order,
    ulong SnapshotIndex = 0,
    ulong SnapshotTerm = 0
)
{
    public bool IsSnapshot => SnapshotIndex > 0;

    public static LogChange Of(GroupAppend append, long order) =>
        new(
            append.State is { } state ? new(new(state.Term), new(state.Vote), new(state.Commit)) : null,
            [
                .. append.Entries.Select(entry => new LogEntry(
                    new(entry.Term),
                    new(entry.Index),
                    (EntryKind)entry.Kind,
                    entry.Payload
                )),
            ],
            order
        );
}

/// <summary>
/// What the disk of one replica holds for sure, by the simulator's own book: changes are taken in when the node's log has
/// synced them, and until then kept as under way, for a crash may let any first few of those survive.
/// </summary>
internal sealed class DurableLog
{
    private readonly List<LogEntry> entries = [];
    private readonly List<LogChange> underWay = [];

    /// <summary>The log starts behind this index: nothing before it, or a snapshot.</summary>
    public ulong BaseIndex { get; private set; }

    public ulong BaseTerm { get; private set; }

    public HardState State { get; private set; }

    /// <summary>No index behind this one may ever be compacted away.</summary>
    public ulong CompactedAtMost { get; private set; }

    public ulong Last => BaseIndex + (ulong)entries.Count;

    public IReadOnlyList<LogChange> UnderWay => underWay;

    public void Submitted(LogChange change)
    {
        underWay.Add(change);
        CompactionAsked(change.SnapshotIndex);
    }

    /// <summary>The log was told to let its entries go through an index.</summary>
    public void CompactionAsked(ulong through) => CompactedAtMost = Math.Max(CompactedAtMost, through);

    /// <summary>A change was not taken. After a failed sync nobody knows whether it is durable: it stays under way.</summary>
    public void Failed(LogChange change, LogAppendStatus status)
    {
        if (status != LogAppendStatus.IoError)
        {
            underWay.Remove(change);
        }
    }

    /// <summary>A change is on the disk.</summary>
    public void Synced(LogChange change)
    {
        underWay.Remove(change);
        Apply(change);
    }

    /// <summary>The node has started again and found so many of the changes under way on its disk.</summary>
    public void Recovered(int survived)
    {
        for (var i = 0; i < survived; i++)
        {
            Assume(i);
        }
        underWay.Clear();
    }

    public ulong? TermAt(ulong index)
    {
        if (index == BaseIndex)
        {
            return BaseTerm;
        }
        return index > BaseIndex && index <= Last ? entries[(int)(index - BaseIndex - 1)].Term.Value : null;
    }

    public LogEntry EntryAt(ulong index) => entries[(int)(index - BaseIndex - 1)];

    /// <summary>Whether a committed entry is safe here: it stands in the log, or in the snapshot before it.</summary>
    public bool Holds(ulong index, ulong term) => index <= BaseIndex || TermAt(index) == term;

    public DurableLog Copy()
    {
        var copy = new DurableLog
        {
            BaseIndex = BaseIndex,
            BaseTerm = BaseTerm,
            State = State,
            CompactedAtMost = CompactedAtMost,
        };
        copy.entries.AddRange(entries);
        copy.underWay.AddRange(underWay);
        return copy;
    }

    /// <summary>
    /// Takes a change that is under way as if it had survived: to find out what a recovery has found. One that follows what was
    /// refused, and whose owner had not heard of that, is refused by the log as well.
    /// </summary>
    public void Assume(int change)
    {
        var changed = underWay[change].Entries;
        if (changed.Length == 0 || changed[0].Index.Value <= Last + 1)
        {
            Apply(underWay[change]);
        }
    }

    private void Apply(LogChange change)
    {
        if (change.IsSnapshot)
        {
            entries.Clear();
            (BaseIndex, BaseTerm) = (change.SnapshotIndex, change.SnapshotTerm);
            return;
        }
        State = change.State ?? State;
        if (change.Entries.Length == 0)
        {
            return;
        }
        var first = change.Entries[0].Index.Value;
        if (first <= BaseIndex || first > Last + 1)
        {
            throw new ViolationException("log-gap", $"entry {first} was written to ({BaseIndex}, {Last}]");
        }
        entries.RemoveRange((int)(first - BaseIndex - 1), (int)(Last + 1 - first));
        entries.AddRange(change.Entries);
    }
}
