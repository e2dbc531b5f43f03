using Exapyte.Storage.Files;

namespace Exapyte.Testing.Files;

/// <summary>Bytes as seen, bytes on the medium, and the writes in between.</summary>
sealed class SimulatedInode
{
    readonly List<(long Offset, byte[] Bytes)> _pending = [];
    byte[] _view = [];
    byte[] _durable = [];
    int _viewLength;
    int _durableLength;

    public ReadOnlySpan<byte> View => _view.AsSpan(0, _viewLength);

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        Put(ref _view, ref _viewLength, offset, bytes);
        _pending.Add((offset, bytes.ToArray()));
    }

    public void Sync()
    {
        foreach (var (offset, bytes) in _pending)
            Put(ref _durable, ref _durableLength, offset, bytes);
        _pending.Clear();
    }

    /// <summary>The device refused: the cache now believes to be clean and will not try again.</summary>
    public void FailSync() => _pending.Clear();

    public void LosePower(Random chance)
    {
        var mood = chance.Next(3);
        foreach (var (offset, bytes) in _pending)
        {
            for (var at = 0; at < bytes.Length; )
            {
                var length = Math.Min(
                    SimulatedFiles.SectorBytes - (int)((offset + at) % SimulatedFiles.SectorBytes),
                    bytes.Length - at
                );
                if (mood == 1 || (mood == 2 && chance.Next(2) == 0))
                    Put(ref _durable, ref _durableLength, offset + at, bytes.AsSpan(at, length));
                at += length;
            }
        }
        _pending.Clear();
        _view = _durable.AsSpan(0, _durableLength).ToArray();
        _viewLength = _durableLength;
    }

    public void Flip(long offset, byte mask)
    {
        _view[offset] ^= mask;
        if (offset < _durableLength)
            _durable[offset] ^= mask;
    }

    public SimulatedInode Clone()
    {
        var copy = new SimulatedInode
        {
            _view = View.ToArray(),
            _viewLength = _viewLength,
            _durable = _durable.AsSpan(0, _durableLength).ToArray(),
            _durableLength = _durableLength,
        };
        copy._pending.AddRange(_pending);
        return copy;
    }

    static void Put(ref byte[] target, ref int length, long offset, ReadOnlySpan<byte> bytes)
    {
        var end = checked((int)(offset + bytes.Length));
        if (end > target.Length)
            Array.Resize(ref target, Math.Max(end, target.Length * 2));
        bytes.CopyTo(target.AsSpan((int)offset));
        length = Math.Max(length, end);
    }
}

sealed class SimulatedFile(SimulatedFiles files, string path, SimulatedInode inode) : IFile
{
    readonly int _epoch = files.Epoch;
    bool _disposed;

    public string Path => path;

    public long Length => inode.View.Length;

    public int Read(long offset, Span<byte> into)
    {
        ThrowIfDead();
        files.Begin(FileAction.Read, path, offset, into.Length);
        if (offset >= inode.View.Length)
            return 0;
        var available = inode.View[(int)offset..];
        available = available[..Math.Min(available.Length, into.Length)];
        available.CopyTo(into);
        return available.Length;
    }

    public void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        ThrowIfDead();
        files.Begin(FileAction.Write, path, offset, bytes.Length);
        var growth = Math.Max(0, offset + bytes.Length - inode.View.Length);
        var room = files.CapacityBytes - files.UsedBytes;
        if (growth > room)
        {
            // What fits is written, as the system does.
            var fits = (int)Math.Max(0, bytes.Length - (growth - Math.Max(0, room)));
            inode.Write(offset, bytes[..fits]);
            throw new DiskException($"write {path}: no space left on device", DiskException.NoSpace);
        }
        inode.Write(offset, bytes);
    }

    public void DataSync()
    {
        ThrowIfDead();
        try
        {
            files.Begin(FileAction.Sync, path);
        }
        catch (DiskException)
        {
            inode.FailSync();
            throw;
        }
        inode.Sync();
    }

    public void Dispose() => _disposed = true;

    void ThrowIfDead()
    {
        files.ThrowIfCrashed();
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_epoch != files.Epoch)
            throw new SimulatedCrashException();
    }
}
