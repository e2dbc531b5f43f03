using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client;

/// <summary>
/// The data plane: finds the replica that must answer, coalesces concurrent operations for it, and holds the only retry
/// logic. Thread-safe; one a process. Expected failures are outcomes; only a cancelled token throws, a disposed client, and
/// those three views of the cluster that say so.
/// </summary>
/// <remarks>
/// Every call takes the time left from its token and from <see cref="ExapyteClientOptions.OperationTimeout"/>, whichever
/// is shorter. A write whose outcome is unknown is never sent again unless it carries a request id.
/// </remarks>
public interface IExapyteClient
{
    /// <summary>A session that has seen nothing yet, to be handed to calls.</summary>
    ClientSession NewSession() => new();

    /// <summary>Runs one operation.</summary>
    ValueTask<OperationResult> ExecuteAsync(
        string keyspace,
        Operation operation,
        CancellationToken cancellationToken = default
    );

    /// <summary>Runs one operation, with what this call asks of the client.</summary>
    ValueTask<OperationResult> ExecuteAsync(
        string keyspace,
        Operation operation,
        CallOptions call,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// Runs up to <see cref="Limits.BatchItemsMax"/> operations; the results stand in the same order. Operations on
    /// different shards are independent. With <paramref name="atomic"/> all of them must lie in one shard of a raft
    /// keyspace and apply together or not at all; else the whole batch is <see cref="OutcomeKind.Invalid"/>.
    /// </summary>
    ValueTask<OperationResult[]> ExecuteBatchAsync(
        string keyspace,
        IReadOnlyList<Operation> operations,
        bool atomic,
        CancellationToken cancellationToken = default
    );

    /// <summary>The same, with what this call asks of the client.</summary>
    ValueTask<OperationResult[]> ExecuteBatchAsync(
        string keyspace,
        IReadOnlyList<Operation> operations,
        bool atomic,
        CallOptions call,
        CancellationToken cancellationToken = default
    );

    /// <summary>Reads one page in key order across all shards.</summary>
    ValueTask<ScanPage> ScanAsync(string keyspace, ScanQuery query, CancellationToken cancellationToken = default);

    /// <summary>
    /// Watches the changes of a raft keyspace as they are committed, until it is cancelled: in the order of each shard, each at
    /// least once, none missing behind the token it began with (behind its first part, where there was none).
    /// </summary>
    /// <returns>
    /// A first part with the token where it begins; parts with a change or, at rest, a token; where it cannot go on a last part
    /// that is not <see cref="OutcomeKind.Ok"/>. <see cref="OutcomeKind.Compacted"/>: some changes are not kept any more.
    /// </returns>
    IAsyncEnumerable<ChangesPart> WatchAsync(
        string keyspace,
        ChangesQuery query,
        CancellationToken cancellationToken = default
    );

    /// <summary>
    /// Reads a whole keyspace, shard by shard, each shard as it was at one moment while service goes on: a raft shard at
    /// one revision, a quorum shard merged from as many replicas as a read asks, an async shard as one replica has it.
    /// The shards are read one after another, each at a moment of its own.
    /// </summary>
    /// <returns>
    /// A first part with the map; parts with entries, in key order within a shard; where it fails a last part that is
    /// not <see cref="OutcomeKind.Ok"/>, and all that came before is incomplete.
    /// </returns>
    IAsyncEnumerable<SnapshotPart> ReadSnapshotAsync(string keyspace, CancellationToken cancellationToken = default);

    /// <summary>Creates a keyspace or changes its settings.</summary>
    Task<KeyspaceReply> PutKeyspaceAsync(
        string keyspace,
        KeyspaceSettings settings,
        CancellationToken cancellationToken = default
    );

    /// <summary>Reads a keyspace's map.</summary>
    Task<KeyspaceReply> GetKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default);

