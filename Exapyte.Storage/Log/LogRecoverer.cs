using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>What a log held when it was opened, ready to be written on.</summary>
sealed record RecoveredLog(
    ulong LogId,
    LogIndex Index,
    ulong NextSequence,
    IReadOnlyList<string> Spares,
    NodeLogRecovery Recovery
);

/// <summary>
/// Reads a log once, oldest segment first. Changes nothing but this: the last batch is written again, as it is, and
/// synced, because it may have been readable without being durable (the process ended, or a sync failed, between write
/// and acknowledgement), and what is recovered will be taken for durable.
/// </summary>
sealed class LogRecoverer(string folder, NodeLogOptions options, IFiles files, ulong newLogId)
{
    readonly LogReplay _replay = new();
    readonly List<LogDamage> _damage = [];
    readonly SegmentTable _table = new();
    ulong _nextSequence = 1;
    TornTail? _tail;

    public RecoveredLog Run()
    {
        files.SyncFolder(folder);
        var names = files.List(folder);
        List<FoundSegment> found = [];
        try
        {
            foreach (var number in Numbers(names, LogFormat.SegmentNumber))
                found.Add(ReadHeader(number));
            var logId = Identify(found);
            ScanAll(found, logId);
            var index = BuildIndex();
            return new RecoveredLog(logId, index, _nextSequence, KeepSpares(names), Report(index));
        }
        catch
        {
            found.ForEach(s => s.File.Dispose());
            throw;
        }
    }

    void ScanAll(List<FoundSegment> found, ulong logId)
    {
        for (var i = 0; i < found.Count; i++)
        {
            var current = found[i] with { Header = Own(found[i], logId) };
            var successor = i + 1 < found.Count ? found[i + 1] : null;
            if (i > 0)
                ReportMissing(found[i - 1].Number, current.Number);
            Scan(current, successor is null ? null : Own(successor, logId), isLast: successor is null, logId);
        }
    }

    static uint[] Numbers(IEnumerable<string> names, Func<string, uint?> number) =>
        [.. names.Select(number).OfType<uint>().Order()];

    FoundSegment ReadHeader(uint number)
    {
        var name = LogFormat.SegmentName(number);
        var file = files.Open(Path.Combine(folder, name), FileMode.Open);
        var window = new SegmentWindow(file);
        var first = SegmentHeader.Read(window.Peek(0, LogFormat.HeaderBytes), number);
        var second = SegmentHeader.Read(window.Peek(LogFormat.BlockBytes, LogFormat.HeaderBytes), number);
        if (first is null || second is null)
        {
            var reason = (first ?? second) is null
                ? "neither copy of the segment's header verifies"
                : "one copy of the segment's header does not verify; the other does";
            _damage.Add(new LogDamage(name, first is null ? 0 : LogFormat.BlockBytes, LogFormat.HeaderBytes, reason));
        }
        if ((first ?? second) is { Version: > LogFormat.Version } newer)
            throw new NodeLogException(
                $"{name} has format {newer.Version}, this version reads up to {LogFormat.Version}: upgrade this node"
            );
        return new FoundSegment(number, name, file, window, first ?? second);
    }

    /// <summary>The id of the newest header: a foreign file among them is damage, not another log.</summary>
    ulong Identify(List<FoundSegment> found)
    {
        if (found.Count == 0)
            return newLogId;
        return found.FindLast(s => s.Header is not null)?.Header?.LogId
            ?? throw new NodeLogException(
                $"no segment of {folder} has a header that verifies: restore the disk, or wipe the folder and add the node as a new one"
            );
    }

    SegmentHeader? Own(FoundSegment segment, ulong logId)
    {
        if (segment.Header is not { } header || header.LogId == logId)
            return segment.Header;
        _damage.Add(new LogDamage(segment.Name, 0, LogFormat.HeaderBytes, "the segment belongs to another log"));
        return null;
    }

    void ReportMissing(uint previous, uint current)
    {
        for (var number = previous + 1; number < current; number++)
        {
            var name = LogFormat.SegmentName(number);
            _damage.Add(new LogDamage(name, 0, 0, "the segment file is missing"));
            _replay.MarkUnproven($"{name} is missing");
        }
    }

