using Exapyte.Client.Routing;
using Exapyte.Operations;

namespace Exapyte.Client.Changes;

/// <summary>A change in the order in which a feed heard of it.</summary>
/// <param name="Shard">The position of its shard in the map.</param>
/// <param name="Change">The change.</param>
internal readonly record struct FeedChange(int Shard, ShardChange Change);

/// <summary>
/// The newest changes of one keyspace, for all who watch it from this process: one question a shard is under way, however many
/// watch, and a replica answers it when there is something to tell. The newest <see cref="ChangesMax"/> are kept; who is further
/// behind reads the shards itself until it has caught up. Thread-safe.
/// </summary>
internal sealed class KeyspaceFeed : IDisposable
{
    /// <summary>Changes that are kept.</summary>
    public const int ChangesMax = 4_096;

    /// <summary>Changes asked for at once.</summary>
    public const int PageMax = 1_000;

    /// <summary>How long a replica waits for a change, in milliseconds.</summary>
    private const int WaitMs = 3_000;

    private static readonly TimeSpan FailurePause = TimeSpan.FromMilliseconds(250);

    /// <summary>Watchers are told that a shard cannot be read when it could not for so long, beside the time of one operation.</summary>
    private static readonly TimeSpan FailureMax = TimeSpan.FromSeconds(20);

    private readonly ShardChangesReader reader;
    private readonly MonotonicClock clock;
    private readonly CancellationTokenSource stop = new();
    private readonly Lock gate = new();
    private readonly FeedChange[] newest = new FeedChange[ChangesMax];
    private readonly ulong[] positions;

    /// <summary>The number of the next change; those from <see cref="first"/> on are kept.</summary>
    private long next;
    private long first;
    private TaskCompletionSource news = NewNews();
    private OperationOutcome? failure;

    /// <summary>Starts to follow a keyspace.</summary>
    /// <param name="reader">Reads its shards.</param>
    /// <param name="clock">The clock of pauses.</param>
    /// <param name="map">Its map.</param>
    /// <param name="from">The revision of each shard to begin behind.</param>
    public KeyspaceFeed(ShardChangesReader reader, MonotonicClock clock, RoutedMap map, ulong[] from)
    {
        this.reader = reader;
        this.clock = clock;
        Map = map;
        Shards = Array.ConvertAll(map.Routes, route => route.Placement.ShardId);
        positions = [.. from];
        for (var shard = 0; shard < positions.Length; shard++)
        {
            var at = shard;
            // On the pool: it is shared, and must not be a part of the grain that asked first.
            _ = Task.Run(() => FollowAsync(at));
        }
    }

    /// <summary>The map of its shards.</summary>
    public RoutedMap Map { get; }

    /// <summary>Their ids.</summary>
    public long[] Shards { get; }

    /// <summary>Who watches; counted by <see cref="ChangeFeeds"/>.</summary>
    public int Watchers { get; set; }

    /// <summary>Why it has ended; null while it goes on.</summary>
    public OperationOutcome? Failure => Volatile.Read(ref failure);

    /// <summary>Where it is: the number of the next change, and what of each shard stands before it.</summary>
    public (long Next, ulong[] Positions) Join()
    {
        lock (gate)
        {
            return (next, [.. positions]);
        }
    }

    /// <summary>Copies changes from a number on; the news to wait for where there are none yet.</summary>
    /// <returns>How many; -1 where those from that number on are not kept any more.</returns>
    public int Read(long from, Span<FeedChange> into, out Task wait)
    {
        lock (gate)
        {
            wait = news.Task;
            if (from < first)
            {
                return -1;
            }
            var count = (int)Math.Min(into.Length, next - from);
            for (var i = 0; i < count; i++)
            {
                into[i] = newest[(from + i) % ChangesMax];
            }
            return count;
        }
    }

    /// <summary>Ends it.</summary>
    public void Dispose() => stop.Cancel();

