namespace Exapyte.Raft;

/// <summary>What a member found on its disk.</summary>
/// <param name="HardState">The last durable one; the default for a new member.</param>
/// <param name="Configuration">The one that holds at <paramref name="Applied"/>.</param>
/// <param name="Applied">The index up to which the durable state machine has applied.</param>
/// <param name="Log">The durable log; it reaches back to <paramref name="Applied"/> at least.</param>
public sealed record RaftRecovered(
    HardState HardState,
    Configuration Configuration,
    LogIndex Applied,
    IRaftLogReader Log
);
