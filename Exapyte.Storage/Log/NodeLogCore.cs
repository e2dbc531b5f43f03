using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>
/// The log without threads, clocks or chance: told to write a batch, it stages, encodes, writes, syncs, applies and
/// completes, in that order. Called by one thread at a time; <see cref="OpenGroup"/>, <see cref="Health"/> and
/// <see cref="Statistics"/> are for any thread.
/// </summary>
/// <remarks>
/// Invariants: every batch is synced before the next is begun, so nothing is ever acknowledged on top of something that
/// is not durable. After a failed sync nothing is acknowledged again: what the device holds is unknown, and a second sync
/// that succeeds proves nothing. Running out of space is noticed before a batch is written, in the zeros that are filled
/// ahead, and passes.
/// </remarks>
sealed class NodeLogCore : IDisposable
{
    static readonly LogCommand[] Nothing = [];

    readonly NodeLogOptions _options;
    readonly LogIndex _index;
    readonly SegmentFiles _files;
    readonly TailCache _cache;
    readonly LogReader _reader;
    readonly SegmentRewriter _rewriter;
    readonly BatchBuffer _batch = new();
    LogHealth _health = LogHealth.Ok;
    ulong _nextSequence;
    long _batches;
    long _bytesWritten;
    long _entries;
    long _rewritten;
    long _sealedAt = -1;

    NodeLogCore(NodeLogOptions options, LogIndex index, SegmentFiles files, ulong nextSequence)
    {
        _options = options;
        _index = index;
        _files = files;
        _nextSequence = nextSequence;
        _cache = new TailCache(options.CacheBytes);
        _reader = new LogReader(index.Segments, _cache);
        _rewriter = new SegmentRewriter(index, _reader, options);
    }

    public LogHealth Health => Volatile.Read(ref _health);

    /// <summary>Approximate while a batch is written on another thread.</summary>
    public NodeLogStatistics Statistics
    {
        get
        {
            var segments = _index.Segments.All;
            long live = 0;
            foreach (var segment in segments)
                live += segment.LiveBytes;
            return new NodeLogStatistics
            {
                Segments = segments.Length,
                SpareSegments = _files.SpareCount,
                LiveBytes = live,
                Groups = _index.HostedCount,
                Batches = _batches,
                Syncs = _files.Syncs,
                Entries = _entries,
                EntriesRewritten = _rewritten,
                BytesWritten = _bytesWritten,
                BytesFilled = _files.BytesFilled,
                SegmentsReleased = _files.Released,
                CacheHits = _reader.CacheHits,
                CacheMisses = _reader.CacheMisses,
            };
        }
    }

    /// <summary>
    /// Recovers a log and begins a new segment: nothing is ever appended to an old one. Opens on a full disk as well,
    /// with <see cref="Health"/> saying so. The new id, a random number, names the log if there is none yet.
    /// </summary>
    /// <exception cref="NodeLogException">The log was written by a newer version, or none of it can be read.</exception>
    /// <exception cref="DiskException">The folder cannot be read or synced.</exception>
    public static NodeLogCore Open(
        string folder,
        NodeLogOptions options,
        IFiles files,
        ulong newLogId,
        out NodeLogRecovery recovery
    )
    {
        options.Validate();
        files.CreateFolder(folder);
        var recovered = new LogRecoverer(folder, options, files, newLogId).Run();
        recovery = recovered.Recovery;
        var segments = new SegmentFiles(
            folder,
            options,
            files,
            recovered.LogId,
            recovered.Index.Segments,
            recovered.Spares
        );
        var core = new NodeLogCore(options, recovered.Index, segments, recovered.NextSequence);
        core.TryWrite(Nothing, 0, 0, freeingOnly: false, checkpoint: true);
        core.ReleaseSegments();
        return core;
    }

    /// <summary>The log of a hosted group.</summary>
    public GroupLog OpenGroup(GroupId id) =>
        _index.Find(id) is { IsHosted: true } group
            ? new GroupLog(group, _reader)
            : throw new InvalidOperationException($"group {id} is not hosted here");

