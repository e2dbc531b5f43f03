using Exapyte.Storage.Log;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What was stamped here, read from the node's log. Thread-safe.</summary>
internal sealed class PushLog(GroupLog log, ulong origin)
{
    /// <summary>The first index that is still there.</summary>
    public ulong FirstIndex => log.FirstIndex;

    /// <summary>The last index that is durable.</summary>
    public ulong LastIndex => log.LastIndex;

    /// <summary>Reads own entries from an index on, until they exceed so many bytes.</summary>
    /// <param name="from">The first index.</param>
    /// <param name="through">The last index.</param>
    /// <param name="bytesMax">Bytes after which no more is read.</param>
    /// <param name="into">Takes them, with the index of each; what others stamped is left out.</param>
    /// <param name="next">The index to go on from; where it is still <paramref name="from"/>, nothing could be read yet.</param>
    public LogReadStatus Read(
        ulong from,
        ulong through,
        long bytesMax,
        List<(ulong Index, StampedEntry[] Entries)> into,
        out ulong next
    )
    {
        next = from;
        List<LogRecordEntry> records = [];
        var status = log.Read(from, Math.Min(through, log.LastIndex), bytesMax, records);
        if (status != LogReadStatus.Ok)
        {
            return status;
        }
        foreach (var record in records)
        {
            next = record.Index + 1;
            // What cannot be decoded is of a version that this one does not know; the replica would not have started.
            StampedEntry[] own =
            [
                .. (StampedCodec.Decode(record.Payload) ?? []).Where(entry => entry.Version.Origin == origin),
            ];
            if (own.Length > 0)
            {
                into.Add((record.Index, own));
            }
        }
        return LogReadStatus.Ok;
    }
}
