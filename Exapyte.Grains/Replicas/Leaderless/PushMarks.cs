using System.Buffers.Binary;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Which of this replica's own writes each peer may still lack, over restarts. The node's log is the memory: what was
/// stamped here is kept in it until every peer has it, and a mark a peer, in the store beside the entries, says up to
/// where that peer had everything. After a restart what lies behind the mark is pushed again.
/// </summary>
/// <remarks>
/// A mark passes no write that is not merged yet, nor one that whoever wrote it has not yet handed to the lanes, nor one that a
/// lane still has to push or to read. One that is lost in a crash only makes more be pushed again, which is harmless. Writes of
/// other replicas are those replicas' to push. A copy in memory has neither log nor marks.
/// </remarks>
internal sealed class PushMarks(LocalCopy local, GroupLog? log)
{
    private readonly Dictionary<long, ulong> marked = [];

    /// <summary>Gives the lane what its peer may lack of what is in the log.</summary>
    public void Replay(long peerReplica, PushLane lane)
    {
        if (log is null)
        {
            return;
        }
        marked[peerReplica] = ReadMark(peerReplica);
        lane.Replay(Math.Max(marked[peerReplica] + 1, log.FirstIndex), log.LastIndex);
    }

    /// <summary>
    /// Moves the marks on and says up to which index the log may forget: what every peer has, and what is older than
    /// <paramref name="entriesMax"/> entries, for a peer that stays away must not fill the disk.
    /// </summary>
    public ulong Advance(IEnumerable<(long Peer, PushLane Lane)> lanes, ulong flushed, ulong entriesMax)
    {
        // In this order: a write leaves one of them only once the next one knows of it.
        var applied = local.Store.AppliedIndex;
        var settled = local.OldestUnpushed is { } unpushed ? Math.Min(unpushed - 1, applied) : applied;
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
        var bound = applied > entriesMax ? applied - entriesMax : 0;
        return Math.Min(flushed, Math.Max(forget, bound));
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
