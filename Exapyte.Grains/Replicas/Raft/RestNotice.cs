using Exapyte.Grains.Fields;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>What a leader tells its followers when the group falls asleep.</summary>
internal readonly record struct RestNotice(Term Term, LogIndex Index)
{
    /// <summary>Encodes the notice.</summary>
    public byte[] Encode()
    {
        var buffer = new byte[2 * sizeof(ulong)];
        var writer = new SpanWriter(buffer);
        writer.UInt64(Term.Value);
        writer.UInt64(Index.Value);
        return buffer;
    }

    /// <summary>Decodes a notice; null where the bytes are none.</summary>
    public static RestNotice? Decode(ReadOnlyMemory<byte> bytes)
    {
        var reader = new SpanReader(bytes);
        var notice = new RestNotice(new(reader.UInt64()), new(reader.UInt64()));
        return reader.AtEnd ? notice : null;
    }
}