    private async Task FollowAsync(int shard)
    {
        var map = Map;
        var shardId = map.Routes[shard].Placement.ShardId;
        long? failingSinceMs = null;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var read = await reader
                    .ReadAsync(map, shardId, positions[shard], PageMax, WaitMs, stop.Token)
                    .ConfigureAwait(false);
                map = read.Map;
                if (read.Reply is { Kind: OutcomeKind.Ok or OutcomeKind.Compacted } reply)
                {
                    failingSinceMs = null;
                    Take(shard, reply);
                    continue;
                }
                failingSinceMs ??= clock.NowMs;
                if (
                    read.WhyNot is { Kind: OutcomeKind.NoSuchKeyspace or OutcomeKind.Compacted or OutcomeKind.Invalid }
                    || clock.NowMs - failingSinceMs >= FailureMax.TotalMilliseconds
                )
                {
                    Fail(read.WhyNot!);
                    return;
                }
                await Task.Delay(FailurePause, clock.Time, stop.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                // Nobody watches any more, or the client is gone.
            }
            catch (Exception exception)
            {
                Fail(
                    OperationOutcome.Of(OutcomeKind.Unavailable, $"The changes could not be read: {exception.Message}")
                );
                return;
            }
        }
    }

    private void Take(int shard, ChangesReply reply)
    {
        if (reply.Kind == OutcomeKind.Ok && reply.Changes.Length == 0)
        {
            return;
        }
        TaskCompletionSource told;
        lock (gate)
        {
            foreach (var change in reply.Changes)
            {
                newest[next % ChangesMax] = new(shard, change);
                next++;
            }
            first = Math.Max(first, next - ChangesMax);
            positions[shard] = reply.Through;
            if (reply.Kind == OutcomeKind.Compacted)
            {
                // What is missing nobody may pass over: who watches asks the shard itself, and is told so.
                first = ++next;
            }
            told = news;
            news = NewNews();
        }
        told.TrySetResult();
    }

    /// <summary>Ends it for all who watch; the first reason counts.</summary>
    public void Fail(OperationOutcome why)
    {
        Interlocked.CompareExchange(ref failure, why, null);
        stop.Cancel();
        lock (gate)
        {
            news.TrySetResult();
        }
    }

    private static TaskCompletionSource NewNews() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>The feeds of the keyspaces that are watched from this process. Thread-safe.</summary>
internal sealed class ChangeFeeds(ShardChangesReader reader, MonotonicClock clock) : IDisposable
{
    private readonly Lock gate = new();
    private readonly Dictionary<long, KeyspaceFeed> feeds = [];
    private bool isDisposed;

    /// <summary>Joins the feed of a keyspace; it is begun where there is none. Leave it again.</summary>
    /// <param name="map">The keyspace's map.</param>
    /// <param name="from">Where each of its shards is now.</param>
    public KeyspaceFeed Enter(RoutedMap map, ulong[] from)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(isDisposed, typeof(IExapyteClient));
            if (
                !feeds.TryGetValue(map.Map.KeyspaceId, out var feed)
                || feed.Failure is not null
                || !feed.Shards.SequenceEqual(ShardsOf(map))
            )
            {
                feed = new(reader, clock, map, from);
                feeds[map.Map.KeyspaceId] = feed;
            }
            feed.Watchers++;
            return feed;
        }
    }

    private static IEnumerable<long> ShardsOf(RoutedMap map) => map.Routes.Select(route => route.Placement.ShardId);

    /// <summary>A watcher leaves; with the last one the feed ends.</summary>
    public void Leave(KeyspaceFeed feed)
    {
        lock (gate)
        {
            if (--feed.Watchers > 0)
            {
                return;
            }
            feed.Dispose();
            if (feeds.TryGetValue(feed.Map.Map.KeyspaceId, out var current) && current == feed)
            {
                feeds.Remove(feed.Map.Map.KeyspaceId);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            isDisposed = true;
            foreach (var feed in feeds.Values)
            {
                feed.Fail(
                    OperationOutcome.Of(OutcomeKind.Unavailable, "The client is going away. Go on from the token.")
                );
            }
        }
    }
}
