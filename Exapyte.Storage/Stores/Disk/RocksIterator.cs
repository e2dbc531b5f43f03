using System.Runtime.InteropServices;
using static Exapyte.Storage.Stores.Disk.RocksNative;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// A native iterator between two keys, over the state of the moment it was opened. The bounds and the read options
/// that point to them are native memory of its own, freed after it. Moves, reads and disposal exclude each other.
/// </summary>
internal sealed unsafe class RocksIterator : IDisposable
{
    readonly RocksEngine _engine;
    readonly Lock _lock = new();
    readonly byte* _start;
    readonly byte* _end;
    readonly nint _readOptions;
    nint _iterator;
    bool _started;

    public RocksIterator(
        RocksEngine engine,
        nint db,
        ReadOnlySpan<byte> start,
        ReadOnlySpan<byte> end,
        bool fillsCache = true
    )
    {
        _engine = engine;
        _start = Copy(start);
        _end = Copy(end);
        _readOptions = ReadOptionsCreate();
        ReadOptionsSetFillCache(_readOptions, fillsCache ? (byte)1 : (byte)0);
        ReadOptionsSetLowerBound(_readOptions, _start, (nuint)start.Length);
        ReadOptionsSetUpperBound(_readOptions, _end, (nuint)end.Length);
        _iterator = IteratorCreate(db, _readOptions);
    }

    /// <summary>
    /// Moves on and copies the key found to <paramref name="key"/>, which grows as needed. Answers its length, or -1
    /// at the end; an end that is an error throws.
    /// </summary>
    public int Move(bool reverse, ref byte[] key)
    {
        lock (_lock)
        {
            using CallGate.Pass pass = Enter();
            if (_started)
                Step(reverse);
            else
                Begin(reverse);
            return Land(ref key);
        }
    }

    /// <summary>
    /// Moves to the first key at or behind <paramref name="target"/>, and answers as <see cref="Move"/> does.
    /// </summary>
    public int Seek(ReadOnlySpan<byte> target, ref byte[] key)
    {
        lock (_lock)
        {
            using CallGate.Pass pass = Enter();
            _started = true;
            fixed (byte* bytes = target)
                IteratorSeek(_iterator, bytes, (nuint)target.Length);
            return Land(ref key);
        }
    }

    /// <summary>
    /// Moves to the last key before <paramref name="target"/>, and answers as <see cref="Move"/> does.
    /// </summary>
    public int SeekBefore(ReadOnlySpan<byte> target, ref byte[] key)
    {
        lock (_lock)
        {
            using CallGate.Pass pass = Enter();
            _started = true;
            fixed (byte* bytes = target)
                IteratorSeekForPrevious(_iterator, bytes, (nuint)target.Length);
            int length = Land(ref key);
            if (length < 0 || !target.SequenceEqual(key.AsSpan(0, length)))
                return length;
            IteratorPrevious(_iterator);
            return Land(ref key);
        }
    }

    /// <summary>Hands the value at the cursor to <paramref name="read"/>, which must not keep it.</summary>
    public TResult Read<TState, TResult>(TState state, RowReader<TState, TResult> read)
        where TState : allows ref struct
    {
        lock (_lock)
        {
            using CallGate.Pass pass = Enter();
            if (IteratorValid(_iterator) == 0)
                throw new InvalidOperationException("The iterator does not stand on a row.");
            nuint length;
            byte* value = IteratorValue(_iterator, &length);
            return read(new ReadOnlySpan<byte>(value, (int)length), state);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_iterator == 0 || !_engine.Gate.TryEnter(out CallGate.Pass pass))
                return;
            using (pass)
            {
                Free();
                _engine.Forget(this);
            }
        }
    }

    /// <summary>
    /// Frees the native side: with a pass and the lock held, or by the engine once its gate is closed.
    /// </summary>
    internal void Free()
    {
        IteratorDestroy(_iterator);
        ReadOptionsDestroy(_readOptions);
        NativeMemory.Free(_start);
        NativeMemory.Free(_end);
        _iterator = 0;
    }

    CallGate.Pass Enter()
    {
        CallGate.Pass pass = _engine.Gate.Enter();
        if (_iterator != 0)
            return pass;
        pass.Dispose();
        throw new ObjectDisposedException(nameof(RocksIterator));
    }

    void Begin(bool reverse)
    {
        _started = true;
        if (reverse)
            IteratorSeekToLast(_iterator);
        else
            IteratorSeekToFirst(_iterator);
    }

    void Step(bool reverse)
    {
        if (IteratorValid(_iterator) == 0)
            return;
        if (reverse)
            IteratorPrevious(_iterator);
        else
            IteratorNext(_iterator);
    }

    int Land(ref byte[] key)
    {
        if (IteratorValid(_iterator) == 0)
        {
            byte* error = null;
            IteratorError(_iterator, &error);
            RocksError.ThrowIfSet(error, _engine.Folder);
            return -1;
        }
        nuint length;
        byte* found = IteratorKey(_iterator, &length);
        if (key.Length < (int)length)
            key = new byte[Math.Max((int)length, 2 * key.Length)];
        new ReadOnlySpan<byte>(found, (int)length).CopyTo(key);
        return (int)length;
    }

    static byte* Copy(ReadOnlySpan<byte> bytes)
    {
        byte* copy = (byte*)NativeMemory.Alloc((nuint)Math.Max(1, bytes.Length));
        bytes.CopyTo(new Span<byte>(copy, bytes.Length));
        return copy;
    }
}

/// <summary>Reads a row where it lies.</summary>
internal delegate TResult RowReader<TState, TResult>(ReadOnlySpan<byte> row, TState state)
    where TState : allows ref struct;
