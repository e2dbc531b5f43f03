namespace Exapyte.Storage.Log;

/// <summary>Terms of contiguous entries as runs: a group has millions of entries and few terms.</summary>
sealed class TermRuns
{
    readonly List<(ulong First, ulong Term)> _runs = [];

    public void Append(ulong index, ulong term)
    {
        if (_runs.Count == 0 || _runs[^1].Term != term)
            _runs.Add((index, term));
    }

    /// <summary>Forgets the terms of entries at or behind an index.</summary>
    public void TruncateFrom(ulong index)
    {
        while (_runs.Count > 0 && _runs[^1].First >= index)
            _runs.RemoveAt(_runs.Count - 1);
    }

    /// <summary>Forgets the terms of entries up to an index.</summary>
    public void CompactThrough(ulong index)
    {
        var obsolete = 0;
        while (obsolete + 1 < _runs.Count && _runs[obsolete + 1].First <= index + 1)
            obsolete++;
        _runs.RemoveRange(0, obsolete);
        if (_runs.Count > 0 && _runs[0].First <= index)
            _runs[0] = (index + 1, _runs[0].Term);
    }

    public void Clear() => _runs.Clear();

    /// <summary>Term of an entry that is present.</summary>
    public ulong TermAt(ulong index)
    {
        int low = 0,
            high = _runs.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (_runs[middle].First <= index)
                low = middle;
            else
                high = middle - 1;
        }
        return _runs[low].Term;
    }
}
