using Exapyte.Operations;
using Exapyte.Topology;

namespace Exapyte.Wire;

/// <summary>A replica of a shard, pinned to its node; its key is a <see cref="ReplicaKey"/>.</summary>
public interface IShardReplica : IGrainWithStringKey
{
    /// <summary>Runs a batch; every operation gets its own outcome. Never throws for an expected failure.</summary>
    [Alias("execute")]
    ValueTask<BatchReply> Execute(OperationBatch batch);

    /// <summary>Reads a page in key order.</summary>
    [Alias("scan")]
    ValueTask<ScanReply> Scan(ScanRequest request);

    /// <summary>How the replica stands.</summary>
    [Alias("status")]
    ValueTask<ReplicaStatus> Status();

    /// <summary>Reads on in a state that <see cref="ScanRequest.Pin"/> kept. It is let go after its last page, and at rest.</summary>
    [Alias("read-snapshot")]
    ValueTask<SnapshotPage> ReadSnapshot(SnapshotPageRequest request);

    /// <summary>Reads the shard's changes behind a revision, or waits for them.</summary>
    [Alias("read-changes")]
    ValueTask<ChangesReply> ReadChanges(ChangesRequest request);
}

/// <summary>Asks for a page of a kept state, in key order.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.snapshot-page-request")]
public sealed class SnapshotPageRequest
{
    /// <summary>What <see cref="ScanReply.SnapshotId"/> called it.</summary>
    [Id(0)]
    public required long SnapshotId { get; init; }

    /// <summary>1 for the first; then one more each time. The page asked last may be asked again.</summary>
    [Id(1)]
    public required long Page { get; init; }

    /// <summary>Bytes of keys and values after which the page ends.</summary>
    [Id(2)]
    public required int BytesMax { get; init; }

    /// <summary>Let it go instead.</summary>
    [Id(3)]
    public bool Close { get; init; }
}

/// <summary>A page of a kept state.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.snapshot-page")]
public sealed class SnapshotPage
{
    /// <summary>Ok, or why there is no page: the state is not kept any more, and the reader begins anew.</summary>
    [Id(0)]
    public required OutcomeKind Kind { get; init; }

    /// <summary>The entries; of a leaderless shard tombstones and expired ones too.</summary>
    [Id(1)]
    public StampedEntry[] Entries { get; init; } = [];

    /// <summary>Whether there is more; a page may be empty and there is more all the same.</summary>
    [Id(2)]
    public bool More { get; init; }

    /// <summary>A sentence for a person where it is not Ok.</summary>
    [Id(3)]
    public string? Detail { get; init; }
}

/// <summary>A member of a Raft group.</summary>
[Alias("exapyte.raft-group")]
public interface IRaftGroupGrain : IShardReplica;

/// <summary>A replica of a leaderless shard.</summary>
[Alias("exapyte.shard")]
public interface IShardGrain : IShardReplica
{
    /// <summary>Takes stamped writes of a peer; answers once they are durable here (or merged away).</summary>
    [Alias("replicate")]
    ValueTask<ReplicateReply> Replicate(ReplicateRequest request);

    /// <summary>Reads this replica's own entries, tombstones and expired ones included.</summary>
    [Alias("read-local")]
    ValueTask<LocalReadReply> ReadLocal(LocalReadRequest request);

    /// <summary>Reads a page of this replica's own entries, tombstones and expired ones included.</summary>
    [Alias("scan-local")]
    ValueTask<LocalScanReply> ScanLocal(LocalScanRequest request);
}

/// <summary>A page of local entries that a replica asks of another, to be merged with its own.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.local-scan")]
public sealed class LocalScanRequest
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

    /// <summary>Most entries to answer, at least 1.</summary>
    [Id(3)]
    public required int EntriesMax { get; init; }

    /// <summary>Bytes of keys and values after which the page ends early.</summary>
    [Id(4)]
    public required int BytesMax { get; init; }

    /// <summary>Leave the values out.</summary>
    [Id(5)]
    public bool KeysOnly { get; init; }

    /// <summary>The asking replica.</summary>
    [Id(6)]
    public long FromReplicaId { get; init; }

    /// <summary>The epoch of the map that the asking replica serves by: see <see cref="ReplicateRequest.MapEpoch"/>.</summary>
    [Id(7)]
    public long MapEpoch { get; init; }

    /// <summary>
    /// Of the keys that fold into one common prefix (<see cref="KeyFolding"/>) answer those through the first that is there, and
    /// none behind it; empty: all keys. A replica that does not know it answers them all.
    /// </summary>
    [Id(8)]
    public ReadOnlyMemory<byte> Delimiter { get; init; }

    /// <summary>Bytes at the beginning of every key in which no delimiter is looked for.</summary>
    [Id(9)]
    public int FoldFrom { get; init; }

    /// <summary>What has expired by then is not there, Unix milliseconds: where keys are folded.</summary>
    [Id(10)]
    public long NowMs { get; init; }
}

