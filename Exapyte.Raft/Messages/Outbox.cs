namespace Exapyte.Raft;

/// <summary>
/// Messages on their way out. What promises something waits until that is durable (thesis, section 3.8): a vote, a request
/// for votes (it tells of a log and a term that a crash must not undo, or an answer to it could elect a shorter log later),
/// the acknowledgement of an append. Each leaves only when all that the member had decided by then is on disk.
/// </summary>
sealed class Outbox(MemberId self)
{
    readonly List<RaftMessage> ready = [];
    readonly List<RaftMessage> unsealed = [];
    readonly Queue<(ulong WriteId, RaftMessage Message)> withheld = new();

    public bool HasAny => ready.Count > 0 || unsealed.Count > 0;

    public MemberId Self => self;

    public void Send(RaftMessage message) => ready.Add(message);

    public void SendOnceDurable(RaftMessage message) => unsealed.Add(message);

    /// <summary>What waits now waits for this write, which holds all that was decided so far.</summary>
    public void Seal(ulong lastSyncId, ulong durableId)
    {
        foreach (var message in unsealed)
        {
            if (lastSyncId <= durableId)
            {
                ready.Add(message);
            }
            else
            {
                withheld.Enqueue((lastSyncId, message));
            }
        }

        unsealed.Clear();
    }

    public void Release(ulong durableId)
    {
        while (withheld.TryPeek(out var first) && first.WriteId <= durableId)
        {
            ready.Add(withheld.Dequeue().Message);
        }
    }

    public void MoveTo(List<RaftMessage> into)
    {
        into.AddRange(ready);
        ready.Clear();
    }
}
