using System.Buffers;
using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>x</summary>
public static class RaftMessageCodec
{
    /// <summary>x</summary>
    public static void Encode(RaftMessage message, IBufferWriter<byte> into) => throw new NotSupportedException();

    /// <summary>x</summary>
    public static bool TryDecode(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out RaftMessage? message) =>
        throw new NotSupportedException();
}
