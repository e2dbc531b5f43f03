using Exapyte.Keyspaces;

namespace Exapyte.Operations;

/// <summary>Operations of one shard that travel to one replica in one call.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.batch")]
public sealed class OperationBatch
{
    /// <summary>The operations, in order. Operations of one batch on one key apply in this order.</summary>
    [Id(0)]
    public required Operation[] Operations { get; init; }

    /// <summary>The map epoch that routed them.</summary>
    [Id(1)]
    public required long MapEpoch { get; init; }

    /// <summary>All or none: one failed condition leaves everything as it was. Raft keyspaces only.</summary>
    [Id(2)]
    public bool Atomic { get; init; }

    /// <summary>Time left for the whole batch when it was sent, in milliseconds.</summary>
    [Id(3)]
    public required int TimeoutMs { get; init; }
}

/// <summary>The answer to an <see cref="OperationBatch"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.batch-reply")]
public sealed class BatchReply
{
    /// <summary>One outcome an operation, in the same order.</summary>
    [Id(0)]
    public required OperationOutcome[] Outcomes { get; init; }

    /// <summary>The node that served it.</summary>
    [Id(1)]
    public required string Node { get; init; }

    /// <summary>The node's region.</summary>
    [Id(2)]
    public required string Region { get; init; }

    /// <summary>The current map, where the caller's epoch is older than the replica's; else null.</summary>
    [Id(3)]
    public KeyspaceMap? NewerMap { get; init; }

    /// <summary>
    /// Greatest possible age of what was read, in milliseconds, over all operations; 0 where each is proven to see what was
    /// acknowledged before, -1 where unknown.
    /// </summary>
    [Id(4)]
    public long StalenessMs { get; init; } = -1;

    /// <summary>A revision of a raft shard that is not before any that was read or written; 0 in leaderless keyspaces.</summary>
    [Id(5)]
    public ulong Revision { get; init; }

    /// <summary>A revision of a raft shard that is not behind any that was read; 0 in leaderless keyspaces, and where unknown.</summary>
    [Id(6)]
    public ulong ReadAfter { get; init; }
}

/// <summary>A page of one shard's entries in key order.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.scan")]
public sealed record ScanRequest
{
    /// <summary>First key, inclusive; empty: from the beginning.</summary>
    [Id(0)]
    public required ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Last key, exclusive; null: to the end.</summary>
    [Id(1)]
    public ReadOnlyMemory<byte>? End { get; init; }

    /// <summary>From the end towards the beginning.</summary>
    [Id(2)]
    public bool Reverse { get; init; }

    /// <summary>Most entries to answer, 1 to <see cref="Limits.PageEntriesMax"/>.</summary>
    [Id(3)]
    public required int EntriesMax { get; init; }

    /// <summary>Bytes of keys and values after which the page ends early.</summary>
    [Id(4)]
    public required int BytesMax { get; init; }

    /// <summary>Leave the values out.</summary>
    [Id(5)]
    public bool KeysOnly { get; init; }

    /// <summary>How strongly it is answered.</summary>
    [Id(6)]
    public ConsistencyLevel Level { get; init; }

    /// <summary>The map epoch that routed it.</summary>
    [Id(7)]
    public required long MapEpoch { get; init; }

    /// <summary>Time left when it was sent, in milliseconds.</summary>
    [Id(8)]
    public required int TimeoutMs { get; init; }

    /// <summary>
    /// Read nothing now: keep the shard's state of this moment, whole, to be read page by page
    /// (<see cref="Wire.IShardReplica.ReadSnapshot"/>). Bounds and limits do not count.
    /// </summary>
    [Id(9)]
    public bool Pin { get; init; }

    /// <summary>
    /// Of the keys that fold into one common prefix (<see cref="KeyFolding"/>) answer one that is there, without its value;
    /// empty: all keys. A replica that does not know it answers them all.
    /// </summary>
    [Id(10)]
    public ReadOnlyMemory<byte> Delimiter { get; init; }

    /// <summary>Bytes at the beginning of every key in which no delimiter is looked for.</summary>
    [Id(11)]
    public int FoldFrom { get; init; }

    /// <summary>As <see cref="Operation.MaxStalenessMs"/>.</summary>
    [Id(12)]
    public long MaxStalenessMs { get; init; }

    /// <summary>As <see cref="Operation.Session"/>.</summary>
    [Id(13)]
    public SessionMark[]? Session { get; init; }

    /// <summary>As <see cref="Operation.AtAnyMember"/>.</summary>
    [Id(14)]
    public bool AtAnyMember { get; init; }

    /// <summary>Answer no others than an index names, where there is that index; null: all entries. Not in reverse.</summary>
    [Id(20)]
    public IndexLookup? Index { get; init; }
}

/// <summary>One entry of a listing.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.listed")]
public sealed class ListedEntry
{
    /// <summary>The key.</summary>
    [Id(0)]
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>The entry, as a get (or, for keys only, a head) would answer it.</summary>
    [Id(1)]
    public required OperationOutcome Entry { get; init; }
}

/// <summary>The answer to a <see cref="ScanRequest"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.scan-reply")]
public sealed record ScanReply : IShardReply
{
    /// <summary><see cref="OutcomeKind.Ok"/>, or why there is no page.</summary>
    [Id(0)]
    public required OutcomeKind Kind { get; init; }

    /// <summary>The entries, in the asked order.</summary>
    [Id(1)]
    public ListedEntry[] Entries { get; init; } = [];

    /// <summary>Whether the range may hold more behind the last entry.</summary>
    [Id(2)]
    public bool More { get; init; }

    /// <summary>A sentence for a person where <see cref="Kind"/> is not Ok.</summary>
    [Id(3)]
    public string? Detail { get; init; }

    /// <summary>For <see cref="OutcomeKind.NotLeader"/>: the leader's replica id, 0 where unknown.</summary>
    [Id(4)]
    public long LeaderReplicaId { get; init; }

    /// <summary>The node that served it.</summary>
    [Id(5)]
    public string Node { get; init; } = "";

    /// <summary>The node's region.</summary>
    [Id(6)]
    public string Region { get; init; } = "";

    /// <summary>The current map, where the caller's epoch is older than the replica's; else null.</summary>
    [Id(7)]
    public KeyspaceMap? NewerMap { get; init; }

    /// <summary>For <see cref="ScanRequest.Pin"/>: what the kept state is called on this replica; else 0.</summary>
    [Id(8)]
    public long SnapshotId { get; init; }

    /// <summary>
    /// Raft: a revision of the shard that is not before the one read; for <see cref="ScanRequest.Pin"/> the revision itself.
    /// Leaderless: the greatest stamp met, deleted entries included; 0 for <see cref="ScanRequest.Pin"/>.
    /// </summary>
    [Id(9)]
    public ulong Revision { get; init; }

    /// <summary>As <see cref="BatchReply.StalenessMs"/>.</summary>
    [Id(10)]
    public long StalenessMs { get; init; } = -1;

    /// <summary>Leaderless, at level session: replicas that are known to hold all of it, the answering one alone for 1.</summary>
    [Id(11)]
    public int HeldBy { get; init; }

    /// <summary>Raft: the shard's revision before it was read: what the page lacks is changed behind it; else 0.</summary>
    [Id(12)]
    public ulong ReadAfter { get; init; }

    /// <summary>Whether <see cref="ScanRequest.Index"/> named the entries, all of the page.</summary>
    [Id(20)]
    public bool ByIndex { get; init; }
}
