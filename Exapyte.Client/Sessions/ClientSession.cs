using System.Diagnostics.CodeAnalysis;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>
/// What a line of work has seen. Handed to calls (<see cref="CallOptions.Session"/>) it gathers what they write and read, and
/// reads at <see cref="ConsistencyLevel.Session"/> see at least all of that: their own writes, and never less than before,
/// whichever node answers. It may go from process to process as bytes. Thread-safe.
/// </summary>
/// <remarks>
/// It covers any number of keyspaces; what it holds of a keyspace that is gone concerns none. It remembers up to
/// <see cref="MarksMax"/> marks, about one for each shard. One that has seen more remembers only that: its reads are then proven to
/// see every acknowledged write, which takes longer, and in leaderless keyspaces every replica.
/// </remarks>
public sealed class ClientSession
{
    /// <summary>Most marks that it remembers.</summary>
    public const int MarksMax = 256;

    private readonly Lock gate = new();
    private readonly Dictionary<(long Keyspace, long Shard, long Replica), ulong> marks = [];
    private bool hasForgotten;

    /// <summary>Whether nothing was seen yet.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (gate)
            {
                return marks.Count == 0 && !hasForgotten;
            }
        }
    }

    /// <summary>Takes note of what was seen of a shard.</summary>
    /// <param name="keyspaceId">The keyspace's id.</param>
    /// <param name="shardId">The shard's id.</param>
    /// <param name="mark">How far it was seen.</param>
    public void Saw(long keyspaceId, long shardId, SessionMark mark)
    {
        lock (gate)
        {
            Note(keyspaceId, shardId, mark);
        }
    }

    /// <summary>What was seen of a shard; null for nothing.</summary>
    /// <param name="keyspaceId">The keyspace's id.</param>
    /// <param name="shardId">The shard's id.</param>
    public SessionMark[]? SeenOf(long keyspaceId, long shardId)
    {
        lock (gate)
        {
            if (hasForgotten)
            {
                return [SessionMark.Everything];
            }
            SessionMark[] seen =
            [
                .. marks
                    .Where(mark => mark.Key.Keyspace == keyspaceId && mark.Key.Shard == shardId)
                    .Select(mark => new SessionMark(mark.Key.Replica, mark.Value)),
            ];
            return seen.Length == 0 ? null : seen;
        }
    }

    /// <summary>Has seen from now on what the other one has seen, too.</summary>
    public void Merge(ClientSession other)
    {
        ArgumentNullException.ThrowIfNull(other);
        var (seen, forgotten) = other.Snapshot();
        Take(seen, forgotten);
    }

    /// <summary>All of it as bytes, for another process. They are not signed: to be taken from whom one trusts only.</summary>
    public byte[] ToBytes()
    {
        var (seen, forgotten) = Snapshot();
        return SessionBytes.Write(seen, forgotten);
    }

    /// <summary>Reads what <see cref="ToBytes"/> gave; false for anything else.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> bytes, [NotNullWhen(true)] out ClientSession? session)
    {
        session = null;
        if (SessionBytes.Read(bytes) is not { } read)
        {
            return false;
        }
        session = new();
        session.Take(read.Seen, read.HasForgotten);
        return true;
    }

    private void Take(List<SeenMark> seen, bool forgotten)
    {
        lock (gate)
        {
            seen.ForEach(one => Note(one.KeyspaceId, one.ShardId, one.Mark));
            if (forgotten)
            {
                Forget();
            }
        }
    }

    private void Note(long keyspaceId, long shardId, SessionMark mark)
    {
        if (hasForgotten)
        {
            return;
        }
        var key = (keyspaceId, shardId, mark.ReplicaId);
        marks[key] = Math.Max(marks.GetValueOrDefault(key), mark.Revision);
        if (marks.Count > MarksMax)
        {
            Forget();
        }
    }

    private void Forget()
    {
        hasForgotten = true;
        marks.Clear();
    }

    private (List<SeenMark> Seen, bool HasForgotten) Snapshot()
    {
        lock (gate)
        {
            return (
                [
                    .. marks.Select(mark => new SeenMark(
                        mark.Key.Keyspace,
                        mark.Key.Shard,
                        new(mark.Key.Replica, mark.Value)
                    )),
                ],
                hasForgotten
            );
        }
    }
}
