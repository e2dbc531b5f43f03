using System.Buffers;

namespace Exapyte.Raft;

/// <summary>Writes numbers in as few bytes as they need, and bytes as they are.</summary>
readonly struct VarintWriter(IBufferWriter<byte> into)
{
    const int NumberBytesMax = 10;

    public void Byte(byte value)
    {
        into.GetSpan(1)[0] = value;
        into.Advance(1);
    }

    public void Number(ulong value)
    {
        var span = into.GetSpan(NumberBytesMax);
        var length = 0;
        while (value >= 0x80)
        {
            span[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[length++] = (byte)value;
        into.Advance(length);
    }

    public void Bytes(ReadOnlySpan<byte> bytes) => into.Write(bytes);
}