    /// <summary>Deletes a keyspace and all that is in it.</summary>
    Task<KeyspaceReply> DeleteKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default);

    /// <summary>All keyspaces' names, in order.</summary>
    /// <exception cref="ClusterUnavailableException">The control plane is out of reach.</exception>
    Task<string[]> ListKeyspacesAsync(CancellationToken cancellationToken = default);

    /// <summary>The cluster's nodes; the last known ones where the control plane is out of reach.</summary>
    /// <exception cref="ClusterUnavailableException">The control plane is out of reach and none are known.</exception>
    Task<ClusterTopology> GetTopologyAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// How every placed replica of a keyspace stands, by shard; a replica whose node does not answer in time is listed
    /// with role <c>unreachable</c>. Null where there is no such keyspace.
    /// </summary>
    /// <exception cref="ClusterUnavailableException">The keyspace's map is not known and could not be read.</exception>
    Task<IReadOnlyList<ShardStatus>?> GetShardsAsync(string keyspace, CancellationToken cancellationToken = default);

    /// <summary>
    /// What a keyspace with a quota holds; null where it has none, or too few replicas answered to tell.
    /// </summary>
    Task<Usage?> GetUseAsync(KeyspaceMap map, CancellationToken cancellationToken = default);

    /// <summary>
    /// The map by which operations on a keyspace are routed, the newest that is known here; null where there is no such keyspace,
    /// or its map could not be read in time.
    /// </summary>
    ValueTask<KeyspaceMap?> GetMapAsync(string keyspace, CancellationToken cancellationToken = default);

    /// <summary>Whether operations can be served from here now; the reasons against it where not.</summary>
    Task<IReadOnlyList<string>> GetReasonsNotReadyAsync(CancellationToken cancellationToken = default);
}

/// <summary>The outcome of an operation and what served it.</summary>
/// <param name="Outcome">The outcome.</param>
/// <param name="Served">What served it; <see cref="ServedBy.Nothing"/> where nothing did.</param>
public readonly record struct OperationResult(OperationOutcome Outcome, ServedBy Served);

/// <summary>What served an operation.</summary>
/// <param name="Level">The consistency level it was served at.</param>
/// <param name="Node">The node, empty where none.</param>
/// <param name="Region">The node's region.</param>
/// <param name="StalenessMs">Greatest possible age of what was read, in milliseconds; -1 where unknown.</param>
/// <param name="CacheHit">Served from the cache.</param>
public sealed record ServedBy(ConsistencyLevel Level, string Node, string Region, long StalenessMs, bool CacheHit)
{
    /// <summary>Nothing served it.</summary>
    public static readonly ServedBy Nothing = new(ConsistencyLevel.Default, "", "", -1, false);
}

/// <summary>What a listing asks for.</summary>
public sealed record ScanQuery
{
    /// <summary>First key, inclusive; empty: from the beginning.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Last key, exclusive; null: to the end.</summary>
    public ReadOnlyMemory<byte>? End { get; init; }

    /// <summary>Only keys that begin with this; combines with the bounds.</summary>
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>From the end towards the beginning.</summary>
    public bool Reverse { get; init; }

    /// <summary>
    /// Keys that hold this behind the prefix are folded into one common prefix each, through its first occurrence
    /// (<see cref="ScanPage.Prefixes"/>); 1 to 64 bytes; empty: none are.
    /// </summary>
    public ReadOnlyMemory<byte> Delimiter { get; init; }

    /// <summary>Most entries and common prefixes in the page, 1 to <see cref="Limits.PageEntriesMax"/>.</summary>
    public int EntriesMax { get; init; } = Limits.PageEntriesDefault;

    /// <summary>Leave the values out.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>How strongly it is answered.</summary>
    public ConsistencyLevel Level { get; init; }

    /// <summary>For <see cref="ConsistencyLevel.Bounded"/>: the greatest acceptable age, in milliseconds, 1 or more.</summary>
    public long MaxStalenessMs { get; init; }

    /// <summary>As <see cref="CallOptions.Session"/>.</summary>
    public ClientSession? Session { get; init; }

    /// <summary>
    /// Go on behind this key (before it, in reverse), or behind all of the common prefix that it is or lies in; null: from the
    /// bound.
    /// </summary>
    public ReadOnlyMemory<byte>? After { get; init; }

    /// <summary>Leave <see cref="ScanPage.Changes"/> out: in range keyspaces it takes a question to each shard that is not read.</summary>
    public bool WithoutChanges { get; init; }

