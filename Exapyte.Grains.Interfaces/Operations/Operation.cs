namespace Exapyte.Operations;

/// <summary>What an operation does to one key.</summary>
public enum OperationKind : byte
{
    /// <summary>Reads the entry with its value.</summary>
    Get = 0,

    /// <summary>Reads the entry without its value.</summary>
    Head = 1,

    /// <summary>Creates or replaces the entry.</summary>
    Put = 2,

    /// <summary>Removes the entry; removing an absent one succeeds.</summary>
    Delete = 3,

    /// <summary>
    /// Adds <see cref="Operation.Value"/> to the integer that the value is, an absent entry being 0. Raft keyspaces only, for it
    /// is judged where it is applied; the same goes for <see cref="Merge"/>.
    /// </summary>
    Increment = 4,

    /// <summary>
    /// Changes the JSON that the value is as <see cref="Operation.Value"/>, a merge patch (RFC 7396), says; an absent entry is an
    /// empty object.
    /// </summary>
    Merge = 5,
}

/// <summary>How strongly an operation is answered; which ones a keyspace takes depends on its replication.</summary>
public enum ConsistencyLevel : byte
{
    /// <summary>The keyspace's own default: linearizable (raft), quorum (quorum), one (async).</summary>
    Default = 0,

    /// <summary>Raft: sees every write acknowledged before it began.</summary>
    Linearizable = 1,

    /// <summary>Raft: at most <see cref="Operation.MaxStalenessMs"/> old.</summary>
    Bounded = 2,

    /// <summary>At least what the session has seen; without a session whatever the nearest replica holds.</summary>
    Session = 3,

    /// <summary>Raft: whatever the nearest replica holds. In leaderless keyspaces the same as <see cref="One"/>.</summary>
    Eventual = 4,

    /// <summary>Leaderless: one replica.</summary>
    One = 5,

    /// <summary>Leaderless: the keyspace's read or write quorum.</summary>
    Quorum = 6,

    /// <summary>Leaderless: every placed replica.</summary>
    All = 7,
}

/// <summary>One operation on one key, as it crosses the wire. Immutable once handed over, its buffers too.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.operation")]
public sealed record Operation
{
    /// <summary>The value of <see cref="TtlMs"/> that means: never expires, whatever the keyspace's default is.</summary>
    public const long NeverExpires = -1;

    /// <summary>What is done.</summary>
    [Id(0)]
    public required OperationKind Kind { get; init; }

    /// <summary>The key, 1 to <see cref="Limits.KeyBytesMax"/> bytes.</summary>
    [Id(1)]
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>
    /// The new value of a put, up to <see cref="Limits.ValueBytesMax"/> bytes; a merge patch; what is added, as decimal text of a
    /// 64-bit integer.
    /// </summary>
    [Id(2)]
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>The media type of the value; empty where none was given.</summary>
    [Id(3)]
    public string ContentType { get; init; } = "";

    /// <summary>
    /// Lifetime of a put in milliseconds; 0: the keyspace's default; <see cref="NeverExpires"/>: none. An increment gives it to
    /// an entry that it creates only; a merge keeps the end of the entry that is there where it names none.
    /// </summary>
    [Id(4)]
    public long TtlMs { get; init; }

    /// <summary>The condition of a write; null for none.</summary>
    [Id(5)]
    public WriteCondition? Condition { get; init; }

    /// <summary>The caller's request id (<c>Idempotency-Key</c>); null for none. Raft keyspaces only.</summary>
    [Id(6)]
    public string? RequestId { get; init; }

    /// <summary>How strongly it is answered.</summary>
    [Id(7)]
    public ConsistencyLevel Level { get; init; }

    /// <summary>For <see cref="ConsistencyLevel.Bounded"/>: the greatest acceptable age, in milliseconds.</summary>
    [Id(8)]
    public long MaxStalenessMs { get; init; }

    /// <summary>For <see cref="ConsistencyLevel.Session"/>: the version that must be visible.</summary>
    [Id(9)]
    public VersionStamp SessionVersion { get; init; }

    /// <summary>
    /// The moment at which a put ends, Unix milliseconds, to <see cref="Limits.ExpiresAtMsMax"/>; 0: <see cref="TtlMs"/> says,
    /// which is else 0. One that has come is taken too: the put replaces what was there, and its entry has ended.
    /// </summary>
    [Id(10)]
    public long ExpiresAtMs { get; init; }

    /// <summary>
    /// What the whole request is that <see cref="RequestId"/> names: with another one the id is refused. None where the
    /// caller's version does not tell.
    /// </summary>
    [Id(11)]
    public RequestFingerprint Fingerprint { get; init; }

    /// <summary>
    /// With <see cref="Fingerprint"/>: the operation's position in its batch, from 0, or
    /// <see cref="RequestFingerprint.Alone"/>.
    /// </summary>
    [Id(12)]
    public int Position { get; init; }

    /// <summary>
    /// What its session has seen of the shard; null for nothing. A read at <see cref="ConsistencyLevel.Session"/> is answered
    /// by what holds that; a leaderless write gets a later stamp.
    /// </summary>
    [Id(13)]
    public SessionMark[]? Session { get; init; }

    /// <summary>
    /// Raft: a follower may answer it, though it must be proven to hold every acknowledged write: by the read index that it
    /// asks of its leader. Else such a read is the leader's.
    /// </summary>
    [Id(14)]
    public bool AtAnyMember { get; init; }

    /// <summary>Whether it changes anything.</summary>
    public bool IsWrite => Kind >= OperationKind.Put;

    /// <summary>Whether it writes a value: all writes do but a delete.</summary>
    public bool IsPut => Kind is OperationKind.Put or OperationKind.Increment or OperationKind.Merge;

    /// <summary>Whether what it writes depends on what is there.</summary>
    public bool IsChange => Kind is OperationKind.Increment or OperationKind.Merge;
}
