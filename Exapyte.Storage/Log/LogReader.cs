using System.Buffers;
using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>Reads records of live entries, out of memory where they are recent, else out of their segment, verified.</summary>
sealed class LogReader(SegmentTable segments, TailCache cache)
{
    long _hits;
    long _misses;

    public SegmentTable Segments => segments;

    public long CacheHits => Volatile.Read(ref _hits);

    public long CacheMisses => Volatile.Read(ref _misses);

    /// <summary>Reads one entry. The caller holds the segment, as its writer or by a reader's count.</summary>
    /// <exception cref="DiskException">The file cannot be read.</exception>
    /// <returns>Null if the bytes do not verify.</returns>
    public LogRecordEntry? Read(
        Segment segment,
        EntryPosition position,
        GroupId group,
        ulong index,
        ref ReadWindow window
    )
    {
        var rented = ArrayPool<byte>.Shared.Rent(position.Bytes);
        try
        {
            var record = rented.AsSpan(0, position.Bytes);
            if (cache.TryRead(segment.Start + position.Offset, record))
                Interlocked.Increment(ref _hits);
            else
            {
                Interlocked.Increment(ref _misses);
                if (!window.Read(segment, position.Offset, record))
                    return null;
            }
            return Parse(record, segment.Seed, group, index);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    static LogRecordEntry? Parse(ReadOnlySpan<byte> record, uint seed, GroupId group, ulong index)
    {
        if (RecordHeader.Read(record, seed) is not { } header)
            return null;
        var payload = record[LogFormat.RecordHeaderBytes..];
        if (header.Group != group || header.Index != index || header.PayloadBytes != payload.Length)
            return null;
        return header.PayloadVerifies(payload, seed)
            ? new LogRecordEntry(header.Term, index, header.EntryKind, payload.ToArray())
            : null;
    }
}

/// <summary>
/// A stretch of a segment read ahead, so that neighbouring entries cost one read; never past what is durable, since the
/// writer goes on there. Dispose returns its buffer.
/// </summary>
struct ReadWindow : IDisposable
{
    const int WindowBytes = 64 << 10;

    byte[]? _buffer;
    Segment? _segment;
    long _offset;
    int _length;

    public bool Read(Segment segment, long offset, Span<byte> into)
    {
        if (into.Length > WindowBytes)
            return segment.File.Read(offset, into) == into.Length;
        if (_segment != segment || offset < _offset || offset + into.Length > _offset + _length)
        {
            _buffer ??= ArrayPool<byte>.Shared.Rent(WindowBytes);
            var durable = (int)Math.Min(WindowBytes, segment.End - offset);
            _length = segment.File.Read(offset, _buffer.AsSpan(0, durable));
            (_segment, _offset) = (segment, offset);
            if (_length < into.Length)
                return false;
        }
        _buffer.AsSpan((int)(offset - _offset), into.Length).CopyTo(into);
        return true;
    }

    public void Dispose()
    {
        if (_buffer is { } buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        this = default;
    }
}
