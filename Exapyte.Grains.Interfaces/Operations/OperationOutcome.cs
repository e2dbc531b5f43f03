namespace Exapyte.Operations;

/// <summary>How an operation ended. Expected failures are values, never exceptions.</summary>
public enum OutcomeKind : byte
{
    /// <summary>Done; for a read, the entry is there.</summary>
    Ok = 0,

    /// <summary>A read found no entry.</summary>
    NotFound = 1,

    /// <summary>The condition was not met; nothing changed. Carries the current version.</summary>
    PreconditionFailed = 2,

    /// <summary>This replica does not lead; nothing changed. Carries the leader's replica id where it is known.</summary>
    NotLeader = 3,

    /// <summary>The key belongs to another shard in the current map; nothing changed.</summary>
    WrongShard = 4,

    /// <summary>The replica is not hosted there (any more); nothing changed.</summary>
    NoSuchReplica = 5,

    /// <summary>No quorum, or no replica in reach; nothing changed.</summary>
    Unavailable = 6,

    /// <summary>The write may or may not have happened.</summary>
    Unknown = 7,

    /// <summary>A bound was reached; nothing changed; try again later.</summary>
    Overloaded = 8,

    /// <summary>The operation is not acceptable as it stands; nothing changed. The detail says why.</summary>
    Invalid = 9,

    /// <summary>The disk is full; nothing changed.</summary>
    DiskFull = 10,

    /// <summary>There is no such keyspace.</summary>
    NoSuchKeyspace = 11,

    /// <summary>The request id was used with another body; nothing changed.</summary>
    RequestIdReused = 12,

    /// <summary>The deadline passed before anything was sent; nothing changed.</summary>
    DeadlineExceeded = 13,

    /// <summary>
    /// It has been known for a while that no leader, or too few replicas, are in reach; nothing changed. Another replica may
    /// know better; where each says so there is no use in trying on.
    /// </summary>
    NoQuorum = 14,

    /// <summary>
    /// The clock of the replica's node is wrong, so that it stamps no writes; nothing changed. Another replica may serve; where
    /// each says so there is no use in trying on.
    /// </summary>
    ClockWrong = 15,

    /// <summary>The keyspace would hold more than its quota; nothing changed. Deletes make room.</summary>
    QuotaExceeded = 16,

    /// <summary>An increment found a value that is no integer of 64 bits; nothing changed.</summary>
    NotAnInteger = 17,

    /// <summary>An increment would leave the 64 bits; nothing changed.</summary>
    OutOfRange = 18,

    /// <summary>A merge found a value that is no JSON; nothing changed.</summary>
    NotJson = 19,

    /// <summary>The value would be larger than <see cref="Limits.ValueBytesMax"/>; nothing changed.</summary>
    ValueTooLarge = 20,

    /// <summary>Changes that were asked for are not kept any more: list the entries, and go on from there.</summary>
    Compacted = 21,
}

/// <summary>The outcome of one operation. Immutable.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.outcome")]
public sealed class OperationOutcome
{
    /// <summary>The key has no entry.</summary>
    public static readonly OperationOutcome NotFound = new() { Kind = OutcomeKind.NotFound };

    /// <summary>How it ended.</summary>
    [Id(0)]
    public required OutcomeKind Kind { get; init; }

    /// <summary>The version read or written; for <see cref="OutcomeKind.PreconditionFailed"/> the current one.</summary>
    [Id(1)]
    public VersionStamp Version { get; init; }

    /// <summary>For a put: the key had no entry before. For a delete: it had one.</summary>
    [Id(2)]
    public bool Changed { get; init; }

    /// <summary>The value of a get; the number that an increment made, as decimal text.</summary>
    [Id(3)]
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>Length of the value in bytes, for <see cref="OperationKind.Head"/> too.</summary>
    [Id(4)]
    public long ValueBytes { get; init; }

    /// <summary>Media type of the value, empty where none was given.</summary>
    [Id(5)]
    public string ContentType { get; init; } = "";

    /// <summary>When the entry was last written, Unix milliseconds.</summary>
    [Id(6)]
    public long ModifiedMs { get; init; }

    /// <summary>When it expires, Unix milliseconds; 0 for never.</summary>
    [Id(7)]
    public long ExpiresMs { get; init; }

    /// <summary>For <see cref="OutcomeKind.NotLeader"/>: the leader's replica id, 0 where unknown.</summary>
    [Id(8)]
    public long LeaderReplicaId { get; init; }

    /// <summary>A sentence for a person: why, and what to do.</summary>
    [Id(9)]
    public string? Detail { get; init; }

    /// <summary>
    /// Replicas that hold a write durably, or what a session's read found, where that was counted (leaderless keyspaces).
    /// </summary>
    [Id(10)]
    public int Acknowledged { get; init; }

    /// <summary>
    /// In a refused atomic batch: the position of the operation that decided, from 0. That one's outcome is its own, the others
    /// have its <see cref="Kind"/>. Null where no single operation did.
    /// </summary>
    [Id(12)]
    public int? DecidedBy { get; init; }

    /// <summary>Whether the write may have happened.</summary>
    public bool InDoubt => Kind == OutcomeKind.Unknown;

    /// <summary>An outcome with a reason and nothing else.</summary>
    public static OperationOutcome Of(OutcomeKind kind, string detail) => new() { Kind = kind, Detail = detail };
}
