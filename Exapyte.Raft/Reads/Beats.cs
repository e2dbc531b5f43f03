namespace Exapyte.Raft;

/// <summary>
/// The heartbeats of one leader's term, numbered. The answer to a beat proves that the follower still followed when it came,
/// so also at every moment before it was sent: that is what reads and leases rest on.
/// </summary>
sealed class Beats
{
    const int RememberedMax = 64;

    readonly ulong[] sentAt = new ulong[RememberedMax];

    public ulong Last { get; private set; }

    public void Send(long now)
    {
        Last++;
        sentAt[Last % RememberedMax] = (ulong)now;
    }

    /// <summary>When a beat was sent; 0 if that was too long ago to remember.</summary>
    public ulong SentAt(ulong beat) => beat == 0 || Last - beat >= RememberedMax ? 0 : sentAt[beat % RememberedMax];
}
