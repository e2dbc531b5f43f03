namespace Exapyte.Raft;

/// <summary>
/// The newest entries of the log, in memory: a ring without gaps. It grows by doubling and shrinks never; what bounds it is
/// the bound on uncommitted bytes and <see cref="RaftOptions.TailBytesMax"/>.
/// </summary>
sealed class EntryTail(LogIndex last)
{
    LogEntry[] ring = new LogEntry[64];
    int head;

    /// <summary>The first index held; one behind <see cref="Last"/> if none is.</summary>
    public LogIndex First { get; private set; } = last.Next;

    public int Count { get; private set; }

    public LogIndex Last => new(First.Value + (ulong)Count - 1);

    public long Bytes { get; private set; }

    public ref readonly LogEntry this[LogIndex index] => ref ring[Slot((int)(index.Value - First.Value))];

    public bool Holds(LogIndex index) => index >= First && index.Value - First.Value < (ulong)Count;

    public void Append(in LogEntry entry)
    {
        if (Count == ring.Length)
        {
            Grow();
        }

        ring[Slot(Count)] = entry;
        Count++;
        Bytes += entry.SizeBytes;
    }

    /// <summary>Forgets the entry at <paramref name="index"/> and all behind it.</summary>
    public void TruncateFrom(LogIndex index)
    {
        while (Count > 0 && Last >= index)
        {
            Forget(Slot(Count - 1));
        }

        if (Count == 0 && index < First)
        {
            First = index;
        }
    }

    /// <summary>Forgets the oldest entry.</summary>
    public void DropFirst()
    {
        Forget(head);
        head = (head + 1) & (ring.Length - 1);
        First = First.Next;
    }

    /// <summary>Forgets everything; the next entry will follow <paramref name="newLast"/>.</summary>
    public void Restart(LogIndex newLast)
    {
        Array.Clear(ring);
        head = 0;
        Count = 0;
        Bytes = 0;
        First = newLast.Next;
    }

    void Forget(int slot)
    {
        Bytes -= ring[slot].SizeBytes;
        ring[slot] = default;
        Count--;
    }

    int Slot(int offset) => (head + offset) & (ring.Length - 1);

    void Grow()
    {
        var larger = new LogEntry[ring.Length * 2];
        for (var i = 0; i < Count; i++)
        {
            larger[i] = ring[Slot(i)];
        }

        ring = larger;
        head = 0;
    }
}
