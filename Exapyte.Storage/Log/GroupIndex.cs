namespace Exapyte.Storage.Log;

/// <summary>Where an entry's record stands.</summary>
readonly record struct EntryPosition(uint Segment, int Offset, int Bytes);

/// <summary>
/// What the node knows in memory about one group. The writer changes it, under <see cref="Gate"/>, once a batch is
/// durable; readers look under the same lock. Staged values are the writer's alone: what will hold once the batch being
/// gathered is durable.
/// </summary>
sealed class GroupIndex(GroupId id)
{
    readonly Deque<EntryPosition> _entries = new();
    readonly TermRuns _terms = new();

    public Lock Gate { get; } = new();
    public GroupId Id { get; } = id;
    public ReadOnlyMemory<byte>? Descriptor { get; set; }
    public bool Destroyed { get; set; }
    public string? Quarantined { get; set; }
    public GroupState State { get; set; }
    public SnapshotRecord? Snapshot { get; set; }
    public ulong CompactedIndex { get; private set; }
    public ulong CompactedTerm { get; private set; }
    public uint Ordinal { get; set; }

    /// <summary>Whether the node hosts the group: described and not destroyed.</summary>
    public bool IsHosted => Descriptor is not null && !Destroyed;

    public ulong FirstIndex => CompactedIndex + 1;
    public ulong LastIndex => CompactedIndex + (ulong)_entries.Count;
    public int EntryCount => _entries.Count;

    /// <summary>Bytes that the group takes in a checkpoint.</summary>
    public int CheckpointBytes => LogFormat.RecordBytes(GroupCheckpoint.Bytes(this));

    // Staged by the writer while it gathers a batch.
    public long StagedIn { get; set; }
    public bool StagedHosted { get; set; }
    public bool StagedDestroyed { get; set; }
    public ulong StagedLast { get; set; }
    public ulong StagedCompacted { get; set; }
    public uint StagedOrdinal { get; set; }

    public ulong? TermAt(ulong index)
    {
        if (index == CompactedIndex)
            return CompactedTerm;
        return index > CompactedIndex && index <= LastIndex ? _terms.TermAt(index) : null;
    }

    public ref EntryPosition PositionAt(ulong index) => ref _entries[(int)(index - FirstIndex)];

    public void Append(ulong index, ulong term, EntryPosition position)
    {
        if (index != LastIndex + 1)
            throw new InvalidOperationException($"group {Id}: entry {index} behind {LastIndex}");
        _terms.Append(index, term);
        _entries.Add(position);
    }

    /// <summary>Forgets entries at or behind an index.</summary>
    public void TruncateFrom(ulong index, SegmentTable segments)
    {
        if (index > LastIndex)
            return;
        var kept = (int)(index - FirstIndex);
        Release(kept, _entries.Count - kept, segments);
        _entries.RemoveLast(_entries.Count - kept);
        _terms.TruncateFrom(index);
    }

    /// <summary>Forgets entries up to an index, or all if it is behind the last; the log then starts behind it.</summary>
    public void CompactThrough(ulong index, ulong term, SegmentTable segments)
    {
        if (index <= CompactedIndex)
            return;
        var count = (int)Math.Min(index - CompactedIndex, (ulong)_entries.Count);
        Release(0, count, segments);
        _entries.RemoveFirst(count);
        _terms.CompactThrough(index);
        Rebase(index, term);
    }

    /// <summary>Forgets all entries and starts behind an index.</summary>
    public void Reset(ulong index, ulong term, SegmentTable segments)
    {
        Release(0, _entries.Count, segments);
        _entries.Clear();
        Rebase(index, term);
    }

    void Rebase(ulong index, ulong term)
    {
        CompactedIndex = index;
        CompactedTerm = term;
        if (_entries.Count == 0)
            _terms.Clear();
    }

    void Release(int from, int count, SegmentTable segments)
    {
        var end = from + count;
        while (from < end)
        {
            var segment = _entries[from].Segment;
            var first = from;
            long bytes = 0;
            for (; from < end && _entries[from].Segment == segment; from++)
                bytes += _entries[from].Bytes;
            segments.Find(segment).RemoveLive(Id, from - first, bytes);
        }
    }
}
