using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>Something to make durable. Writes are handed out in the order of their ids and take effect in that order.</summary>
public sealed class LogWrite
{
    /// <summary>To be given back to <see cref="RaftCore.Persisted"/>; rises by one with each write.</summary>
    public required ulong WriteId { get; init; }

    /// <summary>The new hard state, or null where it has not changed.</summary>
    public required HardState? HardState { get; init; }

    /// <summary>Entries in order; the first one replaces whatever the log holds at its index or behind it.</summary>
    public required IReadOnlyList<LogEntry> Entries { get; init; }

    /// <summary>False if only the commit index changed: losing that costs no safety.</summary>
    public required bool MustSync { get; init; }
}

/// <summary>The end of a read that <see cref="RaftCore.ReadIndex"/> began.</summary>
/// <param name="ReadId">As given.</param>
/// <param name="IsReady">True: the applied state may be read now and is linearizable. False: refused, ask again.</param>
/// <param name="Index">The index that the state machine had to reach, 0 if refused.</param>
/// <param name="Leader">The leader known when this was decided, if any.</param>
public readonly record struct ReadResult(ulong ReadId, bool IsReady, LogIndex Index, MemberId Leader);

/// <summary>A member lags behind the compaction point and needs a snapshot.</summary>
/// <param name="To">
/// Who needs it. Answer with <see cref="RaftCore.SnapshotSent"/> or <see cref="RaftCore.SnapshotFailed"/>: until then
/// no entries are sent to that member.
/// </param>
public readonly record struct SnapshotRequest(MemberId To);

/// <summary>What the shell has to do after one or more inputs. One object is filled again and again.</summary>
[SuppressMessage(
    "Design",
    "MA0016",
    Justification = "Lists that are filled in place and walked without an allocation."
)]
public sealed class RaftEffects
{
    /// <summary>Messages that may leave now, whether or not <see cref="Write"/> is durable.</summary>
    public List<RaftMessage> Messages { get; } = [];

    /// <summary>Something to make durable, or null.</summary>
    public LogWrite? Write { get; internal set; }

    /// <summary>Entries to apply, each exactly once and in order; all are durable here.</summary>
    public List<LogEntry> Committed { get; } = [];

    /// <summary>Reads that may go ahead, or were refused.</summary>
    public List<ReadResult> Reads { get; } = [];

    /// <summary>Members that need a snapshot.</summary>
    public List<SnapshotRequest> Snapshots { get; } = [];

    /// <summary>Whether role, leader or term differ from the last time.</summary>
    public bool LeadershipChanged { get; internal set; }

    internal void Clear()
    {
        Messages.Clear();
        Write = null;
        Committed.Clear();
        Reads.Clear();
        Snapshots.Clear();
        LeadershipChanged = false;
    }
}
