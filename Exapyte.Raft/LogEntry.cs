using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>What an entry means to the core. The numbers are stored on disk and sent between members.</summary>
public enum EntryKind : byte
{
    /// <summary>A command of the state machine; the core never looks into it.</summary>
    Command = 0,

    /// <summary>The entry with which a leader opens its term (Raft paper, section 8). It has no payload.</summary>
    Empty = 1,

    /// <summary>The <see cref="Configuration"/> that holds once the entry is applied.</summary>
    Configuration = 2,
}

/// <summary>One entry of the log. Term and index together name it: no two different entries share both.</summary>
/// <param name="Term">The term of the leader that created it.</param>
/// <param name="Index">Its position.</param>
/// <param name="Kind">What the payload means.</param>
/// <param name="Payload">The bytes; the core keeps the reference, so they must not change any more.</param>
public readonly record struct LogEntry(Term Term, LogIndex Index, EntryKind Kind, ReadOnlyMemory<byte> Payload)
{
    /// <summary>What an entry costs beyond its payload, in bytes: the same in memory accounting and on the wire, about.</summary>
    internal const int OverheadBytes = 16;

    /// <summary>The entry's size for all limits on bytes.</summary>
    internal int SizeBytes => Payload.Length + OverheadBytes;
}

/// <summary>What a member must remember besides its log (Raft paper, figure 2, "persistent state").</summary>
/// <param name="Term">The latest term it has seen.</param>
/// <param name="Vote">Whom it voted for in that term, if anyone.</param>
/// <param name="Commit">
/// A commit index it has known. It may be old after a crash, but it is at least as new as what came with every
/// durable entry: configuration changes rest on that (see <see cref="RaftCore"/>).
/// </param>
public readonly record struct HardState(Term Term, MemberId Vote, LogIndex Commit);

/// <summary>
/// The durable part of the log, as the shell keeps it. The core calls it while it handles an input, from the same
/// thread, and never asks for an entry that it has not been told is durable.
/// </summary>
public interface IRaftLogReader
{
    /// <summary>The first index that can be read: one behind the compaction point.</summary>
    LogIndex FirstIndex { get; }

    /// <summary>The last durable index; one before <see cref="FirstIndex"/> where the log is empty.</summary>
    LogIndex LastIndex { get; }

    /// <summary>The term at an index, also at the compaction point; null where compacted or beyond the end.</summary>
    Term? TermAt(LogIndex index);

    /// <summary>
    /// Appends entries to <paramref name="into"/>, in order without gaps, until <paramref name="through"/> or until the
    /// next would pass <paramref name="maxBytes"/> of payload. It reads at least one if there is one.
    /// </summary>
    [SuppressMessage("Design", "MA0016", Justification = "A list that is filled in place without an allocation.")]
    void Read(LogIndex from, LogIndex through, long maxBytes, List<LogEntry> into);
}
