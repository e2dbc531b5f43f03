using Exapyte.Client.Changes;
using Exapyte.Client.Routing;

namespace Exapyte.Client.Scans;

/// <summary>
/// Where shards are that a listing has yet to read: with the places of those that it has read, a watch can go on from there and
/// misses nothing that the listing lacks.
/// </summary>
internal sealed class ListingPositions(ShardChangesReader reader, ExapyteClientOptions options, MonotonicClock clock)
{
    private const int ParallelMax = 64;

    /// <summary>
    /// Adds the places of the shards that are not known yet; false where some shard did not tell soon: nobody waits for that.
    /// </summary>
    public async Task<bool> AddAsync(
        RoutedMap map,
        long[] shardIds,
        Dictionary<long, ulong> known,
        CancellationToken cancellationToken
    )
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            foreach (var some in shardIds.Where(shardId => !known.ContainsKey(shardId)).Chunk(ParallelMax))
            {
                var told = await Task.WhenAll(some.Select(shardId => reader.PositionAsync(map, shardId, ended.Token)))
                    .WaitAsync(options.AttemptTimeout, clock.Time, cancellationToken);
                if (Array.Exists(told, one => one.Reply is null))
                {
                    return false;
                }
                foreach (var (shardId, one) in some.Zip(told))
                {
                    known[shardId] = one.Reply!.Through;
                }
            }
            return true;
        }
        catch (TimeoutException)
        {
            await ended.CancelAsync();
            return false;
        }
    }
}
