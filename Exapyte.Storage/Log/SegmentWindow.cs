using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>
/// A segment read from front to back through one buffer. Blocks that the disk cannot read come as zeros, which do not
/// verify: an unreadable block is damage like any other.
/// </summary>
sealed class SegmentWindow(IFile file)
{
    const int SmallestBytes = 1 << 20;

    byte[] _buffer = [];
    long _offset;
    int _length;

    public long Length { get; } = file.Length;

    /// <summary>Bytes at an offset, fewer at the end of the file. Valid until the next call.</summary>
    public ReadOnlySpan<byte> Peek(long offset, int length)
    {
        length = (int)Math.Clamp(Length - offset, 0, length);
        if (length == 0)
            return [];
        if (offset < _offset || offset + length > _offset + _length)
            Load(offset, length);
        return _buffer.AsSpan((int)(offset - _offset), length);
    }

    void Load(long offset, int length)
    {
        if (_buffer.Length < length || _buffer.Length == 0)
            _buffer = new byte[Math.Max(length, (int)Math.Min(SmallestBytes, Math.Max(Length, 1)))];
        _length = (int)Math.Min(_buffer.Length, Length - offset);
        _offset = offset;
        var into = _buffer.AsSpan(0, _length);
        try
        {
            file.Read(offset, into);
        }
        catch (DiskException)
        {
            LoadBlocks(offset, into);
        }
    }

    void LoadBlocks(long offset, Span<byte> into)
    {
        for (var at = 0; at < into.Length; at += LogFormat.SectorBytes)
        {
            var block = into[at..Math.Min(at + LogFormat.SectorBytes, into.Length)];
            block.Clear();
            try
            {
                file.Read(offset + at, block);
            }
            catch (DiskException)
            {
                block.Clear();
            }
        }
    }
}
