using Exapyte.Operations;

namespace Exapyte.Client.Lanes;

/// <summary>How one try at one replica ended.</summary>
internal enum AttemptKind : byte
{
    /// <summary>The replica answered; the outcome says what.</summary>
    Answered,

    /// <summary>The lane's queue was full: nothing was sent.</summary>
    Refused,

    /// <summary>It waited in the queue until its time was up, or the call provably never left: nothing was executed.</summary>
    NotSent,

    /// <summary>The call failed after it may have been executed.</summary>
    Failed,

    /// <summary>No answer came in time; it may have been executed, or may be yet.</summary>
    TimedOut,
}

/// <summary>One try at one replica: what came back, and where in the reply this item's outcomes stand.</summary>
internal readonly record struct Attempt(AttemptKind Kind, BatchReply? Reply, int Offset)
{
    public static Attempt Without(AttemptKind kind) => new(kind, null, 0);

    /// <summary>The outcome of the item's operation at <paramref name="index"/>; null where nothing was answered.</summary>
    public OperationOutcome? OutcomeAt(int index) => Reply?.Outcomes[Offset + index];
}
