namespace Exapyte.Raft;

/// <summary>
/// Handing leadership over (thesis, section 3.10): proposals rest, the target is brought up to date, then told to campaign at
/// once. Given up after an election timeout.
/// </summary>
sealed class Transfer
{
    int ticks;

    public MemberId Target { get; private set; }

    public bool IsUnderWay => !Target.IsNone;

    /// <summary>
    /// Whether a member of this term was ever told to campaign. That message may arrive late and overrides every shield, so
    /// from then on no lease holds in this term.
    /// </summary>
    public bool HasVoidedLeases { get; private set; }

    public void Begin(MemberId target)
    {
        Target = target;
        ticks = 0;
    }

    public void Abort() => Target = MemberId.None;

    public void Sent() => HasVoidedLeases = true;

    public void Tick(int electionTicks)
    {
        ticks++;
        if (IsUnderWay && ticks >= electionTicks)
        {
            Abort();
        }
    }
}
