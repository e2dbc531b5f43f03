namespace Exapyte.Raft;

/// <summary>What a message says. The numbers are the wire format.</summary>
public enum RaftMessageKind : byte
{
    /// <summary>Leader to follower: the entries behind (Index, LogTerm), perhaps none, and the commit index.</summary>
    Append = 1,

    /// <summary>The log matches the leader's up to Index; or Reject: it does not at Index, try RejectHint and LogTerm.</summary>
    AppendResponse = 2,

    /// <summary>Leader to follower: I lead. Commit is no more than matches for sure. Context is the number of the beat.</summary>
    Heartbeat = 3,

    /// <summary>The answer to a heartbeat, with its Context.</summary>
    HeartbeatResponse = 4,

    /// <summary>Vote for me in Term; my last entry is (Index, LogTerm). Force: the leader asked me to take over.</summary>
    VoteRequest = 5,

    /// <summary>A vote; or Reject, with what is committed here: Commit, of LogTerm.</summary>
    VoteResponse = 6,

    /// <summary>Would you vote for me in Term? Changes nothing at the receiver.</summary>
    PreVoteRequest = 7,

    /// <summary>The answer: Term is the one asked about, or with Reject the receiver's own (and Commit and LogTerm as in votes).</summary>
    PreVoteResponse = 8,

    /// <summary>Leader to follower: campaign now.</summary>
    TimeoutNow = 9,

    /// <summary>Follower to leader: from which index may I read? Context names the question.</summary>
    ReadIndexRequest = 10,

    /// <summary>The answer: Index, and the Context of the question.</summary>
    ReadIndexResponse = 11,

    /// <summary>Follower to leader: please hand leadership to the member in Context.</summary>
    TransferRequest = 12,
}

/// <summary>One message between two members of a group. Immutable; which fields mean something follows from the kind.</summary>
public sealed class RaftMessage
{
    /// <summary>What it says.</summary>
    public required RaftMessageKind Kind { get; init; }

    /// <summary>The sender.</summary>
    public required MemberId From { get; init; }

    /// <summary>The receiver.</summary>
    public required MemberId To { get; init; }

    /// <summary>The sender's term (with pre-votes the one it asks about).</summary>
    public Term Term { get; init; }

    /// <summary>An index, see the kinds.</summary>
    public LogIndex Index { get; init; }

    /// <summary>The term of an entry, see the kinds.</summary>
    public Term LogTerm { get; init; }

    /// <summary>A commit index, see the kinds.</summary>
    public LogIndex Commit { get; init; }

    /// <summary>The entries of an append, in order.</summary>
    public IReadOnlyList<LogEntry> Entries { get; init; } = [];

    /// <summary>Whether the answer is no.</summary>
    public bool Reject { get; init; }

    /// <summary>Where a rejected append might match.</summary>
    public LogIndex RejectHint { get; init; }

    /// <summary>Whether a vote is asked for on behalf of the leader, so that nobody shields it.</summary>
    public bool Force { get; init; }

    /// <summary>A number that the answer brings back, or that names a member.</summary>
    public ulong Context { get; init; }
}
