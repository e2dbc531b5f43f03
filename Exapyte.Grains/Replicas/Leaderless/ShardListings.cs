using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Pages of the shard as R replicas hold it: their own pages are merged in key order, the greatest stamp of a key wins, and
/// what is deleted or has expired is left out. Keys on which the replicas differ are read once more as a quorum reads them,
/// which repairs those that lag before the page is answered. Thread-safe.
/// </summary>
/// <remarks>Memory is bounded: R pages of at most a wire batch each, beside the page that is made.</remarks>
internal sealed class ShardListings(ReplicaContext context, CopyIn copy, QuorumReads quorumReads)
{
    /// <summary>Common prefixes of a page that are asked for one by one, because the replicas differ; then the page ends early.</summary>
    private const int DoubtsMax = 16;

    /// <summary>Reads a page.</summary>
    /// <param name="request">What is asked for.</param>
    /// <param name="current">The map and the other replicas.</param>
    /// <param name="needed">Replicas that are merged.</param>
    /// <param name="holders">Those that must be among them.</param>
    /// <exception cref="StoreFailedException">This replica's store cannot be read.</exception>
    public async ValueTask<ScanReply> Read(ScanRequest request, ShardPeers current, int needed, long[] holders)
    {
        var selfCounts = !copy.IsRefilling;
        if (needed <= 1 && selfCounts && holders.Length == 0)
        {
            return ReplicaReads.Scan(context.Local.Store, request, context.NowMs);
        }
        var inReach = context.InReach(current, selfCounts);
        if (needed > inReach)
        {
            var refusal = context.TooFew(needed, inReach, current);
            return new() { Kind = refusal.Kind, Detail = refusal.Detail };
        }
        using var late = new CancellationTokenSource(
            TimeSpan.FromMilliseconds(Math.Max(1, request.TimeoutMs)),
            context.Node.Time
        );
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.Stop);
        var listing = new ShardListing(context, request, current, selfCounts, needed, holders);
        var doubts = 0;
        try
        {
            if (!await listing.Open(ended.Token))
            {
                return Failed(needed, current);
            }
            while (true)
            {
                if (
                    !await listing.Merge(ended.Token)
                    || !await Agree(listing, current, needed, selfCounts, request, holders)
                )
                {
                    return Failed(needed, current);
                }
                doubts += listing.IsUnderWay ? 1 : 0;
                var isAnswer = listing.Entries.Count > 0 && (!listing.IsUnderWay || doubts > DoubtsMax);
                if (isAnswer || !listing.MayHaveMore)
                {
                    return new()
                    {
                        Kind = OutcomeKind.Ok,
                        Entries = [.. listing.Entries],
                        More = listing.MayHaveMore,
                        Revision = listing.Newest,
                    };
                }
            }
        }
        catch (OperationCanceledException)
        {
            return Failed(needed, current);
        }
    }

    /// <summary>Reads what the replicas differ on as a quorum does; false where that fails.</summary>
    private async ValueTask<bool> Agree(
        ShardListing listing,
        ShardPeers current,
        int needed,
        bool selfCounts,
        ScanRequest request,
        long[] holders
    )
    {
        foreach (var part in WireBatches.Of([.. listing.Differing], key => key.Bytes))
        {
            var keys = Array.ConvertAll(part, one => one.Key);
            if (await quorumReads.Read(keys, current, needed, selfCounts, request.TimeoutMs, holders) is not { } newest)
            {
                return false;
            }
            listing.Replace(newest);
        }
        listing.Differing.Clear();
        return true;
    }

    private static ScanReply Failed(int needed, ShardPeers current) =>
        new()
        {
            Kind = OutcomeKind.Unavailable,
            Detail = $"Fewer than {needed} of {current.Counted} replicas answered, and held what is newest, in time.",
        };
}
