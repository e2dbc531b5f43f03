namespace Exapyte.Storage.Log;

/// <summary>
/// Reads one segment's batches in order into a replay. What does not verify is a torn tail if nothing valid follows, and
/// damage otherwise; of a damaged batch the records that verify still count.
/// </summary>
sealed class SegmentScanner(Segment segment, SegmentWindow window, LogReplay replay, List<LogDamage> damage)
{
    /// <summary>Sequence that the next batch must have; null while unknown.</summary>
    public ulong? Next { get; private set; }

    /// <summary>Where the last batch that verifies stands, if there is one.</summary>
    public (long Offset, long Bytes)? LastBatch { get; private set; }

    /// <summary>The batch cut off at the end, if its head was written.</summary>
    public TornTail? Tail { get; private set; }

    /// <param name="first">Sequence of the first batch, if known.</param>
    /// <param name="end">Where the segment ends according to its successor; null if nothing tells.</param>
    /// <param name="following">Sequence of the batch behind <paramref name="end"/>, if known.</param>
    /// <returns>Where the segment ends.</returns>
    public long Scan(ulong? first, long? end, ulong? following)
    {
        Next = first;
        var limit = Math.Min(end ?? window.Length, window.Length);
        long offset = LogFormat.DataOffset;
        while (offset < limit)
        {
            if (TryReplay(offset, limit) is { } bytes)
            {
                LastBatch = (offset, bytes);
                offset += bytes;
                continue;
            }
            var resume = FindLater(offset, limit);
            if (resume is null && end is null)
            {
                CutTail(offset);
                return offset;
            }
            var (until, sequence) = resume ?? (limit, following);
            Salvage(offset, until, sequence);
            Next = sequence;
            offset = until;
        }
        if (end > window.Length)
            ReportUnreadable(window.Length, end.Value - window.Length, "the file is too short");
        return end ?? offset;
    }

    /// <summary>Replays a batch that verifies as a whole; its padded length, or null.</summary>
    long? TryReplay(long offset, long limit)
    {
        var head = window.Peek(offset, LogFormat.BatchHeaderBytes);
        if (BatchHeader.Read(head, segment.Seed) is not { } batch || (Next is { } next && batch.Sequence != next))
            return null;
        var bytes = LogFormat.AlignUp((long)LogFormat.BatchHeaderBytes + batch.BodyBytes);
        if (batch.BodyBytes < 0 || offset + LogFormat.BatchHeaderBytes + batch.BodyBytes > limit)
            return null;
        var body = window.Peek(offset, LogFormat.BatchHeaderBytes + batch.BodyBytes)[LogFormat.BatchHeaderBytes..];
        if (LogChecksum.Compute(segment.Seed, body) != batch.BodyChecksum)
            return null;
        var at = 0;
        while (at < body.Length)
        {
            var header = RecordHeader.ReadTrusted(body[at..]);
            var position = Position(offset + LogFormat.BatchHeaderBytes + at, header);
            replay.Apply(header, body.Slice(at + LogFormat.RecordHeaderBytes, header.PayloadBytes), position);
            at += header.TotalBytes;
        }
        if (body.Length > 0)
            segment.Batches++;
        Next = batch.Sequence + 1;
        return bytes;
    }

    /// <summary>
    /// The next batch head with a later sequence. A head is enough: it was written only after all before it was durable.
    /// </summary>
    (long Offset, ulong? Sequence)? FindLater(long offset, long limit)
    {
        for (; offset + LogFormat.BatchHeaderBytes <= limit; offset += LogFormat.SectorBytes)
        {
            var head = window.Peek(offset, LogFormat.BatchHeaderBytes);
            if (BatchHeader.Read(head, segment.Seed) is { } batch && (Next is not { } next || batch.Sequence > next))
                return (offset, batch.Sequence);
        }
        return null;
    }

    void CutTail(long offset)
    {
        var head = window.Peek(offset, LogFormat.BatchHeaderBytes);
        if (BatchHeader.Read(head, segment.Seed) is { } batch && batch.Sequence == Next)
            Tail = new TornTail(segment.Name, offset, LogFormat.BatchHeaderBytes + (long)batch.BodyBytes);
    }

    /// <summary>Replays what verifies of a damaged stretch; what cannot be read may be of any group.</summary>
    void Salvage(long offset, long until, ulong? sequenceAfter)
    {
        var reported = damage.Count;
        var at = offset + LogFormat.BatchHeaderBytes;
        while (at < until)
        {
            if (RecordHeader.Read(window.Peek(at, LogFormat.RecordHeaderBytes), segment.Seed) is not { } header)
                break;
            if (at + header.TotalBytes > until)
                break;
            SalvageRecord(at, header);
            at += header.TotalBytes;
        }
        var isWhole =
            at > offset + LogFormat.BatchHeaderBytes
            && IsPadding(at, until)
            && Next is { } next
            && sequenceAfter == next + 1;
        if (!isWhole)
            ReportUnreadable(
                Math.Min(at, until),
                Math.Max(until - at, 0),
                "records do not verify although later ones were written"
            );
        else if (damage.Count == reported)
            damage.Add(
                new LogDamage(
                    segment.Name,
                    offset,
                    LogFormat.BatchHeaderBytes,
                    "a batch's head does not verify; all its records do"
                )
            );
    }

    /// <summary>Whether nothing but the zeros up to the next batch follows: a record, however damaged, is not all zeros.</summary>
    bool IsPadding(long from, long until) =>
        until - from < LogFormat.SectorBytes && !window.Peek(from, (int)(until - from)).ContainsAnyExcept((byte)0);

    void SalvageRecord(long at, RecordHeader header)
    {
        var payload = window.Peek(at, header.TotalBytes)[LogFormat.RecordHeaderBytes..];
        if (header.PayloadVerifies(payload, segment.Seed))
        {
            replay.Apply(header, payload, Position(at, header));
            return;
        }
        var reason = $"{header.Kind} {header.Index} does not verify";
        damage.Add(new LogDamage(segment.Name, at, header.TotalBytes, reason, header.Group));
        replay.Apply(header, payload, Position(at, header), $"{segment.Name} at {at}: {reason}");
    }

    void ReportUnreadable(long offset, long bytes, string reason)
    {
        damage.Add(new LogDamage(segment.Name, offset, bytes, reason));
        replay.MarkUnproven($"{segment.Name} at {offset}: {reason}");
    }

    EntryPosition Position(long offset, RecordHeader header) =>
        new(segment.Number, checked((int)offset), header.TotalBytes);
}
