namespace Exapyte.Client.Lanes;

/// <summary>How long one try waits at one replica. Times are the clock's milliseconds.</summary>
/// <param name="QueuedUntilMs">When it leaves the queue unsent.</param>
/// <param name="AnsweredUntilMs">When it stops to wait for an answer.</param>
/// <param name="FollowsLeader">Whether only the leader can serve it.</param>
/// <param name="Repeatable">Whether executing it twice does no harm.</param>
internal readonly record struct AttemptDeadlines(
    long QueuedUntilMs,
    long AnsweredUntilMs,
    bool FollowsLeader,
    bool Repeatable
)
{
    /// <param name="attemptUntilMs">When this try is over.</param>
    /// <param name="deadlineMs">When the caller's time is up: so long waits what cannot be repeated, once it was sent.</param>
    /// <param name="followsLeader">Whether only the leader can serve it.</param>
    /// <param name="repeatable">Whether executing it twice does no harm.</param>
    public static AttemptDeadlines Of(long attemptUntilMs, long deadlineMs, bool followsLeader, bool repeatable)
    {
        var queuedUntilMs = Math.Min(attemptUntilMs, deadlineMs);
        return new(queuedUntilMs, repeatable ? queuedUntilMs : deadlineMs, followsLeader, repeatable);
    }

    /// <summary>
    /// A connection to the cluster broke: what was asked over it is never answered, and nobody can tell what was. What may be
    /// asked twice waits no longer than until then.
    /// </summary>
    public AttemptDeadlines OnceConnectionLost(long untilMs) =>
        Repeatable ? this with { AnsweredUntilMs = Math.Min(AnsweredUntilMs, untilMs) } : this;

    /// <summary>
    /// Another replica leads. One that handed over answers all it has taken at once; one that is frozen or cut off never
    /// does: what can be asked of the new leader waits no longer than until then.
    /// </summary>
    public AttemptDeadlines OnceLeaderMoved(long untilMs)
    {
        if (!FollowsLeader)
        {
            return this;
        }
        return this with
        {
            QueuedUntilMs = Math.Min(QueuedUntilMs, untilMs),
            AnsweredUntilMs = Repeatable ? Math.Min(AnsweredUntilMs, untilMs) : AnsweredUntilMs,
        };
    }
}
