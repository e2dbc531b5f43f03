using System.Buffers.Binary;
using Exapyte.Storage.Log;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Which of this replica's own writes each peer may still lack, over restarts. The node's log is the memory: what was
/// stamped here is kept in it until every peer has it, and a mark a peer, in the store beside the entries, says up to
/// where that peer had everything. After a restart what lies behind the mark is pushed again.
/// </summary>
/// <remarks>
/// A mark is written a round of upkeep late, so that a write which is logged and not yet in its lane can never be passed
/// over; and a mark lost in a crash only makes more be pushed again, which is harmless. Writes of other replicas are
/// those replicas' to push. A copy in memory has neither log nor marks.
/// </remarks>
internal sealed class PushMarks(LocalCopy local, GroupLog? log, ulong origin)
{
    private const int ReadBytesMax = 1 << 20;

    private readonly Dictionary<long, ulong> marked = [];
    private ulong appliedLastRound;

    /// <summary>Puts into the lane what its peer may lack of what is in the log.</summary>
    public void Replay(long peerReplica, PushLane lane)
    {
        if (log is null)
        {
            return;
        }
        marked[peerReplica] = ReadMark(peerReplica);
        var from = Math.Max(marked[peerReplica] + 1, log.FirstIndex);
        List<LogRecordEntry> records = [];
        while (from <= log.LastIndex)
        {
            records.Clear();
            if (log.Read(from, log.LastIndex, ReadBytesMax, records) != LogReadStatus.Ok || records.Count == 0)
            {
                return;
            }
            foreach (var record in records)
            {
                Enqueue(lane, record);
            }
            from = records[^1].Index + 1;
        }
    }

    /// <summary>
    /// Moves the marks on and says up to which index the log may forget: what every peer has, and what is older than
    /// <paramref name="entriesMax"/> entries, for a peer that stays away must not fill the disk.
    /// </summary>
    public ulong Advance(IEnumerable<(long Peer, PushLane Lane)> lanes, ulong flushed, ulong entriesMax)
    {
        var settled = appliedLastRound;
        appliedLastRound = local.Store.AppliedIndex;
        var forget = flushed;
        foreach (var (peer, lane) in lanes)
        {
            var pushed = lane.OldestIndex is { } oldest ? Math.Min(oldest - 1, settled) : settled;
            if (pushed > marked.GetValueOrDefault(peer))
            {
                marked[peer] = pushed;
                WriteMark(peer, pushed);
            }
            forget = Math.Min(forget, pushed);
        }
        var bound = appliedLastRound > entriesMax ? appliedLastRound - entriesMax : 0;
        return Math.Min(flushed, Math.Max(forget, bound));
    }

    private void Enqueue(PushLane lane, LogRecordEntry record)
    {
        if (StampedCodec.Decode(record.Payload) is not { } entries)
        {
            return;
        }
        StampedEntry[] own = [.. entries.Where(entry => entry.Version.Origin == origin)];
        if (own.Length > 0)
        {
            lane.Enqueue(own, acks: null, record.Index);
        }
    }

    private ulong ReadMark(long peer) =>
        local.Store.GetMeta(KeyOf(peer)) is { Length: sizeof(ulong) } row
            ? BinaryPrimitives.ReadUInt64LittleEndian(row)
            : 0;

    private void WriteMark(long peer, ulong index)
    {
        var row = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(row, index);
        local.PutMeta(KeyOf(peer), row);
    }

    private static byte[] KeyOf(long peer)
    {
        var key = new byte[1 + sizeof(long)];
        key[0] = (byte)'p';
        BinaryPrimitives.WriteInt64LittleEndian(key.AsSpan(1), peer);
        return key;
    }
}
