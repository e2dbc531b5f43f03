using System.Buffers.Binary;

namespace Exapyte.Wire;

/// <summary>A message from one replica to another.</summary>
public readonly struct PeerMessage
{
    /// <summary>The replica that it is for; refused where it is not hosted.</summary>
    public required long ToReplicaId { get; init; }

    /// <summary>The replica that sent it.</summary>
    public required long FromReplicaId { get; init; }

    /// <summary>How to read the payload.</summary>
    public required PeerMessageKind Kind { get; init; }

    /// <summary>The message.</summary>
    public required ReadOnlyMemory<byte> Payload { get; init; }
}

/// <summary>
/// Messages from one node to another that travel in one call, at most 1 MiB. They are packed into few arrays: a
/// thousand messages cost the serializer no more than one.
/// </summary>
[GenerateSerializer, Immutable, Alias("exapyte.peer-batch")]
public sealed class PeerBatch
{
    // Arrays of 85,000 bytes and more would be collected with the oldest generation only.
    private const int PackBytesMax = 64 << 10;
    private const int HeadBytes = sizeof(long) + sizeof(long) + sizeof(byte) + sizeof(int);

    /// <summary>The sending node.</summary>
    [Id(0)]
    public required string FromNode { get; init; }

    /// <summary>Rises by one a batch since the sender started; tells gaps and reordering apart in the counters.</summary>
    [Id(1)]
    public required long Sequence { get; init; }

    /// <summary>
    /// The messages in the order they were sent, one behind the other: whom it is for and who sent it (8 bytes each, little
    /// endian), its kind (1), the length of its payload (4), the payload. None is cut over two packs.
    /// </summary>
    [Id(3)]
    public required byte[][] Packs { get; init; }

    /// <summary>What a message takes in a batch, in bytes.</summary>
    public static int BytesOf(in PeerMessage message) => HeadBytes + message.Payload.Length;

    /// <summary>Packs messages into a batch.</summary>
    public static PeerBatch Of(string fromNode, long sequence, ReadOnlySpan<PeerMessage> messages)
    {
        List<byte[]> packs = [];
        while (!messages.IsEmpty)
        {
            var count = 1;
            var bytes = BytesOf(messages[0]);
            while (count < messages.Length && bytes + BytesOf(messages[count]) <= PackBytesMax)
            {
                bytes += BytesOf(messages[count++]);
            }
            packs.Add(Pack(messages[..count], bytes));
            messages = messages[count..];
        }
        return new()
        {
            FromNode = fromNode,
            Sequence = sequence,
            Packs = [.. packs],
        };
    }

    /// <summary>
    /// The messages, their payloads as slices of the packs. False where the packs are malformed: then none counts.
    /// </summary>
    public bool TryUnpack(ICollection<PeerMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        foreach (var pack in Packs)
        {
            if (!TryUnpack(pack, messages))
            {
                messages.Clear();
                return false;
            }
        }
        return true;
    }

    private static byte[] Pack(ReadOnlySpan<PeerMessage> messages, int bytes)
    {
        var pack = new byte[bytes];
        var to = pack.AsSpan();
        foreach (ref readonly var message in messages)
        {
            BinaryPrimitives.WriteInt64LittleEndian(to, message.ToReplicaId);
            BinaryPrimitives.WriteInt64LittleEndian(to[8..], message.FromReplicaId);
            to[16] = (byte)message.Kind;
            BinaryPrimitives.WriteInt32LittleEndian(to[17..], message.Payload.Length);
            message.Payload.Span.CopyTo(to[HeadBytes..]);
            to = to[BytesOf(message)..];
        }
        return pack;
    }

    private static bool TryUnpack(ReadOnlyMemory<byte> pack, ICollection<PeerMessage> messages)
    {
        while (pack.Length >= HeadBytes)
        {
            var head = pack.Span;
            var length = BinaryPrimitives.ReadInt32LittleEndian(head[17..]);
            if (length < 0 || length > pack.Length - HeadBytes)
            {
                return false;
            }
            messages.Add(
                new()
                {
                    ToReplicaId = BinaryPrimitives.ReadInt64LittleEndian(head),
                    FromReplicaId = BinaryPrimitives.ReadInt64LittleEndian(head[8..]),
                    Kind = (PeerMessageKind)head[16],
                    Payload = pack.Slice(HeadBytes, length),
                }
            );
            pack = pack[(HeadBytes + length)..];
        }
        return pack.IsEmpty;
    }
}
