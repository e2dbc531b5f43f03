using System.Numerics;

namespace Exapyte.Storage.Log;

/// <summary>A ring that grows at the back and shrinks at both ends.</summary>
sealed class Deque<T>
    where T : struct
{
    const int SmallestLength = 16;

    T[] _ring = [];
    int _head;

    public int Count { get; private set; }

    public ref T this[int index] => ref _ring[(_head + index) & (_ring.Length - 1)];

    public void Add(T item)
    {
        if (Count == _ring.Length)
            Resize(Math.Max(SmallestLength, Count * 2));
        Count++;
        this[Count - 1] = item;
    }

    public void RemoveFirst(int count)
    {
        _head = _ring.Length == 0 ? 0 : (_head + count) & (_ring.Length - 1);
        Count -= count;
        ShrinkIfSparse();
    }

    public void RemoveLast(int count)
    {
        Count -= count;
        ShrinkIfSparse();
    }

    public void Clear()
    {
        _ring = [];
        _head = 0;
        Count = 0;
    }

    void ShrinkIfSparse()
    {
        if (Count == 0)
            Clear();
        else if (_ring.Length > 4 * SmallestLength && Count < _ring.Length / 8)
            Resize((int)BitOperations.RoundUpToPowerOf2((uint)Count * 2));
    }

    void Resize(int length)
    {
        var ring = new T[length];
        for (var i = 0; i < Count; i++)
            ring[i] = this[i];
        _ring = ring;
        _head = 0;
    }
}
