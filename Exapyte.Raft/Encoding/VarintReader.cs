namespace Exapyte.Raft;

/// <summary>Reads what <see cref="VarintWriter"/> wrote. It never throws: once something does not fit, it has failed for good.</summary>
ref struct VarintReader(ReadOnlySpan<byte> bytes)
{
    readonly ReadOnlySpan<byte> bytes = bytes;

    public int Position { get; private set; }

    public bool HasFailed { get; private set; }

    public readonly int Left => bytes.Length - Position;

    /// <summary>Whether all was read and all fitted.</summary>
    public readonly bool IsComplete => !HasFailed && Left == 0;

    public byte Byte()
    {
        if (Left == 0)
        {
            HasFailed = true;
            return 0;
        }

        return bytes[Position++];
    }

    /// <summary>A number in groups of seven bits, the lowest first (LEB128).</summary>
    public ulong Number()
    {
        var value = 0ul;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            var bits = (ulong)(next & 0x7F);
            if (shift == 63 && bits > 1)
            {
                break;
            }

            value |= bits << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        HasFailed = true;
        return 0;
    }

    /// <summary>A number of things of which each takes at least <paramref name="bytesMin"/> of what is left.</summary>
    public int Count(int bytesMin)
    {
        var count = Number();
        if (HasFailed || count > (ulong)(Left / bytesMin))
        {
            HasFailed = true;
            return 0;
        }

        return (int)count;
    }

    public void Fail() => HasFailed = true;

    /// <summary>Steps over bytes and tells where they begin.</summary>
    public int Skip(int length)
    {
        var start = Position;
        Position += length;
        return start;
    }
}
