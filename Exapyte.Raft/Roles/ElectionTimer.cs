namespace Exapyte.Raft;

/// <summary>
/// How long this member has waited for a leader, in ticks. The patience is drawn anew from [T, 2T) for each wait, so that split
/// votes are rare and end soon (Raft paper, sections 5.2 and 9.3).
/// </summary>
sealed class ElectionTimer(int electionTicks, Dice dice)
{
    int elapsed;

    public int Patience { get; private set; } = electionTicks + dice.Next(electionTicks);

    /// <summary>Whether a leader was heard within the least patience anyone has.</summary>
    public bool IsWithinMinimum => elapsed < electionTicks;

    public bool Tick()
    {
        elapsed = Math.Min(elapsed + 1, Patience);
        return elapsed >= Patience;
    }

    /// <summary>The leader spoke: wait again.</summary>
    public void Restart() => elapsed = 0;

    /// <summary>A new wait with new patience.</summary>
    public void Redraw()
    {
        elapsed = 0;
        Patience = electionTicks + dice.Next(electionTicks);
    }
}
