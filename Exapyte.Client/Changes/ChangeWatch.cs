using System.Runtime.CompilerServices;
using Exapyte.Client.Retries;
using Exapyte.Client.Routing;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Changes;

/// <summary>
/// Watches keyspaces: (1) finds where each shard is now, (2) sees to it that all since the token is kept, (3) reads each shard up
/// to where the keyspace's <see cref="KeyspaceFeed"/> is, (4) goes on with the feed; whoever falls behind what that keeps goes on
/// at 3. So a watcher holds nothing but its token. Thread-safe.
/// </summary>
internal sealed class ChangeWatch(
    MapResolver paths,
    ShardChangesReader reader,
    ChangeFeeds feeds,
    ExapyteClientOptions options,
    MonotonicClock clock
)
{
    private const string HowToGoOn = "List the entries, and go on from the token that the listing answers ('changes').";

    /// <summary>The changes of a keyspace. The first part is a token alone, or why there are none.</summary>
    public async IAsyncEnumerable<ChangesPart> RunAsync(
        string keyspace,
        ChangesQuery query,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var path = await paths
            .FindAsync(keyspace, clock.After(options.OperationTimeout), cancellationToken)
            .ConfigureAwait(false);
        if (path.Map is not { } map)
        {
            yield return ChangesPart.Failed(path.WhyNot!, null);
            yield break;
        }
        var (place, from, whyNot) = await BeginAsync(map, query, cancellationToken).ConfigureAwait(false);
        if (whyNot is not null)
        {
            var isTokens = query.Since is { } since && since.KeyspaceId != map.Map.KeyspaceId;
            yield return ChangesPart.Failed(whyNot, null) with
            {
                RefusesToken = isTokens,
            };
            yield break;
        }
        yield return Progress(place);
        var feed = feeds.Enter(map, from);
        try
        {
            await foreach (
                var part in FollowAsync(feed, place, query, cancellationToken)
                    .WithCancellation(cancellationToken)
                    .ConfigureAwait(false)
            )
            {
                yield return part;
            }
        }
        finally
        {
            feeds.Leave(feed);
        }
    }

    private async Task<(WatchPlace Place, ulong[] From, OperationOutcome? WhyNot)> BeginAsync(
        RoutedMap map,
        ChangesQuery query,
        CancellationToken cancellationToken
    )
    {
        var shards = Array.ConvertAll(map.Routes, route => route.Placement.ShardId);
        var watched = map.RoutesUnder(query.Prefix).Select(route => route.Placement.ShardId).ToHashSet();
        if (ReasonAgainst(map.Map, query, watched) is { } refusal)
        {
            return (default!, [], refusal);
        }
        var now = await Task.WhenAll(shards.Select(shard => reader.PositionAsync(map, shard, cancellationToken)))
            .ConfigureAwait(false);
        if (FailureIn(now) is { } unknown)
        {
            return (default!, [], unknown);
        }
        var from = Array.ConvertAll(now, read => read.Reply!.Through);
        var place = new WatchPlace(map.Map.KeyspaceId, shards, [.. from]);
        if (query.Since is not { } since)
        {
            return (place, from, null);
        }
        for (var shard = 0; shard < shards.Length; shard++)
        {
            if (!watched.Contains(shards[shard]))
            {
                // Nothing that is watched can come from there.
                continue;
            }
            place.Revisions[shard] = since.RevisionOf(shards[shard])!.Value;
            if (place.Revisions[shard] > from[shard])
            {
                return (place, from, Compacted("The token is of changes that this keyspace does not have."));
            }
        }
        var kept = await Task.WhenAll(
                shards
                    .Where((_, shard) => place.Revisions[shard] < from[shard])
                    .Select(shard =>
                        reader.ReadAsync(map, shard, since.RevisionOf(shard)!.Value, 1, 0, cancellationToken)
                    )
            )
            .ConfigureAwait(false);
        return (place, from, FailureIn(kept));
    }

    private async IAsyncEnumerable<ChangesPart> FollowAsync(
        KeyspaceFeed feed,
        WatchPlace place,
        ChangesQuery query,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        var buffer = new FeedChange[64];
        var silence = new Silence(clock, query.Heartbeat);
        while (true)
        {
            var (next, positions) = feed.Join();
            await foreach (
                var part in CatchUpAsync(feed, positions, place, query, silence, cancellationToken)
                    .ConfigureAwait(false)
            )
            {
                yield return part;
                if (part.Kind != OutcomeKind.Ok)
                {
                    yield break;
                }
            }
            int count;
            while ((count = feed.Read(next, buffer, out var news)) >= 0)
            {
                next += count;
                for (var i = 0; i < count; i++)
                {
                    var (shard, change) = buffer[i];
                    if (place.Passes(shard, change, query.Prefix))
                    {
                        silence.Broken();
                        yield return new(OutcomeKind.Ok, null, change, place.Token);
                    }
                }
                if (count == 0 && feed.Failure is { } ended)
                {
                    yield return ChangesPart.Failed(ended, place.Token);
                    yield break;
                }
                if (silence.LeftMs == 0)
                {
                    silence.Broken();
                    yield return Progress(place);
                }
                else if (count == 0)
                {
                    await silence.WaitAsync(news, cancellationToken).ConfigureAwait(false);
                }
            }
        }
    }

    /// <summary>Reads each shard up to where the feed is.</summary>
    private async IAsyncEnumerable<ChangesPart> CatchUpAsync(
        KeyspaceFeed feed,
        ulong[] positions,
        WatchPlace place,
        ChangesQuery query,
        Silence silence,
        [EnumeratorCancellation] CancellationToken cancellationToken
    )
    {
        for (var shard = 0; shard < positions.Length; shard++)
        {
            while (place.Revisions[shard] < positions[shard])
            {
                var read = await reader
                    .ReadAsync(
                        feed.Map,
                        place.Shards[shard],
                        place.Revisions[shard],
                        KeyspaceFeed.PageMax,
                        0,
                        cancellationToken
                    )
                    .ConfigureAwait(false);
                if (FailureIn([read]) is { } failure)
                {
                    yield return ChangesPart.Failed(failure, place.Token);
                    yield break;
                }
                foreach (var change in read.Reply!.Changes)
                {
                    if (place.Passes(shard, change, query.Prefix))
                    {
                        silence.Broken();
                        yield return new(OutcomeKind.Ok, null, change, place.Token);
                    }
                }
                place.Revisions[shard] = Math.Max(place.Revisions[shard], read.Reply.Through);
                if (silence.LeftMs == 0)
                {
                    silence.Broken();
                    yield return Progress(place);
                }
            }
        }
    }

    private static OperationOutcome? ReasonAgainst(KeyspaceMap map, ChangesQuery query, HashSet<long> watched) =>
        map.Settings.Replication != ReplicationKind.Raft
            ? OperationOutcome.Of(
                OutcomeKind.Invalid,
                "Changes of leaderless keyspaces (quorum, async) cannot be watched yet: list the entries instead."
            )
        : map.Settings.ChangeRetentionSeconds == 0
            ? OperationOutcome.Of(
                OutcomeKind.Invalid,
                "The keyspace keeps no changes: set changeRetentionSeconds to more than 0 to watch it."
            )
        : query.Since is not { } since ? null
        : since.KeyspaceId != map.KeyspaceId
            ? OperationOutcome.Of(
                OutcomeKind.Invalid,
                "The token is of another keyspace, or of one of this name that is gone. Leave it out to begin now."
            )
        : !watched.All(shard => since.RevisionOf(shard) is not null)
            ? Compacted(
                "The token is of other shards: it is that of a listing by another prefix, or the shards have changed."
            )
        : null;

    private static OperationOutcome? FailureIn(ShardChanges[] reads)
    {
        foreach (var read in reads)
        {
            if (read.Reply is { Kind: OutcomeKind.Compacted } reply)
            {
                return Compacted($"A shard keeps its changes behind revision {reply.KeptAfter} only.");
            }
            if (read.WhyNot is { } whyNot)
            {
                return whyNot;
            }
        }
        return null;
    }

    private static OperationOutcome Compacted(string what) =>
        OperationOutcome.Of(OutcomeKind.Compacted, $"{what} {HowToGoOn}");

    private static ChangesPart Progress(WatchPlace place) => new(OutcomeKind.Ok, null, null, place.Token);

    /// <summary>What a watcher has seen of each shard. Used by one caller at a time.</summary>
    private sealed class WatchPlace(long keyspaceId, long[] shards, ulong[] revisions)
    {
        public long[] Shards => shards;

        public ulong[] Revisions => revisions;

        public ChangeToken Token => new(keyspaceId, shards, [.. revisions]);

        /// <summary>Moves on to a change; false where it was seen before, or is not of those that are watched.</summary>
        public bool Passes(int shard, ShardChange change, ReadOnlyMemory<byte> prefix)
        {
            if (change.Revision <= revisions[shard])
            {
                return false;
            }
            revisions[shard] = change.Revision;
            return change.Key.Span.StartsWith(prefix.Span);
        }
    }

    /// <summary>How long a watcher has heard nothing.</summary>
    private sealed class Silence(MonotonicClock clock, TimeSpan max)
    {
        private long sinceMs = clock.NowMs;

        public long LeftMs => Math.Max(0, sinceMs + (long)max.TotalMilliseconds - clock.NowMs);

        public void Broken() => sinceMs = clock.NowMs;

        /// <summary>Waits for news, or until it has lasted too long.</summary>
        public async Task WaitAsync(Task news, CancellationToken cancellationToken)
        {
            await news.WaitAsync(TimeSpan.FromMilliseconds(Math.Max(1, LeftMs)), clock.Time, cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
