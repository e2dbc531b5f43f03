using System.Runtime.CompilerServices;
using Exapyte.Client.Lanes;
using Exapyte.Client.Retries;
using Exapyte.Client.Routing;
using Exapyte.Client.Scans;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Backups;

/// <summary>
/// Reads a keyspace shard by shard. One or more replicas of a shard keep its state of one moment; their pages are merged
/// in key order, the newest stamp of a key wins, and what is deleted or expired is left out. Thread-safe.
/// </summary>
internal sealed class SnapshotReader(
    MapResolver paths,
    ShardScanner shards,
    ExapyteClientOptions options,
    MonotonicClock clock
)
{
    private const int PartBytes = 1 << 20;

    private long NowMs => clock.Time.GetUtcNow().ToUnixTimeMilliseconds();

    public async IAsyncEnumerable<SnapshotPart> ReadAsync(
        string keyspace,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var path = await paths.FindAsync(keyspace, clock.After(options.OperationTimeout), cancellationToken);
        if (path.Map is not { } map)
        {
            yield return SnapshotPart.Failed(path.WhyNot!);
            yield break;
        }
        yield return new(OutcomeKind.Ok, null, map.Map, 0, 0, []);
        for (var shard = 0; shard < map.Routes.Length; shard++)
        {
            await using var opened = await OpenAsync(map, shard, cancellationToken);
            if (opened.WhyNot is { } whyNot)
            {
                yield return SnapshotPart.Failed(whyNot);
                yield break;
            }
            var merged = false;
            while (!merged)
            {
                var part = await opened.MergeAsync(PartBytes, NowMs, cancellationToken);
                if (part.WhyNot is { } failure)
                {
                    yield return SnapshotPart.Failed(failure);
                    yield break;
                }
                merged = !part.More;
                // Also an empty one: it says that the shard was read.
                yield return new(OutcomeKind.Ok, null, map.Map, shard, opened.Revision, part.Entries);
            }
        }
    }

    private async Task<ShardSnapshot> OpenAsync(RoutedMap map, int shard, CancellationToken cancellationToken)
    {
        var settings = map.Map.Settings;
        var route = map.Routes[shard];
        var level = ConsistencyPolicy.OfRead(settings.Replication, ConsistencyLevel.Default)!.Value;
        var needed = level.ReadReplicas(settings, route.Placement.Counted);
        return settings.Replication == ReplicationKind.Raft || needed == 1
            ? await OpenOneAsync(map, route, cancellationToken)
            : await OpenSeveralAsync(map, route, needed, cancellationToken);
    }

    private async Task<ShardSnapshot> OpenOneAsync(RoutedMap map, ShardRoute route, CancellationToken cancellationToken)
    {
        var deadlineMs = clock.After(options.OperationTimeout);
        var pin = Pin(map, route);
        var page = await shards.ReadAsync(map, route.Placement.ShardId, pin, deadlineMs, cancellationToken);
        return page is { Reply: { SnapshotId: not 0 } reply, From: { } from }
            ? new([Stream(from, reply)], reply.Revision, null)
            : new([], 0, page.WhyNot ?? (page.Reply is null ? Split : NotKept));
    }

    /// <summary>Of the replicas as many as a quorum read asks: what a write was acknowledged for is in one of them.</summary>
    private async Task<ShardSnapshot> OpenSeveralAsync(
        RoutedMap map,
        ShardRoute route,
        int needed,
        CancellationToken cancellationToken
    )
    {
        var replies = await Task.WhenAll(
            route.Lanes.Select(lane => PinAsync(lane, Pin(map, route), cancellationToken))
        );
        var streams = replies.OfType<SnapshotStream>().ToArray();
        var opened = new ShardSnapshot(streams, 0, null);
        if (streams.Length >= needed)
        {
            return opened;
        }
        await opened.DisposeAsync();
        return new(
            [],
            0,
            OperationOutcome.Of(
                OutcomeKind.Unavailable,
                $"Only {streams.Length} of {route.Lanes.Length} replicas of a shard keep a snapshot; it takes {needed}."
            )
        );
    }

    private async Task<SnapshotStream?> PinAsync(
        ReplicaBatcher lane,
        ScanRequest pin,
        CancellationToken cancellationToken
    )
    {
        try
        {
            var reply = await lane
                .Replica.Scan(pin)
                .AsTask()
                .WaitAsync(options.AttemptTimeout, clock.Time, cancellationToken);
            return reply is { Kind: OutcomeKind.Ok, SnapshotId: not 0 } ? Stream(lane, reply) : null;
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // A replica that cannot be asked is not among those that are read.
            return null;
        }
    }

    private SnapshotStream Stream(ReplicaBatcher lane, ScanReply reply) =>
        new(lane.Replica, reply.SnapshotId, options, clock);

    /// <summary>All that the shard owns by the map: one that has been split since owns less, and refuses.</summary>
    private ScanRequest Pin(RoutedMap map, ShardRoute route)
    {
        var bounds = map.BoundsOf(Array.IndexOf(map.Routes, route));
        return new()
        {
            Pin = true,
            Start = bounds.Start,
            End = bounds.End,
            EntriesMax = 1,
            BytesMax = 1,
            MapEpoch = map.Map.Epoch,
            TimeoutMs = (int)options.AttemptTimeout.TotalMilliseconds,
        };
    }

    private static readonly OperationOutcome Split = OperationOutcome.Of(
        OutcomeKind.Unavailable,
        "A shard was split while the keyspace was read. Begin again."
    );

    private static readonly OperationOutcome NotKept = OperationOutcome.Of(
        OutcomeKind.Unavailable,
        "The shard's node does not keep snapshots: it runs an older version."
    );
}
