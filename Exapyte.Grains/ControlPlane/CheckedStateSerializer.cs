using System.Buffers.Binary;
using System.IO.Hashing;
using Orleans.Storage;

namespace Exapyte.Grains.ControlPlane;

/// <summary>A stored state is not what was written: it must not be used.</summary>
public sealed class StateDamagedException(string reason, Exception? cause = null) : Exception(reason, cause);

/// <summary>
/// Puts a checksum before each stored state and refuses one that does not match it: a database keeps what it was told
/// to, and gives back what its files have become. Thread-safe where the inner serializer is.
/// </summary>
/// <remarks>
/// Layout: mark (8), checksum of the state (8, XXH3, little-endian), state. A state without the mark was written before
/// there were checksums, and is read as it is; it gets one with its next write. The mark is eight bytes of which no four
/// stand where they do by chance, so that a mark with some bytes altered is told from none. Its first byte begins no
/// state that the Orleans serializer writes.
/// </remarks>
public sealed class CheckedStateSerializer(IGrainStorageSerializer inner) : IGrainStorageSerializer
{
    private const int MarkBytes = 8;
    private const int HeaderBytes = MarkBytes + sizeof(ulong);
    private const int AlikeMin = 4;

    private static ReadOnlySpan<byte> Mark => [0xFF, (byte)'E', (byte)'X', (byte)'S', (byte)'T', 0xA7, 0x5C, 0x01];

    /// <inheritdoc/>
    public BinaryData Serialize<T>(T? input)
    {
        var state = inner.Serialize(input).ToMemory().Span;
        var row = new byte[HeaderBytes + state.Length];
        Mark.CopyTo(row);
        BinaryPrimitives.WriteUInt64LittleEndian(row.AsSpan(MarkBytes), XxHash3.HashToUInt64(state));
        state.CopyTo(row.AsSpan(HeaderBytes));
        return new BinaryData(row);
    }

    /// <inheritdoc/>
    /// <exception cref="StateDamagedException">It is not what was written.</exception>
    public T? Deserialize<T>(BinaryData input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var row = input.ToMemory();
        var state = IsMarked(row.Span) ? Checked(row) : row;
        try
        {
            return inner.Deserialize<T>(new BinaryData(state));
        }
        catch (Exception cause)
        {
            throw new StateDamagedException("it cannot be read as what it is to be", cause);
        }
    }

    private static bool IsMarked(ReadOnlySpan<byte> row)
    {
        var alike = 0;
        for (var i = 0; i < Math.Min(row.Length, MarkBytes); i++)
        {
            alike += row[i] == Mark[i] ? 1 : 0;
        }
        if (alike is >= AlikeMin and < MarkBytes)
        {
            throw new StateDamagedException("the mark of its checksum has been altered");
        }
        return alike == MarkBytes;
    }

    private static ReadOnlyMemory<byte> Checked(ReadOnlyMemory<byte> row)
    {
        if (row.Length < HeaderBytes)
        {
            throw new StateDamagedException("it ends within its checksum");
        }
        var state = row[HeaderBytes..];
        return XxHash3.HashToUInt64(state.Span) == BinaryPrimitives.ReadUInt64LittleEndian(row.Span[MarkBytes..])
            ? state
            : throw new StateDamagedException("it does not match its checksum");
    }
}
