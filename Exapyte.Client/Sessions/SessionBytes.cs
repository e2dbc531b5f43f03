using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>A mark and whose it is.</summary>
internal readonly record struct SeenMark(long KeyspaceId, long ShardId, SessionMark Mark);

/// <summary>A session as bytes: format (1), whether marks were forgotten (1), then the marks' numbers, each in base 128.</summary>
internal static class SessionBytes
{
    private const byte Format = 1;

    public static byte[] Write(List<SeenMark> seen, bool hasForgotten)
    {
        using var bytes = new MemoryStream();
        using var writer = new BinaryWriter(bytes);
        writer.Write(Format);
        writer.Write(hasForgotten);
        foreach (var (keyspace, shard, mark) in seen)
        {
            writer.Write7BitEncodedInt64(keyspace);
            writer.Write7BitEncodedInt64(shard);
            // From 0, where the least that it can be is -1.
            writer.Write7BitEncodedInt64(mark.ReplicaId - SessionMark.AnyReplica);
            writer.Write7BitEncodedInt64(unchecked((long)mark.Revision));
        }
        writer.Flush();
        return bytes.ToArray();
    }

    public static (List<SeenMark> Seen, bool HasForgotten)? Read(ReadOnlyMemory<byte> bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes.ToArray()));
        try
        {
            if (reader.ReadByte() != Format)
            {
                return null;
            }
            var hasForgotten = reader.ReadBoolean();
            List<SeenMark> seen = [];
            while (reader.BaseStream.Position < reader.BaseStream.Length)
            {
                var (keyspace, shard) = (reader.Read7BitEncodedInt64(), reader.Read7BitEncodedInt64());
                var replica = reader.Read7BitEncodedInt64() + SessionMark.AnyReplica;
                seen.Add(new(keyspace, shard, new(replica, unchecked((ulong)reader.Read7BitEncodedInt64()))));
            }
            return (seen, hasForgotten);
        }
        catch (Exception exception) when (exception is EndOfStreamException or FormatException)
        {
            return null;
        }
    }
}
