using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>
/// Segments as files: begins them out of spares, fills them with zeros ahead of the write position, releases them. Every
/// step is durable before the next relies on it.
/// </summary>
sealed class SegmentFiles(
    string folder,
    NodeLogOptions options,
    IFiles files,
    ulong logId,
    SegmentTable table,
    IEnumerable<string> spares
) : IDisposable
{
    readonly List<string> _spares = [.. spares];
    readonly byte[] _zeros = new byte[Math.Min(options.FillStepBytes, options.SegmentBytes)];
    IFile? _preparing;
    long _preparedBytes;

    /// <summary>The segment written to; null until the first is begun after opening.</summary>
    public Segment? Active { get; private set; }

    public int SpareCount => _spares.Count;

    public long Syncs { get; private set; }

    public long BytesFilled { get; private set; }

    public long Released { get; private set; }

    /// <summary>Whether the active segment takes so many more bytes and keeps its reserve, or may use that up.</summary>
    public bool HasRoom(long bytes, bool useReserve) =>
        Active is { } active && active.End + bytes + (useReserve ? 0 : options.ReserveBytes) <= options.SegmentBytes;

    /// <summary>Seals the active segment and begins the next one, whose header says where this one ends.</summary>
    public Segment Roll(ulong firstSequence)
    {
        var newest = table.Newest;
        var number = checked((newest?.Number ?? 0) + 1);
        var header = new SegmentHeader(
            LogFormat.Version,
            logId,
            number,
            options.SegmentBytes,
            firstSequence,
            newest?.Number ?? 0,
            newest?.End ?? 0
        );
        StopPreparing();
        var name = _spares.Count > 0 ? _spares[^1] : LogFormat.SpareName(number);
        var file = files.Open(PathOf(name), FileMode.OpenOrCreate);
        try
        {
            header.Write(_zeros.AsSpan(0, LogFormat.DataOffset));
            file.Write(0, _zeros.AsSpan(0, LogFormat.DataOffset));
            Sync(file);
            var path = PathOf(LogFormat.SegmentName(number));
            files.Rename(PathOf(name), path);
            _spares.Remove(name);
            SyncNames();
            // Opened anew, so that whatever the disk says later names the file that an operator finds.
            file.Dispose();
            file = files.Open(path, FileMode.Open);
        }
        catch (DiskException)
        {
            file.Dispose();
            throw;
        }
        finally
        {
            _zeros.AsSpan(0, LogFormat.DataOffset).Clear();
        }
        var segment = new Segment(number, LogFormat.SegmentName(number), file, logId, NextStart(newest))
        {
            FilledBytes = Math.Min(file.Length, options.SegmentBytes),
        };
        table.Add(segment);
        return Active = segment;
    }

    /// <summary>Fills the active segment with zeros so that it is allocated at least to an offset.</summary>
    public void EnsureFilled(long through)
    {
        while (Active!.FilledBytes < Math.Min(through, options.SegmentBytes))
            FillStep();
    }

    /// <summary>Fills one more step of the active segment; false if it is full.</summary>
    public bool FillStep()
    {
        if (Active is not { } active || active.FilledBytes >= options.SegmentBytes)
            return false;
        active.FilledBytes = Fill(active.File, active.FilledBytes);
        return true;
    }

    /// <summary>Takes one step towards a spare for the time when the active segment is full; false if there is one.</summary>
    public bool PrepareSpareStep()
    {
        if (_preparing is null)
        {
            if (_spares.Count > 0 || Active is not { } active || active.End < options.SegmentBytes / 2)
                return false;
            var name = LogFormat.SpareName(checked(active.Number + 1));
            _preparing = files.Open(PathOf(name), FileMode.OpenOrCreate);
            _preparedBytes = 0;
            _spares.Add(name);
        }
        if (_preparedBytes >= options.SegmentBytes)
        {
            StopPreparing();
            return false;
        }
        _preparedBytes = Fill(_preparing, _preparedBytes);
        return true;
    }

    /// <summary>
    /// Releases the oldest segment if nothing needs it. The name is gone for good before the file is used again: otherwise
    /// a power cut could show the new content under the old name.
    /// </summary>
    public bool ReleaseOldest()
    {
        if (
            table.Oldest is not { LiveBytes: 0, HasReaders: false } oldest
            || oldest == Active
            || Active is not { HasCheckpoint: true }
        )
            return false;
        table.RemoveOldest();
        oldest.Dispose();
        var spare = _spares.Count < options.SpareSegmentsMax ? TryKeep(oldest) : null;
        if (spare is null)
            files.Delete(PathOf(oldest.Name));
        SyncNames();
        if (spare is not null)
            _spares.Add(spare);
        Released++;
        return true;
    }

    /// <summary>Renames a segment into a spare; null if it is of another size or even a name finds no space.</summary>
    string? TryKeep(Segment segment)
    {
        if (segment.FilledBytes > options.SegmentBytes)
            return null;
        try
        {
            var spare = LogFormat.SpareName(segment.Number);
            files.Rename(PathOf(segment.Name), PathOf(spare));
            return spare;
        }
        catch (DiskException cause) when (cause.IsDiskFull)
        {
            return null;
        }
    }

    public void Sync(IFile file)
    {
        Syncs++;
        file.DataSync();
    }

    public void Dispose()
    {
        StopPreparing();
        foreach (var segment in table.All)
            segment.Dispose();
    }

    public static long NextStart(Segment? newest) => newest is null ? 0 : newest.Start + newest.End;

    long Fill(IFile file, long from)
    {
        var bytes = (int)Math.Min(options.FillStepBytes, options.SegmentBytes - from);
        // Asked first: a write that runs out of space in its middle would keep what it took. A new segment may go further,
        // for a node that starts on a full disk must be able to vote before it can serve reads.
        files.RequireSpace(folder, bytes + (from < bytes ? options.DiskBytesLeft / 2 : options.DiskBytesLeft));
        file.Write(from, _zeros.AsSpan(0, bytes));
        Sync(file);
        BytesFilled += bytes;
        return from + bytes;
    }

    /// <summary>What a name points to is unknown after a failure here, whatever its cause: nothing may be built on it.</summary>
    void SyncNames()
    {
        Syncs++;
        try
        {
            files.SyncFolder(folder);
        }
        catch (DiskException cause) when (cause.IsDiskFull)
        {
            throw new DiskException(cause.Message, DiskException.InputOutput, cause);
        }
    }

    void StopPreparing()
    {
        _preparing?.Dispose();
        _preparing = null;
    }

    string PathOf(string name) => Path.Combine(folder, name);
}