    /// <summary>Makes commands durable, in one batch as far as they fit, and completes them in order.</summary>
    public void WriteBatch(IReadOnlyList<LogCommand> commands)
    {
        for (var from = 0; from < commands.Count; )
        {
            var to = SliceEnd(commands, from);
            if (!TryWrite(commands, from, to, freeingOnly: false))
                TryWrite(commands, from, to, freeingOnly: true);
            for (; from < to; from++)
                commands[from].Complete();
            ReleaseSegments();
        }
    }

    /// <summary>One bounded piece of work for when nothing waits; false if there is none.</summary>
    public bool IdleStep()
    {
        if (Health.Condition == LogCondition.Failed)
            return false;
        try
        {
            if (_files.ReleaseOldest())
                return true;
            var rewritten = _rewritten;
            // Whoever asks for the health before it writes would otherwise never learn that space has returned.
            TryWrite(Nothing, 0, 0, freeingOnly: false, checkpoint: Health.Condition == LogCondition.DiskFull);
            if (_rewritten > rewritten || _files.FillStep() || _files.PrepareSpareStep())
                return true;
            Seal();
            return false;
        }
        catch (DiskException cause)
        {
            // Without space nothing is prepared ahead; whether that matters the next batch will tell.
            if (!cause.IsDiskFull)
                Fail(cause);
            return false;
        }
    }

    /// <summary>Nothing will be written any more: makes the seal durable, so that damage in the last batch is known as such.</summary>
    public void End()
    {
        if (Health.Condition != LogCondition.Ok)
            return;
        try
        {
            Seal();
            _files.Sync(_files.Active!.File);
        }
        catch (DiskException)
        {
            // All that was acknowledged is durable without it.
        }
    }

    public void Dispose() => _files.Dispose();

    /// <summary>
    /// Writes a batch without records behind the last one: proof that this was synced, so that damage in it is not taken
    /// for the torn tail of a crash. Not synced itself, so it takes no sequence number: the next batch has the same and
    /// overwrites it. If a crash loses it, the last batch is unproven again, and nothing else.
    /// </summary>
    void Seal()
    {
        if (_files.Active is not { } active || Health.Condition != LogCondition.Ok)
            return;
        var at = active.Start + active.End;
        if (_sealedAt == at || active.End + LogFormat.SectorBytes > active.FilledBytes)
            return;
        _batch.Begin(active.Seed, active.End);
        active.File.Write(active.End, _batch.Finish(_nextSequence));
        _sealedAt = at;
    }

    int SliceEnd(IReadOnlyList<LogCommand> commands, int from)
    {
        long bytes = 0;
        var to = from;
        while (to < commands.Count)
        {
            bytes += commands[to].RecordsBytes;
            if (bytes > _options.BatchBytesMax && to > from)
                break;
            to++;
        }
        return to;
    }

    /// <summary>
    /// 1 stage, 2 find room, 3 encode, 4 write, 5 sync, 6 apply. False if space ran out and nothing was written: the
    /// caller may try once more with what frees space.
    /// </summary>
    bool TryWrite(IReadOnlyList<LogCommand> commands, int from, int to, bool freeingOnly, bool checkpoint = false)
    {
        if (Health is { Condition: LogCondition.Failed } failed)
        {
            for (var i = from; i < to; i++)
                commands[i].Result = new(LogAppendStatus.IoError, failed.Reason);
            return true;
        }
        _index.BeginBatch();
        _rewriter.Clear();
        if (!freeingOnly)
            _rewriter.Collect(_files.Active);
        var bytes = Stage(commands, from, to, freeingOnly);
        // One entry may be as large as an append: such a copy goes alone, or batch and checkpoint would not fit a segment.
        if (bytes > 0 && bytes + _rewriter.RecordsBytes > _options.SegmentBytes / 2)
            _rewriter.Clear();
        bytes += _rewriter.RecordsBytes;
        if (bytes == 0 && !checkpoint)
            return true;
        try
        {
            FindRoom(bytes, freeingOnly);
            Encode(commands, from, to);
            if (_batch.Records > 0)
                WriteAndSync();
        }
        catch (DiskException cause)
        {
            return !Refuse(commands, from, to, cause);
        }
        Apply(commands, from, to);
        if (!freeingOnly)
            SetHealth(LogHealth.Ok);
        return true;
    }

