namespace Exapyte.Raft;

/// <summary>What a member does at the moment.</summary>
public enum RaftRole
{
    /// <summary>Follows a leader, or waits for one.</summary>
    Follower,

    /// <summary>Asks whether an election could be won, without disturbing anyone.</summary>
    PreCandidate,

    /// <summary>Stands for election in its term.</summary>
    Candidate,

    /// <summary>Leads its term.</summary>
    Leader,
}

/// <summary>The settings of one member. Members of a group should agree on all of them but <see cref="Id"/> and <see cref="Seed"/>.</summary>
public sealed record RaftOptions
{
    /// <summary>This member's id, not 0.</summary>
    public required MemberId Id { get; init; }

    /// <summary>The source of all chance: with the same seed and inputs a member does the same. Mixed with <see cref="Id"/>.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// T, in ticks: without a word from a leader a member campaigns after a time drawn anew from [T, 2T) for each attempt.
    /// At least 2 and greater than <see cref="HeartbeatTicks"/>; several times as great is wise.
    /// </summary>
    public int ElectionTicks { get; init; } = 10;

    /// <summary>How often a leader speaks to silent followers, in ticks, at least 1.</summary>
    public int HeartbeatTicks { get; init; } = 2;

    /// <summary>How many bytes of entries go into one message; one entry always goes. At least 1.</summary>
    public int MessageBytesMax { get; init; } = 1 << 20;

    /// <summary>How many appends may be under way to one follower, at least 1.</summary>
    public int InflightMessagesMax { get; init; } = 64;

    /// <summary>How many bytes of entries may be under way to one follower, at least <see cref="MessageBytesMax"/>.</summary>
    public long InflightBytesMax { get; init; } = 8 << 20;

    /// <summary>
    /// How many bytes of entries a leader takes in before they are committed and handed out to be applied; more is
    /// <see cref="ProposeOutcome.Overloaded"/>.
    /// A single proposal of any size passes where nothing waits. At least 1.
    /// </summary>
    public long UncommittedBytesMax { get; init; } = 64 << 20;

    /// <summary>
    /// How many bytes of committed entries may be handed out and not yet applied; the last of them may pass it. At least 1.
    /// </summary>
    public long ApplyingBytesMax { get; init; } = 4 << 20;

    /// <summary>
    /// How many bytes of durable entries stay in memory until they are handed out as committed; beyond that they are read
    /// back from the log. At least 0.
    /// </summary>
    public long TailBytesMax { get; init; } = 16 << 20;

    /// <summary>How many reads may wait in this member; more are refused. At least 1.</summary>
    public int PendingReadsMax { get; init; } = 65_536;

    /// <summary>Ask before raising the term (thesis, section 9.6), so that a member that was cut off disturbs nobody.</summary>
    public bool PreVote { get; init; } = true;

    /// <summary>
    /// A leader that has not heard from a quorum for <see cref="ElectionTicks"/> steps down, and members that hear from a
    /// leader ignore campaigns (thesis, sections 6.2 and 4.2.3).
    /// </summary>
    public bool CheckQuorum { get; init; } = true;

    /// <summary>A leader that a committed change removed or made a learner steps down (thesis, section 4.2.2).</summary>
    public bool StepDownOnRemoval { get; init; } = true;

    /// <summary>
    /// For how long after sending a heartbeat that a quorum answered a leader may serve reads alone (thesis, section 6.4.1),
    /// in the unit of the time given to <see cref="RaftCore.Tick(long)"/> and <see cref="RaftCore.ReadLease"/>; 0 turns
    /// leases off. Must be shorter than (<see cref="ElectionTicks"/> - 1) ticks by more than clocks can drift in that span:
    /// only the caller can know that. Needs <see cref="CheckQuorum"/>, on all members alike.
    /// </summary>
    public long LeaseDuration { get; init; }

    /// <summary>All that is wrong with these settings; empty if nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        void Need(bool holds, string fault)
        {
            if (!holds)
            {
                faults.Add(fault);
            }
        }

        Need(!Id.IsNone, "Id must not be 0.");
        Need(HeartbeatTicks >= 1, "HeartbeatTicks must be at least 1.");
        Need(ElectionTicks >= 2, "ElectionTicks must be at least 2.");
        Need(ElectionTicks > HeartbeatTicks, "ElectionTicks must be greater than HeartbeatTicks.");
        Need(ElectionTicks <= int.MaxValue / 2, "ElectionTicks is too great.");
        Need(MessageBytesMax >= 1, "MessageBytesMax must be at least 1.");
        Need(InflightMessagesMax >= 1, "InflightMessagesMax must be at least 1.");
        Need(InflightBytesMax >= MessageBytesMax, "InflightBytesMax must be at least MessageBytesMax.");
        Need(UncommittedBytesMax >= 1, "UncommittedBytesMax must be at least 1.");
        Need(ApplyingBytesMax >= 1, "ApplyingBytesMax must be at least 1.");
        Need(TailBytesMax >= 0, "TailBytesMax must not be negative.");
        Need(PendingReadsMax >= 1, "PendingReadsMax must be at least 1.");
        Need(LeaseDuration >= 0, "LeaseDuration must not be negative.");
        Need(LeaseDuration == 0 || CheckQuorum, "LeaseDuration needs CheckQuorum.");
        return faults;
    }
}
