using Exapyte.Client.Routing;
using Exapyte.Client.Rules;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Scans;

/// <summary>The making of one page; see <see cref="ScanRunner"/>. Used once, by one caller.</summary>
internal sealed class ScanRun(
    ShardScanner shards,
    ListingPositions positions,
    RoutedMap map,
    ScanQuery query,
    long deadlineMs
)
{
    /// <summary>Most shards that are asked at the same time.</summary>
    private const int ParallelMax = 64;

    private const int PartBytesMin = 16 * 1_024;

    private readonly Comparer<ReadOnlyMemory<byte>> order = KeyOrder.Of(query.Reverse);
    private readonly List<ListedEntry> entries = new(Math.Min(query.EntriesMax, Limits.PageEntriesDefault));
    private readonly List<ReadOnlyMemory<byte>> prefixes = [];
    private readonly HashSet<(string Node, string Region)> servers = [];
    private readonly Dictionary<long, ulong> begunAt = [];
    private volatile RoutedMap map = map;
    private long bytes;
    private long stalenessMs;
    private bool isByIndex = true;

    public async Task<ScanPage> RunAsync(CancellationToken cancellationToken)
    {
        var bounds = ScanBounds.Of(query);
        var (more, whyNot) = map.Map.IsRange
            ? await WalkAsync(bounds, cancellationToken)
            : await MergeAsync(bounds, cancellationToken);
        return whyNot is not null
            ? new(whyNot.Kind, [], More: false, map.Map.KeyspaceId, whyNot.Detail, ServedBy.Nothing)
            : new(OutcomeKind.Ok, entries, more, map.Map.KeyspaceId, null, Server())
            {
                Prefixes = prefixes,
                Changes = await BegunAsync(cancellationToken),
                ByIndex = query.Index is not null && isByIndex,
            };
    }

    /// <summary>
    /// Fills the page from the shards of a range keyspace, one after the other in key order, each asked for what the page still
    /// takes. Which shard comes next is found by the place where the walk is and the newest map, so that it goes on where shards
    /// are split.
    /// </summary>
    private async Task<(bool More, OperationOutcome? WhyNot)> WalkAsync(
        ScanBounds rest,
        CancellationToken cancellationToken
    )
    {
        while (!rest.IsEmpty && !IsFull)
        {
            var at = map.ShardIndexAt(rest, query.Reverse);
            var own = map.BoundsOf(at);
            var cursor = new ShardCursor(map.Map.Shards[at].ShardId, rest.Within(own), query.Folding, query.Reverse);
            if (await FillAsync(cursor, shardCount: 1, cancellationToken) is { } whyNot)
            {
                return (false, whyNot);
            }
            if (cursor.IsDry)
            {
                // The shard has other bounds by a newer map.
                continue;
            }
            while (cursor.HasHead && !IsFull)
            {
                rest = rest.Behind(Take(cursor), query.Folding, query.Reverse);
            }
            if (!cursor.MayHaveMore)
            {
                rest = rest.Behind(own, query.Reverse);
            }
        }
        return (!rest.IsEmpty, null);
    }

    /// <summary>Fills the page from all shards that may hold keys of the range, for each may hold the next one.</summary>
    private async Task<(bool More, OperationOutcome? WhyNot)> MergeAsync(
        ScanBounds bounds,
        CancellationToken cancellationToken
    )
    {
        var cursors = bounds.IsEmpty
            ? []
            : Array.ConvertAll(
                map.RoutesUnder(query.Prefix),
                route => new ShardCursor(route.Placement.ShardId, bounds, query.Folding, query.Reverse)
            );
        var heads = new PriorityQueue<ShardCursor, ReadOnlyMemory<byte>>(order);
        var dry = cursors;
        while (true)
        {
            if (await FillAsync(dry, cursors.Length, cancellationToken) is { } why)
            {
                return (false, why);
            }
            foreach (var cursor in dry.Where(cursor => cursor.HasHead))
            {
                heads.Enqueue(cursor, cursor.HeadKey);
            }
            if (Merge(heads) is not { } ranDry)
            {
                break;
            }
            dry = [ranDry];
        }
        foreach (var cursor in prefixes.Count > 0 ? cursors : [])
        {
            cursor.Skip(prefixes[^1]);
        }
        return (Array.Exists(cursors, cursor => cursor.MayHaveMore), null);
    }

    /// <summary>Takes heads in order until the page is full or nothing is left (null), or a shard must be asked (that one).</summary>
    private ShardCursor? Merge(PriorityQueue<ShardCursor, ReadOnlyMemory<byte>> heads)
    {
        while (!IsFull && heads.TryDequeue(out var cursor, out _))
        {
            Take(cursor);
            if (cursor.HasHead)
            {
                heads.Enqueue(cursor, cursor.HeadKey);
            }
            else if (cursor.IsDry && !IsFull)
            {
                return cursor;
            }
        }
        return null;
    }

    /// <summary>
    /// Takes the head as an entry, or as its common prefix, which other shards may have given before; returns its key.
    /// </summary>
    private ReadOnlyMemory<byte> Take(ShardCursor cursor)
    {
        var entry = cursor.Take();
        var folded = query.Folding.FoldedBytes(entry.Key.Span);
        if (folded == 0)
        {
            entries.Add(entry);
            bytes += entry.Key.Length + entry.Entry.Value.Length;
            return entry.Key;
        }
        var prefix = entry.Key[..folded];
        cursor.Skip(prefix);
        if (prefixes.Count == 0 || !prefixes[^1].Span.SequenceEqual(prefix.Span))
        {
            prefixes.Add(prefix);
            bytes += folded;
        }
        return entry.Key;
    }

    private bool IsOfSession =>
        ConsistencyPolicy.OfRead(map.Map.Settings.Replication, query.Level)?.Proof == ReadProof.Session;

    private bool IsFull => entries.Count + prefixes.Count >= query.EntriesMax || bytes >= Limits.PageBytesMax;

    /// <summary>Asks the shards for their next part, a few at a time; returns why one of them had none to give.</summary>
    private async Task<OperationOutcome?> FillAsync(
        ShardCursor[] dry,
        int shardCount,
        CancellationToken cancellationToken
    )
    {
        foreach (var some in dry.Chunk(ParallelMax))
        {
            var failures = await Task.WhenAll(some.Select(cursor => FillAsync(cursor, shardCount, cancellationToken)));
            if (Array.Find(failures, why => why is not null) is { } failure)
            {
                return failure;
            }
        }
        return null;
    }

    private async Task<OperationOutcome?> FillAsync(
        ShardCursor cursor,
        int shardCount,
        CancellationToken cancellationToken
    )
    {
        var page = await shards.ReadAsync(
            map,
            cursor.ShardId,
            Request(cursor, shardCount),
            deadlineMs,
            cancellationToken
        );
        if (page.Map is { } known)
        {
            map = known;
        }
        if (page.Reply is not { } reply)
        {
            return page.WhyNot;
        }
        cursor.Fill(reply);
        if (page.From is { } from)
        {
            query.Session.Note(map.Map, from, reply);
        }
        lock (servers)
        {
            servers.Add((reply.Node, reply.Region));
            isByIndex &= reply.ByIndex;
            begunAt.TryAdd(cursor.ShardId, reply.ReadAfter);
            stalenessMs = reply.StalenessMs < 0 || stalenessMs < 0 ? -1 : Math.Max(stalenessMs, reply.StalenessMs);
        }
        return null;
    }

    private ScanRequest Request(ShardCursor cursor, int shardCount)
    {
        // Half as much again as its fair part: hashing spreads keys evenly, though not exactly. Twice as much each time.
        var left = query.EntriesMax - entries.Count - prefixes.Count;
        var fair = (left * 3 / (2 * shardCount)) + 2;
        cursor.Asked = Math.Min(left, Math.Max(fair, cursor.Asked * 2));
        return new()
        {
            Start = cursor.Rest.Start,
            End = cursor.Rest.End,
            Reverse = query.Reverse,
            EntriesMax = cursor.Asked,
            BytesMax = Math.Max(PartBytesMin, Limits.PageBytesMax / shardCount),
            KeysOnly = query.KeysOnly,
            Delimiter = query.Delimiter,
            FoldFrom = query.Prefix.Length,
            Level = query.Level,
            MaxStalenessMs = query.MaxStalenessMs,
            Session = IsOfSession ? query.Session?.SeenOf(map.Map.KeyspaceId, cursor.ShardId) : null,
            Index = query.Index,
            MapEpoch = map.Map.Epoch,
            TimeoutMs = 1,
        };
    }

    /// <summary>
    /// Where each shard was before it was read, be it by a later page; null where that was not all that can hold the prefix, or
    /// nobody can watch.
    /// </summary>
    private async Task<ChangeToken?> BegunAsync(CancellationToken cancellationToken)
    {
        var settings = map.Map.Settings;
        if (
            settings.Replication != ReplicationKind.Raft
            || settings.ChangeRetentionSeconds == 0
            || query.After is not null
            || query.WithoutChanges
        )
        {
            return null;
        }
        var shardIds = Array.ConvertAll(map.RoutesUnder(query.Prefix), route => route.Placement.ShardId);
        if (map.Map.IsRange && !await positions.AddAsync(map, shardIds, begunAt, cancellationToken))
        {
            return null;
        }
        return Array.TrueForAll(shardIds, begunAt.ContainsKey)
            ? new(map.Map.KeyspaceId, shardIds, Array.ConvertAll(shardIds, begunAt.GetValueOrDefault))
            : null;
    }

    private ServedBy Server()
    {
        var level = LevelRules.Resolve(map.Map.Settings.Replication, query.Level);
        var (node, region) = servers.Count == 1 ? servers.Single() : ("", "");
        return new(level, node, region, stalenessMs, CacheHit: false);
    }
}

/// <summary>Keys by their bytes, forwards or backwards.</summary>
internal static class KeyOrder
{
    private static readonly Comparer<ReadOnlyMemory<byte>> Forward = Comparer<ReadOnlyMemory<byte>>.Create(
        static (left, right) => left.Span.SequenceCompareTo(right.Span)
    );

    private static readonly Comparer<ReadOnlyMemory<byte>> Backward = Comparer<ReadOnlyMemory<byte>>.Create(
        static (left, right) => right.Span.SequenceCompareTo(left.Span)
    );

    public static Comparer<ReadOnlyMemory<byte>> Of(bool reverse) => reverse ? Backward : Forward;
}