/// <summary>The answer to a <see cref="LocalScanRequest"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.local-scan-reply")]
public sealed class LocalScanReply
{
    /// <summary>Ok, or why there is no page.</summary>
    [Id(0)]
    public required OutcomeKind Kind { get; init; }

    /// <summary>The entries, in the asked order.</summary>
    [Id(1)]
    public StampedEntry[] Entries { get; init; } = [];

    /// <summary>Whether the range may hold more behind the last entry.</summary>
    [Id(2)]
    public bool More { get; init; }

    /// <summary>A sentence for a person where it is not Ok.</summary>
    [Id(3)]
    public string? Detail { get; init; }

    /// <summary>Bytes of each entry's value, also where it was left out.</summary>
    [Id(4)]
    public int[] ValueBytes { get; init; } = [];
}

/// <summary>One stamped entry as replicas exchange it; a tombstone has no value.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.stamped")]
public sealed class StampedEntry
{
    /// <summary>The key.</summary>
    [Id(0)]
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>The version; none where the replica holds nothing.</summary>
    [Id(1)]
    public required VersionStamp Version { get; init; }

    /// <summary>Deleted at this version.</summary>
    [Id(2)]
    public bool Tombstone { get; init; }

    /// <summary>The value.</summary>
    [Id(3)]
    public ReadOnlyMemory<byte> Value { get; init; }

    /// <summary>Media type.</summary>
    [Id(4)]
    public string ContentType { get; init; } = "";

    /// <summary>Written, Unix milliseconds.</summary>
    [Id(5)]
    public long ModifiedMs { get; init; }

    /// <summary>Expires, Unix milliseconds; 0 for never.</summary>
    [Id(6)]
    public long ExpiresMs { get; init; }

    /// <summary>
    /// Replaces another entry of the same version too: the replicas disagreed about that version, which only damage brings
    /// about, and this is what they agreed on. Not kept with the entry.
    /// </summary>
    [Id(7)]
    public bool Overrules { get; init; }
}

/// <summary>Writes that one replica pushes to another.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.replicate")]
public sealed class ReplicateRequest
{
    /// <summary>The sending replica.</summary>
    [Id(0)]
    public required long FromReplicaId { get; init; }

    /// <summary>The entries, at most <see cref="Limits.WireBatchBytesMax"/> bytes.</summary>
    [Id(1)]
    public required StampedEntry[] Entries { get; init; }

    /// <summary>
    /// The epoch of the map that the sender serves by. One that has been replaced and does not know it yet is refused: its
    /// writes would count as held where nobody looks for them. 0 where it says none.
    /// </summary>
    [Id(2)]
    public long MapEpoch { get; init; }
}

/// <summary>The answer to a <see cref="ReplicateRequest"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.replicate-reply")]
public sealed class ReplicateReply
{
    /// <summary>Ok once all entries are durable or superseded there, else why none of them counts.</summary>
    [Id(0)]
    public required OutcomeKind Kind { get; init; }

    /// <summary>A sentence for a person.</summary>
    [Id(1)]
    public string? Detail { get; init; }

    /// <summary>
    /// One an entry, in their order: the greater stamp that the replica holds instead, none where it holds the entry. Empty
    /// where it holds them all.
    /// </summary>
    [Id(2)]
    public VersionStamp[] Winners { get; init; } = [];
}

/// <summary>Keys whose local entries a replica asks of another.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.local-read")]
public sealed class LocalReadRequest
{
    /// <summary>The keys.</summary>
    [Id(0)]
    public required ReadOnlyMemory<byte>[] Keys { get; init; }

    /// <summary>The asking replica; 0 where it is none.</summary>
    [Id(1)]
    public long FromReplicaId { get; init; }

    /// <summary>The epoch of the map that the asking replica serves by: see <see cref="ReplicateRequest.MapEpoch"/>.</summary>
    [Id(2)]
    public long MapEpoch { get; init; }

    /// <summary>
    /// Answer although the replica has not everything yet that it should have: what it holds is asked, not what a quorum
    /// may count on.
    /// </summary>
    [Id(3)]
    public bool AsIs { get; init; }
}

/// <summary>The answer to a <see cref="LocalReadRequest"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.local-read-reply")]
public sealed class LocalReadReply
{
    /// <summary>Ok, or why there is no answer.</summary>
    [Id(0)]
    public required OutcomeKind Kind { get; init; }

    /// <summary>One entry a key, in the same order; version none where there is nothing.</summary>
    [Id(1)]
    public StampedEntry[] Entries { get; init; } = [];

    /// <summary>The <c>storeId</c> of the answering replica's node: the origin of the writes that it stamped.</summary>
    [Id(2)]
    public ulong StoreId { get; init; }
}
