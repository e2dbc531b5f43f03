namespace Exapyte.Storage.Log;

/// <summary>
/// The live segments, oldest first. The writer swaps the array whole; a reader that holds a live
/// entry's group lock always finds its segment.
/// </summary>
sealed class SegmentTable
{
    Segment[] _segments = [];

    public int Count => Current.Length;

    public Segment? Oldest => Current is [var first, ..] ? first : null;

    public Segment? Newest => Current is [.., var last] ? last : null;

    public ReadOnlySpan<Segment> All => Current;

    Segment[] Current => Volatile.Read(ref _segments);

    public Segment Find(uint number)
    {
        var segments = Current;
        int low = 0,
            high = segments.Length - 1;
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (segments[middle].Number == number)
                return segments[middle];
            if (segments[middle].Number < number)
                low = middle + 1;
            else
                high = middle - 1;
        }
        throw new InvalidOperationException($"segment {number} is not live");
    }

    public void Add(Segment segment)
    {
        if (Newest is { } newest && segment.Number <= newest.Number)
            throw new InvalidOperationException($"segment {segment.Number} behind {newest.Number}");
        Volatile.Write(ref _segments, [.. Current, segment]);
    }

    public void RemoveOldest() => Volatile.Write(ref _segments, Current[1..]);
}