    void Scan(FoundSegment found, SegmentHeader? successor, bool isLast, ulong logId)
    {
        var segment = new Segment(found.Number, found.Name, found.File, logId, SegmentFiles.NextStart(_table.Newest))
        {
            FilledBytes = found.Window.Length,
            HasCheckpoint = true,
        };
        ExpectFirst(found);
        ExpectHeader(found, isLast);
        var scanner = new SegmentScanner(segment, found.Window, _replay, _damage);
        var isCut = successor?.Previous == found.Number;
        segment.End = scanner.Scan(
            found.Header?.FirstSequence ?? (_table.Count > 0 ? _nextSequence : null),
            isCut ? successor?.PreviousEnd : null,
            isCut ? successor?.FirstSequence : null
        );
        _nextSequence = scanner.Next ?? _nextSequence;
        _tail = isLast ? scanner.Tail : null;
        _table.Add(segment);
        if (isLast && scanner.LastBatch is { } last)
            Settle(segment, found.Window, last.Offset, last.Bytes);
    }

    /// <summary>A later segment that does not continue where the one before ended tells of lost batches.</summary>
    void ExpectFirst(FoundSegment found)
    {
        if (_table.Count == 0 || found.Header is not { } header || header.FirstSequence == _nextSequence)
            return;
        var reason = $"batches {_nextSequence} to {header.FirstSequence - 1} before the segment are missing";
        _damage.Add(new LogDamage(found.Name, 0, 0, reason));
        _replay.MarkUnproven($"{found.Name}: {reason}");
    }

    /// <summary>
    /// A file gets the name of a segment only once both copies of its header are durable. So one that is shorter is no trace
    /// of a crash: it was cut off, and where no later segment says what it held, that may have been of any group.
    /// </summary>
    void ExpectHeader(FoundSegment found, bool isLast)
    {
        if (found.Window.Length >= LogFormat.DataOffset || !isLast)
            return;
        const string Reason = "the file is shorter than its header: whatever it held is gone";
        _damage.Add(new LogDamage(found.Name, found.Window.Length, 0, Reason));
        _replay.MarkUnproven($"{found.Name} at {found.Window.Length}: {Reason}");
    }

    static void Settle(Segment segment, SegmentWindow window, long offset, long bytes)
    {
        segment.File.Write(offset, window.Peek(offset, (int)bytes));
        segment.File.DataSync();
    }

    LogIndex BuildIndex()
    {
        var index = new LogIndex(_table, options) { ClockHighWater = _replay.ClockHighWater };
        foreach (var group in _replay.Groups)
        {
            var built = group.Finish(_table);
            if (built.IsHosted || built.Destroyed)
                index.Add(built);
        }
        return index;
    }

    /// <summary>Spares of the right size are kept; a half-made one is filled when it is used.</summary>
    List<string> KeepSpares(IEnumerable<string> names)
    {
        List<string> kept = [];
        foreach (var name in Numbers(names, LogFormat.SpareNumber).Select(LogFormat.SpareName))
        {
            var path = Path.Combine(folder, name);
            if (kept.Count < options.SpareSegmentsMax && files.Length(path) <= options.SegmentBytes)
                kept.Add(name);
            else
                files.Delete(path);
        }
        return kept;
    }

    NodeLogRecovery Report(LogIndex index) =>
        new(
            [.. index.Known.Where(g => g.IsHosted).Select(Describe)],
            [.. index.Known.Where(g => g.Destroyed).Select(g => g.Id)],
            index.ClockHighWater,
            _damage,
            _tail,
            _replay.ClockInDoubt
        );

    static RecoveredGroup Describe(GroupIndex group) =>
        new()
        {
            Id = group.Id,
            Descriptor = group.Descriptor.GetValueOrDefault(),
            State = group.State,
            FirstIndex = group.FirstIndex,
            LastIndex = group.LastIndex,
            CompactedTerm = group.CompactedTerm,
            Snapshot = group.Snapshot,
            Quarantined = group.Quarantined,
        };

    sealed record FoundSegment(uint Number, string Name, IFile File, SegmentWindow Window, SegmentHeader? Header);
}
