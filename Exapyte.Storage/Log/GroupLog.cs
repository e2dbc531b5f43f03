using System.Diagnostics.CodeAnalysis;
using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>How a read of a group's log ended.</summary>
public enum LogReadStatus
{
    /// <summary>As many entries as there are, or as the limit allows.</summary>
    Ok,

    /// <summary>The first index asked for is compacted: the reader needs a snapshot.</summary>
    Compacted,

    /// <summary>An entry does not verify, or the group was quarantined before: it must be replaced.</summary>
    Damaged,

    /// <summary>The disk could not be read, where another attempt may succeed, or the log is closed.</summary>
    IoError,
}

/// <summary>
/// What is durable of one group's log. Safe for any number of threads beside the writer; each property is a moment's
/// view. Entries become visible when their batch is durable, before it is completed.
/// </summary>
public sealed class GroupLog
{
    const int RunLengthMax = 256;

    readonly GroupIndex _group;
    readonly LogReader _reader;

    internal GroupLog(GroupIndex group, LogReader reader)
    {
        _group = group;
        _reader = reader;
    }

    /// <summary>The group.</summary>
    public GroupId Id => _group.Id;

    /// <summary>First index present: one behind <see cref="CompactedIndex"/>.</summary>
    public ulong FirstIndex => Under(static g => g.FirstIndex);

    /// <summary>Last index present, or <see cref="CompactedIndex"/> if there is none.</summary>
    public ulong LastIndex => Under(static g => g.LastIndex);

    /// <summary>Last index of the compacted prefix, 0 if nothing was compacted.</summary>
    public ulong CompactedIndex => Under(static g => g.CompactedIndex);

    /// <summary>Term of <see cref="CompactedIndex"/>.</summary>
    public ulong CompactedTerm => Under(static g => g.CompactedTerm);

    /// <summary>Term, vote and commit as last made durable; zeros if never.</summary>
    public GroupState State => Under(static g => g.State);

    /// <summary>Descriptor as last made durable; empty once destroyed.</summary>
    public ReadOnlyMemory<byte> Descriptor => Under(static g => g.Descriptor.GetValueOrDefault());

    /// <summary>The last snapshot installed, if any.</summary>
    public SnapshotRecord? Snapshot => Under(static g => g.Snapshot);

    /// <summary>Why the group must be replaced; null while it is whole.</summary>
    public string? Quarantined => Under(static g => g.Quarantined);

    /// <summary>Term of an entry present or of the last compacted one; null for any other.</summary>
    public ulong? TermAt(ulong index)
    {
        lock (_group.Gate)
            return _group.TermAt(index);
    }

    /// <summary>
    /// How many entries up to an index, counted backwards from it, take no more than so many bytes in the log, and are no
    /// more than so many.
    /// </summary>
    public ulong CountWithin(ulong through, long bytesMax, ulong countMax)
    {
        ulong count = 0;
        lock (_group.Gate)
        {
            var left = bytesMax;
            for (
                var index = Math.Min(through, _group.LastIndex);
                index >= _group.FirstIndex && count < countMax;
                index--
            )
            {
                left -= _group.PositionAt(index).Bytes;
                if (left < 0)
                    break;
                count++;
            }
        }
        return count;
    }

    /// <summary>
    /// Adds entries from an index through another to a list, in order, until their payloads exceed a number of bytes; the
    /// first is always given. Stops at the last entry present.
    /// </summary>
    [SuppressMessage(
        "Design",
        "MA0016",
        Justification = "Filled for every append that is sent: no interface calls here"
    )]
    public LogReadStatus Read(ulong from, ulong through, long maxBytes, List<LogRecordEntry> into)
    {
        ArgumentNullException.ThrowIfNull(into);
        var window = new ReadWindow();
        var positions = new List<EntryPosition>();
        try
        {
            var left = maxBytes;
            var started = into.Count;
            while (from <= through)
            {
                var status = Collect(from, through, positions, out var segment);
                if (status != LogReadStatus.Ok || segment is null)
                    return status == LogReadStatus.Compacted && into.Count > started ? LogReadStatus.Ok : status;
                try
                {
                    foreach (var position in positions)
                    {
                        left -= position.Bytes - LogFormat.RecordHeaderBytes;
                        if (left < 0 && into.Count > started)
                            return LogReadStatus.Ok;
                        if (_reader.Read(segment, position, Id, from, ref window) is not { } entry)
                            return Damaged(segment, position, from);
                        into.Add(entry);
                        from++;
                    }
                }
                finally
                {
                    segment.RemoveReader();
                }
            }
            return LogReadStatus.Ok;
        }
        catch (Exception cause) when (cause is DiskException or ObjectDisposedException)
        {
            return LogReadStatus.IoError;
        }
        finally
        {
            window.Dispose();
        }
    }

    /// <summary>Notes where entries stand that share a segment, and holds that segment; null if there is none.</summary>
    LogReadStatus Collect(ulong from, ulong through, List<EntryPosition> positions, out Segment? segment)
    {
        positions.Clear();
        segment = null;
        lock (_group.Gate)
        {
            if (_group.Quarantined is not null)
                return LogReadStatus.Damaged;
            if (from <= _group.CompactedIndex)
                return LogReadStatus.Compacted;
            if (from > _group.LastIndex)
                return LogReadStatus.Ok;
            var number = _group.PositionAt(from).Segment;
            var last = Math.Min(through, _group.LastIndex);
            for (; from <= last && positions.Count < RunLengthMax; from++)
            {
                var position = _group.PositionAt(from);
                if (position.Segment != number)
                    break;
                positions.Add(position);
            }
            segment = _reader.Segments.Find(number);
            segment.AddReader();
        }
        return LogReadStatus.Ok;
    }

    LogReadStatus Damaged(Segment segment, EntryPosition position, ulong index)
    {
        lock (_group.Gate)
            _group.Quarantined ??= $"entry {index} does not verify: {segment.Name} at {position.Offset}";
        return LogReadStatus.Damaged;
    }

    T Under<T>(Func<GroupIndex, T> get)
    {
        lock (_group.Gate)
            return get(_group);
    }
}
