namespace Exapyte.Raft;

/// <summary>
/// The writes that were handed out and are not known to be durable.
/// <para>
/// Each remembers up to which index the log <em>as it is now</em> stands in it. An entry that is overwritten in memory is
/// cut out of the writes that held the old one, so a late "persisted" never vouches for an entry that a later write
/// replaces, even if the same entry comes back (A, B, A: term and index alone could not tell the two A apart).
/// </para>
/// </summary>
sealed class WritesUnderWay
{
    /// <summary>A write, and how far the log as it is now stands in it.</summary>
    public readonly record struct Write(ulong Id, LogIndex Through, HardState HardState, bool MustSync);

    readonly List<Write> writes = [];

    /// <summary>The last id handed out.</summary>
    public ulong LastId { get; private set; }

    /// <summary>The last id whose loss would break a promise.</summary>
    public ulong LastSyncId { get; private set; }

    /// <summary>The last id known to be durable.</summary>
    public ulong DurableId { get; private set; }

    public ulong Add(LogIndex through, in HardState hardState, bool mustSync)
    {
        LastId++;
        LastSyncId = mustSync ? LastId : LastSyncId;
        writes.Add(new Write(LastId, through, hardState, mustSync));
        return LastId;
    }

    /// <summary>The log is overwritten from <paramref name="index"/> on.</summary>
    public void CutFrom(LogIndex index)
    {
        for (var i = 0; i < writes.Count; i++)
        {
            if (writes[i].Through >= index)
            {
                writes[i] = writes[i] with { Through = index.Previous };
            }
        }
    }

    /// <summary>
    /// Settles all writes up to <paramref name="id"/>. False if there is nothing new in that; else how far the log is durable
    /// and the last durable hard state.
    /// </summary>
    public bool Settle(ulong id, out LogIndex through, out HardState hardState)
    {
        through = default;
        hardState = default;
        if (id > LastId)
        {
            throw new RaftInvariantException($"Write {id} was never handed out; the last one is {LastId}.");
        }

        if (id <= DurableId)
        {
            return false;
        }

        DurableId = id;
        var settled = 0;
        while (settled < writes.Count && writes[settled].Id <= id)
        {
            through = writes[settled].Through;
            hardState = writes[settled].HardState;
            settled++;
        }

        writes.RemoveRange(0, settled);
        return true;
    }
}
