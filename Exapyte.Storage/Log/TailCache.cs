namespace Exapyte.Storage.Log;

/// <summary>
/// The newest bytes of the node's log in one ring, addressed by their place in the endless log, so that caching an entry
/// costs a copy and no allocation, and eviction is overwriting. One writer, any number of readers: a reader copies first
/// and then looks whether the writer came past what it copied (a sequence lock).
/// </summary>
sealed class TailCache(int capacity)
{
    byte[]? _ring;
    long _start = long.MaxValue;
    long _reserved;
    long _end;

    public void Write(long place, ReadOnlySpan<byte> bytes)
    {
        if (capacity == 0)
            return;
        // The ring is allocated with the first batch: a log that is only read takes no memory for it.
        _ring ??= GC.AllocateUninitializedArray<byte>(capacity);
        if (bytes.Length > capacity)
        {
            Volatile.Write(ref _reserved, place + bytes.Length);
            Volatile.Write(ref _start, place + bytes.Length);
            return;
        }
        Volatile.Write(ref _reserved, place + bytes.Length);
        Interlocked.MemoryBarrier();
        var at = (int)(place % capacity);
        var first = Math.Min(bytes.Length, capacity - at);
        bytes[..first].CopyTo(_ring.AsSpan(at));
        bytes[first..].CopyTo(_ring);
        if (_start == long.MaxValue)
            Volatile.Write(ref _start, place);
        Volatile.Write(ref _end, place + bytes.Length);
    }

    /// <summary>Copies bytes that were written at a place; false if they are not (or no longer) here.</summary>
    public bool TryRead(long place, Span<byte> into)
    {
        var end = Volatile.Read(ref _end);
        if (place < Volatile.Read(ref _start) || place + into.Length > end || _ring is not { } ring)
            return false;
        var at = (int)(place % capacity);
        var first = Math.Min(into.Length, capacity - at);
        ring.AsSpan(at, first).CopyTo(into);
        ring.AsSpan(0, into.Length - first).CopyTo(into[first..]);
        Interlocked.MemoryBarrier();
        return place >= Volatile.Read(ref _reserved) - capacity;
    }
}
