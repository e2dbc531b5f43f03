namespace Exapyte.Raft;

/// <summary>What became of a proposal at the door. Nothing is ever dropped silently.</summary>
public enum ProposeOutcome
{
    /// <summary>It is in this leader's log. It may yet be lost: watch the term at its index when that commits.</summary>
    Accepted,

    /// <summary>This member does not lead; nothing happened.</summary>
    NotLeader,

    /// <summary>Too many bytes wait to be committed; nothing happened, try later.</summary>
    Overloaded,

    /// <summary>Leadership is being handed over; nothing happened, try the next leader.</summary>
    Transferring,

    /// <summary>The proposal makes no sense now (see the method); nothing happened.</summary>
    Refused,
}

/// <summary>The answer to a proposal.</summary>
/// <param name="Outcome">What happened.</param>
/// <param name="FirstIndex">Where the first command stands in the log if accepted, else 0.</param>
/// <param name="Term">The member's term.</param>
/// <param name="Leader">The leader it knows of, if any.</param>
public readonly record struct ProposeResult(ProposeOutcome Outcome, LogIndex FirstIndex, Term Term, MemberId Leader)
{
    /// <summary>Why, for people, where the outcome is <see cref="ProposeOutcome.Refused"/>.</summary>
    public string? Refusal { get; init; }
}
