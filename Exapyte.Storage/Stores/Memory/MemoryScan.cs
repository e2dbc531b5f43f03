namespace Exapyte.Storage.Stores.Memory;

/// <summary>A scan over the tree of a moment. It holds no lock, only the memory of that tree until it is disposed.</summary>
internal sealed class MemoryScan : IStoreScan
{
    TreeNode? _root;
    readonly KeyRange _range;
    readonly bool _reverse;
    TreeCursor? _cursor = new();
    MemoryEntry? _current;

    public MemoryScan(TreeNode? root, KeyRange range, bool reverse)
    {
        _root = root;
        _range = range;
        _reverse = reverse;
        if (!reverse)
            _cursor.SeekBefore(root, range.Start.Span);
        else if (range.End is { } end)
            _cursor.SeekBehind(root, end.Span);
        else
            _cursor.SeekEnd(root);
    }

    public ReadOnlySpan<byte> CurrentKey => Found.Key;

    public StoredEntry Current => Found.Entry;

    public EntryHeader CurrentHeader =>
        new(Found.Entry with { Value = ReadOnlyMemory<byte>.Empty }, Found.Entry.Value.Length);

    MemoryEntry Found => _current ?? throw new InvalidOperationException("The scan does not stand on an entry.");

    public bool MoveNext()
    {
        ObjectDisposedException.ThrowIf(_cursor is null, this);
        bool moved = _reverse ? _cursor.MovePrevious() : _cursor.MoveNext();
        _current = moved && IsInside(_cursor.Current.Key) ? _cursor.Current : null;
        return _current is not null;
    }

    public bool MoveTo(ReadOnlySpan<byte> key)
    {
        ObjectDisposedException.ThrowIf(_cursor is null, this);
        if (_reverse)
            _cursor.SeekBehind(_root, key);
        else
            _cursor.SeekBefore(_root, key);
        return MoveNext();
    }

    public void Dispose()
    {
        _root = null;
        _cursor = null;
        _current = null;
    }

    bool IsInside(ReadOnlySpan<byte> key) =>
        _reverse
            ? key.SequenceCompareTo(_range.Start.Span) >= 0
            : _range.End is not { } end || key.SequenceCompareTo(end.Span) < 0;
}