    /// <summary>Answer no others than an index names, where every shard has it; null: all entries. Not in reverse.</summary>
    public IndexLookup? Index { get; init; }

    internal KeyFolding Folding => new(Delimiter, Prefix.Length);

    /// <summary>The keyspace id that a cursor was made for: another one is refused; 0: any.</summary>
    public long KeyspaceId { get; init; }
}

/// <summary>A page of a listing.</summary>
/// <param name="Kind">Ok, or why there is no page.</param>
/// <param name="Entries">The entries, in the asked order.</param>
/// <param name="More">Whether there may be more behind the last entry.</param>
/// <param name="KeyspaceId">The keyspace's id, for the cursor.</param>
/// <param name="Detail">A sentence for a person where it is not Ok.</param>
/// <param name="Served">What served it.</param>
public sealed record ScanPage(
    OutcomeKind Kind,
    IReadOnlyList<ListedEntry> Entries,
    bool More,
    long KeyspaceId,
    string? Detail,
    ServedBy Served
)
{
    /// <summary>Common prefixes of folded keys (<see cref="ScanQuery.Delimiter"/>), in the asked order among the entries.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Prefixes { get; init; } = [];

    /// <summary>Whether <see cref="ScanQuery.Index"/> named the entries, in every shard; else there may be more than were asked.</summary>
    public bool ByIndex { get; init; }

    /// <summary>The last key or common prefix of the page, behind which the next one begins; null where the page is empty.</summary>
    /// <param name="reverse">Whether it was listed from the end.</param>
    public ReadOnlyMemory<byte>? Last(bool reverse) =>
        Prefixes.Count == 0
            ? Entries is [.., var entry]
                ? entry.Key
                : null
            : Entries.Count == 0 || IsBefore(Entries[^1].Key, Prefixes[^1], reverse)
                ? Prefixes[^1]
                : Entries[^1].Key;

    /// <summary>Entries and common prefixes as they follow each other; a common prefix has no entry.</summary>
    /// <param name="reverse">Whether they were listed from the end.</param>
    public IEnumerable<(ReadOnlyMemory<byte> Key, OperationOutcome? Entry)> InOrder(bool reverse)
    {
        var next = 0;
        foreach (var entry in Entries)
        {
            while (next < Prefixes.Count && IsBefore(Prefixes[next], entry.Key, reverse))
            {
                yield return (Prefixes[next++], null);
            }
            yield return (entry.Key, entry.Entry);
        }
        for (; next < Prefixes.Count; next++)
        {
            yield return (Prefixes[next], null);
        }
    }

    private static bool IsBefore(ReadOnlyMemory<byte> left, ReadOnlyMemory<byte> right, bool reverse) =>
        left.Span.SequenceCompareTo(right.Span) is var order && (reverse ? order > 0 : order < 0);

    /// <summary>
    /// On a first page the place among the keyspace's changes from before it was read; null on others, and where no changes
    /// are kept. One of a listing by prefix is good for watching that prefix.
    /// </summary>
    public ChangeToken? Changes { get; init; }
}

/// <summary>A part of a keyspace's snapshot.</summary>
/// <param name="Kind">Ok, or why there is no more.</param>
/// <param name="Detail">A sentence for a person where it is not Ok.</param>
/// <param name="Map">The keyspace's map.</param>
/// <param name="Shard">The position of the shard, counted from 0.</param>
/// <param name="Revision">The shard's revision; 0 in leaderless keyspaces.</param>
/// <param name="Entries">Entries that are neither deleted nor expired.</param>
public sealed record SnapshotPart(
    OutcomeKind Kind,
    string? Detail,
    KeyspaceMap? Map,
    int Shard,
    ulong Revision,
    IReadOnlyList<StampedEntry> Entries
)
{
    internal static SnapshotPart Failed(OperationOutcome why) => new(why.Kind, why.Detail, null, 0, 0, []);
}

/// <summary>A shard and how its replicas stand.</summary>
/// <param name="Placement">The shard as the map has it.</param>
/// <param name="Replicas">One status a placed replica.</param>
public sealed record ShardStatus(ShardPlacement Placement, IReadOnlyList<ReplicaStatus> Replicas);