    long Stage(IReadOnlyList<LogCommand> commands, int from, int to, bool freeingOnly)
    {
        long bytes = 0;
        for (var i = from; i < to; i++)
        {
            var command = commands[i];
            command.Result =
                freeingOnly && !command.FreesSpace
                    ? new(LogAppendStatus.DiskFull, Health.Reason)
                    : command.Stage(_index);
            if (command.Result.IsOk)
                bytes += command.RecordsBytes;
        }
        return bytes;
    }

    void FindRoom(long recordsBytes, bool useReserve)
    {
        var bytes = BatchBytes(recordsBytes + PendingCheckpointBytes());
        if (!_files.HasRoom(bytes, useReserve))
        {
            if (useReserve && _files.SpareCount == 0)
                throw new DiskException("no space left for another segment", DiskException.NoSpace);
            _files.Roll(_nextSequence);
            bytes = BatchBytes(recordsBytes + PendingCheckpointBytes());
            if (!_files.HasRoom(bytes, useReserve))
                throw new InvalidOperationException($"a batch of {bytes} bytes does not fit into an empty segment");
        }
        _files.EnsureFilled(_files.Active!.End + bytes + (useReserve ? 0 : _options.ReserveBytes));
    }

    long PendingCheckpointBytes() => _files.Active is { HasCheckpoint: false } ? _index.CheckpointBytes() : 0;

    static long BatchBytes(long recordsBytes) => LogFormat.AlignUp(LogFormat.BatchHeaderBytes + recordsBytes);

    void Encode(IReadOnlyList<LogCommand> commands, int from, int to)
    {
        var active = _files.Active!;
        _batch.Begin(active.Seed, active.End);
        if (!active.HasCheckpoint)
            _index.EncodeCheckpoint(_batch);
        _rewriter.Encode(_batch);
        for (var i = from; i < to; i++)
        {
            if (commands[i].Result.IsOk)
                commands[i].Encode(_batch);
        }
    }

    void WriteAndSync()
    {
        var active = _files.Active!;
        var bytes = _batch.Finish(_nextSequence);
        active.File.Write(active.End, bytes);
        try
        {
            _files.Sync(active.File);
        }
        catch (DiskException cause) when (cause.IsDiskFull)
        {
            // Space that ran out in a sync leaves what is durable as unknown as any other failure does.
            throw new DiskException(cause.Message, DiskException.InputOutput, cause);
        }
        _cache.Write(active.Start + active.End, bytes);
        active.End += bytes.Length;
        _nextSequence++;
        _batches++;
        _bytesWritten += bytes.Length;
    }

    void Apply(IReadOnlyList<LogCommand> commands, int from, int to)
    {
        var active = _files.Active!;
        if (!active.HasCheckpoint)
            _index.CommitAll();
        active.HasCheckpoint = true;
        _rewriter.Apply(active);
        _rewritten += _rewriter.Entries.Count;
        for (var i = from; i < to; i++)
        {
            var command = commands[i];
            if (!command.Result.IsOk)
                continue;
            command.Commit(_index, active);
            _entries += command is GroupAppend append ? append.Entries.Count : 0;
        }
    }

    /// <summary>Nothing of the batch is acknowledged; true if only space ran out.</summary>
    bool Refuse(IReadOnlyList<LogCommand> commands, int from, int to, DiskException cause)
    {
        if (cause.IsDiskFull)
            SetHealth(new LogHealth(LogCondition.DiskFull, cause.Message));
        else
            Fail(cause);
        var status = cause.IsDiskFull ? LogAppendStatus.DiskFull : LogAppendStatus.IoError;
        for (var i = from; i < to; i++)
        {
            if (commands[i].Result.IsOk || commands[i].Result.Status == LogAppendStatus.DiskFull)
                commands[i].Result = new(status, cause.Message);
        }
        return cause.IsDiskFull;
    }

    void ReleaseSegments()
    {
        if (Health.Condition == LogCondition.Failed)
            return;
        try
        {
            while (_files.ReleaseOldest()) { }
        }
        catch (DiskException cause)
        {
            Fail(cause);
        }
    }

    void Fail(DiskException cause) =>
        SetHealth(new LogHealth(LogCondition.Failed, $"{cause.Message}; restart the node once the disk is well"));

    void SetHealth(LogHealth health)
    {
        if (_health != health)
            Volatile.Write(ref _health, health);
    }
}
