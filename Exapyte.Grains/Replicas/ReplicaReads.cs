using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>Reads of a replica's store as callers see them: tombstones and what has expired are hidden.</summary>
internal static class ReplicaReads
{
    /// <summary>What a shard answers that the key does not belong to.</summary>
    public static readonly OperationOutcome WrongShard = OperationOutcome.Of(
        OutcomeKind.WrongShard,
        "The key belongs to another shard."
    );

    /// <summary>What a shard answers that does not own all keys of a page's range; null where it does, or where that is not known yet.</summary>
    public static ScanReply? Misplaced(ShardOwnership? ownership, ScanRequest request) =>
        ownership?.Keys.Covers(new(request.Start, request.End)) == false
            ? new() { Kind = OutcomeKind.WrongShard, Detail = "A part of the range belongs to another shard." }
            : null;

    /// <summary>One get or head.</summary>
    /// <param name="store">The store.</param>
    /// <param name="operation">What is asked.</param>
    /// <param name="nowMs">What has expired by then is not there, Unix milliseconds.</param>
    /// <param name="life">The origin of versions in a raft keyspace, whose rows have none; 0 in leaderless ones.</param>
    public static OperationOutcome Read(IShardStore store, Operation operation, long nowMs, ulong life = 0) =>
        store.TryGet(operation.Key.Span, out var entry) && entry.IsLive(nowMs)
            ? OutcomeOf(entry, operation.Kind == OperationKind.Get, life)
            : OperationOutcome.NotFound;

    /// <summary>An entry as a get answers it, or, without its value, as a head does.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="withValue">Whether with its value.</param>
    /// <param name="life">As in <see cref="Read"/>.</param>
    /// <param name="heldBy">How many replicas are known to hold it, where that is told.</param>
    public static OperationOutcome OutcomeOf(in StoredEntry entry, bool withValue, ulong life = 0, int heldBy = 0) =>
        OutcomeOf(entry, withValue, entry.Value.Length, life, heldBy);

    private static OperationOutcome OutcomeOf(
        in StoredEntry entry,
        bool withValue,
        int valueBytes,
        ulong life,
        int heldBy = 0
    ) =>
        new()
        {
            Kind = OutcomeKind.Ok,
            Version = new(entry.Version.Revision, life == 0 ? entry.Version.Origin : life),
            Value = withValue ? entry.Value : default,
            ValueBytes = valueBytes,
            ContentType = entry.ContentType,
            ModifiedMs = entry.ModifiedMs,
            ExpiresMs = entry.ExpiresMs,
            Acknowledged = heldBy,
        };

    /// <summary>One page in key order.</summary>
    public static ScanReply Scan(IShardStore store, ScanRequest request, long nowMs, ulong life = 0) =>
        Scan(store, request, nowMs, nowMs, life, out _);

    /// <summary>One page in key order.</summary>
    /// <param name="store">The store.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="stampMs">What has ended by then is not there, Unix milliseconds.</param>
    /// <param name="clockMs">The node's time, Unix milliseconds.</param>
    /// <param name="life">The origin of versions in a raft keyspace, whose rows have none; 0 in leaderless ones.</param>
    /// <param name="metEnded">Whether the page shows an entry that has ended by the node's time.</param>
    /// <param name="revision">The shard's revision, which the store holds at least; 0 in leaderless keyspaces.</param>
    public static ScanReply Scan(
        IShardStore store,
        ScanRequest request,
        long stampMs,
        long clockMs,
        ulong life,
        out bool metEnded,
        ulong revision = 0
    )
    {
        metEnded = false;
        List<ListedEntry> entries = [];
        long bytes = 0;
        ulong newest = 0;
        var more = false;
        var folding = request.Folding();
        using var scan = IndexScan.Open(store, request) ?? store.Scan(new(request.Start, request.End), request.Reverse);
        var moved = scan.MoveNext();
        while (moved)
        {
            var folded = folding.FoldedBytes(scan.CurrentKey);
            var (entry, valueBytes) = request.KeysOnly || folded > 0 ? scan.CurrentHeader : Sized(scan.Current);
            newest = Math.Max(newest, entry.Version.Revision);
            if (!entry.IsLive(stampMs))
            {
                moved = scan.MoveNext();
                continue;
            }
            metEnded |= entry.IsExpired(clockMs);
            if (entries.Count == request.EntriesMax || bytes >= request.BytesMax)
            {
                more = true;
                break;
            }
            var key = scan.CurrentKey.ToArray();
            entries.Add(new() { Key = key, Entry = OutcomeOf(entry, withValue: true, valueBytes, life) });
            bytes += key.Length + entry.Value.Length;
            moved = folded > 0 ? scan.MoveBehind(key.AsSpan(0, folded), request.Reverse) : scan.MoveNext();
        }
        return new()
        {
            Kind = OutcomeKind.Ok,
            Entries = [.. entries],
            More = more,
            Revision = newest,
            ReadAfter = revision,
            ByIndex = scan is IndexScan { IsByIndex: true },
        };
    }

    private static EntryHeader Sized(in StoredEntry entry) => new(entry, entry.Value.Length);
}
