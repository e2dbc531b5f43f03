using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>
/// Copies live entries out of the oldest segment when quiet groups pin it, so that it can be released. Bounded per batch.
/// It acts when the oldest is mostly dead, or when the log as a whole is; a log full of live entries is its owners' to
/// compact.
/// </summary>
sealed class SegmentRewriter(LogIndex index, LogReader reader, NodeLogOptions options)
{
    readonly List<RewrittenEntry> _entries = [];

    public IReadOnlyList<RewrittenEntry> Entries => _entries;

    public long RecordsBytes { get; private set; }

    public void Clear()
    {
        _entries.Clear();
        RecordsBytes = 0;
    }

    /// <summary>Gathers what to copy with the next batch; nothing if no segment asks for it.</summary>
    public void Collect(Segment? active)
    {
        Clear();
        if (
            options.RewriteBatchBytesMax == 0
            || index.Segments.Oldest is not { } oldest
            || !IsWorthwhile(oldest, active)
        )
            return;
        foreach (var id in oldest.Live.Keys.ToArray())
        {
            if (index.Find(id) is { } group)
                Collect(group, oldest);
            if (RecordsBytes >= options.RewriteBatchBytesMax)
                return;
        }
    }

    public void Encode(BatchBuffer batch)
    {
        for (var i = 0; i < _entries.Count; i++)
        {
            var (group, entry, _) = _entries[i];
            index.Stage(group.Id);
            var offset = batch.Add(
                RecordKind.RewrittenEntry,
                group,
                entry.Term,
                entry.Index,
                entry.Payload.Span,
                entry.Kind
            );
            _entries[i] = new RewrittenEntry(group, entry, offset);
        }
    }

    /// <summary>The copies are durable: the originals are dead.</summary>
    public void Apply(Segment segment)
    {
        foreach (var (group, entry, offset) in _entries)
        {
            lock (group.Gate)
            {
                ref var position = ref group.PositionAt(entry.Index);
                index.Segments.Find(position.Segment).RemoveLive(group.Id, 1, position.Bytes);
                position = new EntryPosition(segment.Number, offset, position.Bytes);
                segment.AddLive(group.Id, 1, position.Bytes);
            }
            index.Commit(group);
        }
    }

    bool IsWorthwhile(Segment oldest, Segment? active)
    {
        if (oldest == active || oldest.LiveBytes == 0 || index.Segments.Count < options.RewriteSegmentsMin)
            return false;
        if (oldest.LiveBytes <= options.SegmentBytes / 4)
            return true;
        long live = 0,
            used = 0;
        foreach (var segment in index.Segments.All)
        {
            live += segment.LiveBytes;
            used += segment.End;
        }
        return live * 2 <= used;
    }

    void Collect(GroupIndex group, Segment oldest)
    {
        if (group.Quarantined is not null)
        {
            // Its entries are worth nothing any more; they must not pin what others could reuse.
            lock (group.Gate)
                group.Reset(group.CompactedIndex, group.CompactedTerm, index.Segments);
            return;
        }
        var window = new ReadWindow();
        try
        {
            for (var i = group.FirstIndex; i <= group.LastIndex && RecordsBytes < options.RewriteBatchBytesMax; i++)
            {
                var position = group.PositionAt(i);
                if (position.Segment != oldest.Number)
                    continue;
                if (_entries.Count > 0 && RecordsBytes + position.Bytes > options.RewriteBatchBytesMax)
                    return;
                if (reader.Read(oldest, position, group.Id, i, ref window) is not { } entry)
                {
                    lock (group.Gate)
                        group.Quarantined ??= $"entry {i} does not verify: {oldest.Name} at {position.Offset}";
                    return;
                }
                _entries.Add(new RewrittenEntry(group, entry, 0));
                RecordsBytes += position.Bytes;
            }
        }
        catch (DiskException)
        {
            // Reading may succeed another time; until then the segment stays.
        }
        finally
        {
            window.Dispose();
        }
    }
}

readonly record struct RewrittenEntry(GroupIndex Group, LogRecordEntry Entry, int Offset);
