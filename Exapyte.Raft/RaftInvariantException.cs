namespace Exapyte.Raft;

/// <summary>
/// Something happened that Raft proves impossible, or the shell broke its part of the contract. The replica must stop: its
/// memory is not to be trusted, its disk still may be.
/// </summary>
public sealed class RaftInvariantException(string message) : Exception(message);
