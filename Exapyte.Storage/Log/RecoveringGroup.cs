namespace Exapyte.Storage.Log;

/// <summary>
/// A group while the log is replayed. Besides what the records say it keeps what speaks against it: an entry that is
/// missing, and doubts about records that were lost. A doubt ends where the log proves that it does not matter any more.
/// </summary>
sealed class RecoveringGroup(GroupId id)
{
    readonly Deque<RecoveredEntry> _entries = new();
    string? _metadataDoubt;
    string? _entriesDoubt;
    ulong _entriesDoubtThrough;
    string? _unproven;
    string? _damagedEntry;
    bool _isRestated;
    bool _isBaseMadeUp;

    public GroupId Id { get; } = id;
    public uint Ordinal { get; private set; }
    public ReadOnlyMemory<byte>? Descriptor { get; set; }
    public bool Destroyed { get; set; }
    public string? Quarantined { get; set; }
    public GroupState State { get; set; }
    public SnapshotRecord? Snapshot { get; set; }

    /// <summary>
    /// Where the entries begin: what is compacted, or, where the base is made up, what was lost and is in doubt until as much
    /// is compacted.
    /// </summary>
    ulong CompactedIndex { get; set; }
    ulong CompactedTerm { get; set; }
    ulong LastIndex => CompactedIndex + (ulong)_entries.Count;

    /// <summary>Some records are unreadable, perhaps of this group; its next record will tell by its ordinal.</summary>
    public void MarkUnproven(string reason) => _unproven ??= reason;

    /// <summary>Takes a record's ordinal; one that does not follow tells of records lost in between.</summary>
    public void Take(uint ordinal, bool isCheckpoint)
    {
        var expected = isCheckpoint ? Ordinal : Ordinal + 1;
        var isBase = isCheckpoint && Ordinal == 0;
        if (ordinal != expected && !isBase)
            Doubt(_unproven ?? $"record {ordinal} of the group follows record {Ordinal}");
        Ordinal = ordinal;
        _unproven = null;
    }

    /// <summary>A record of the group is damaged that is not an entry.</summary>
    public void DoubtMetadata(string reason) => _metadataDoubt ??= reason;

    /// <summary>A checkpoint is damaged, which matters only if the group is not known from elsewhere.</summary>
    public void MissCheckpoint(string reason)
    {
        if (!_isRestated && Descriptor is null)
            DoubtMetadata(reason);
    }

    public void Append(ulong index, ulong term, EntryPosition position, string? damage)
    {
        if (index <= CompactedIndex || index > LastIndex + 1)
        {
            Doubt(_entriesDoubt ?? $"entry {index} does not fit ({CompactedIndex}, {LastIndex}]");
            if (index <= CompactedIndex)
                return;
            // What is between is lost; the doubt stands until all this is compacted.
            _entries.Clear();
            (CompactedIndex, CompactedTerm, _isBaseMadeUp) = (index - 1, 0, true);
        }
        _entries.RemoveLast((int)(LastIndex + 1 - index));
        _entries.Add(new RecoveredEntry(term, position));
        _damagedEntry = damage ?? _damagedEntry;
    }

    public void Rewrite(ulong index, ulong term, EntryPosition position)
    {
        if (index <= CompactedIndex || index > LastIndex)
            return;
        ref var entry = ref _entries[(int)(index - CompactedIndex - 1)];
        if (entry.IsMissing || entry.Term == term)
            entry = new RecoveredEntry(term, position);
    }

    public void Compact(ulong index, ulong term)
    {
        if (index < CompactedIndex || (index == CompactedIndex && !_isBaseMadeUp))
            return;
        _entries.RemoveFirst((int)Math.Min(index - CompactedIndex, (ulong)_entries.Count));
        (CompactedIndex, CompactedTerm, _isBaseMadeUp) = (index, term, false);
        if (CompactedIndex >= _entriesDoubtThrough)
            _entriesDoubt = null;
    }

    public void Reset(ulong index, ulong term)
    {
        _entries.Clear();
        (CompactedIndex, CompactedTerm, _isBaseMadeUp) = (index, term, false);
        _entriesDoubt = null;
        _damagedEntry = null;
    }

    /// <summary>Everything but the entries is restated; of the entries, how far they reached.</summary>
    public void Restate(GroupCheckpoint said)
    {
        Descriptor = said.Descriptor;
        Destroyed = said.Destroyed;
        Quarantined = said.Quarantined;
        State = said.State;
        Snapshot = said.Snapshot;
        _metadataDoubt = null;
        _isRestated = true;
        if (_entriesDoubt is not null && _entriesDoubtThrough == ulong.MaxValue)
            _entriesDoubtThrough = said.LastIndex;
        if (said.LastIndex == said.CompactedIndex)
        {
            Reset(said.CompactedIndex, said.CompactedTerm);
            return;
        }
        CutBehind(said.LastIndex);
        Compact(said.CompactedIndex, said.CompactedTerm);
        if (CompactedIndex == said.CompactedIndex)
            CompactedTerm = said.CompactedTerm;
        Pad(said.LastIndex);
    }

    /// <summary>The group as the node will use it, or quarantined if anything speaks against it.</summary>
    public GroupIndex Finish(SegmentTable segments)
    {
        var reason = Quarantined ?? _metadataDoubt ?? _entriesDoubt ?? _unproven ?? Missing();
        if (Destroyed)
            reason = null;
        var group = new GroupIndex(Id)
        {
            Descriptor = Descriptor ?? (reason is null ? null : ReadOnlyMemory<byte>.Empty),
            Destroyed = Destroyed,
            Quarantined = reason,
            State = State,
            Snapshot = Snapshot,
            Ordinal = Ordinal,
        };
        group.Reset(CompactedIndex, CompactedTerm, segments);
        if (reason is not null || Destroyed)
            return group;
        for (var i = 0; i < _entries.Count; i++)
        {
            var (term, position) = _entries[i];
            group.Append(group.LastIndex + 1, term, position);
            segments.Find(position.Segment).AddLive(Id, 1, position.Bytes);
        }
        return group;
    }

    void Doubt(string reason)
    {
        _metadataDoubt ??= reason;
        _entriesDoubt = reason;
        _entriesDoubtThrough = ulong.MaxValue;
    }

    /// <summary>A truncation may have reached behind a base that was made up: its record did not fit then.</summary>
    void CutBehind(ulong last)
    {
        if (last > CompactedIndex)
        {
            _entries.RemoveLast((int)(LastIndex - Math.Min(last, LastIndex)));
            return;
        }
        _entries.Clear();
        CompactedIndex = last;
    }

    void Pad(ulong through)
    {
        while (LastIndex < through)
            _entries.Add(default);
    }

    string? Missing()
    {
        for (var i = 0; i < _entries.Count; i++)
        {
            if (_entries[i].IsMissing)
                return _damagedEntry ?? $"entry {CompactedIndex + 1 + (ulong)i} is missing";
        }
        return null;
    }
}

readonly record struct RecoveredEntry(ulong Term, EntryPosition Position)
{
    /// <summary>No segment has number 0.</summary>
    public bool IsMissing => Position.Segment == 0;
}
