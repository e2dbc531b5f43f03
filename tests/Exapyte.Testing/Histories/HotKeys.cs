namespace Exapyte.Testing.Histories;

/// <summary>
/// A few keys that all clients fight over. A key is left for a fresh one once its history is long, or has so many writes in
/// doubt that the checker would drown in their orders. Thread-safe.
/// </summary>
sealed class HotKeys(HistoryRecorder recorder, string prefix, int keys)
{
    const int OperationsMax = 160;
    const int UnknownMax = 5;

    readonly KeyHistory[] _current =
    [
        .. Enumerable.Range(0, keys).Select(slot => recorder.Of(NameOf(prefix, slot, generation: 0))),
    ];
    readonly int[] _generations = new int[keys];
    readonly Lock _lock = new();

    /// <summary>The keys in use at this moment.</summary>
    public IReadOnlyList<KeyHistory> Current
    {
        get
        {
            lock (_lock)
                return [.. _current];
        }
    }

    public KeyHistory Pick(Random random)
    {
        var slot = random.Next(keys);
        lock (_lock)
        {
            var history = _current[slot];
            if (history.Count >= OperationsMax || history.Unknown >= UnknownMax)
                _current[slot] = history = recorder.Of(NameOf(prefix, slot, ++_generations[slot]));
            return history;
        }
    }

    static string NameOf(string prefix, int slot, int generation) => $"{prefix}-{slot}-{generation}";
}
