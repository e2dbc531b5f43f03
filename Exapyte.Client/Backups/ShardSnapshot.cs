using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Client.Backups;

/// <summary>A part of a shard, or why there is none.</summary>
internal readonly record struct MergedPart(IReadOnlyList<StampedEntry> Entries, bool More, OperationOutcome? WhyNot);

/// <summary>A shard's state of one moment as one or more replicas keep it. One thread at a time.</summary>
/// <param name="streams">The replicas' entries in key order.</param>
/// <param name="revision">The shard's revision.</param>
/// <param name="whyNot">Why nothing is kept; else null.</param>
internal sealed class ShardSnapshot(SnapshotStream[] streams, ulong revision, OperationOutcome? whyNot)
    : IAsyncDisposable
{
    public ulong Revision => revision;

    public OperationOutcome? WhyNot => whyNot;

    /// <summary>The next entries, about <paramref name="bytesMax"/> bytes of them.</summary>
    /// <param name="bytesMax">Bytes of keys and values after which the part ends.</param>
    /// <param name="nowMs">Unix milliseconds; what has expired by then is left out.</param>
    /// <param name="cancellationToken">The reader is gone.</param>
    public async Task<MergedPart> MergeAsync(int bytesMax, long nowMs, CancellationToken cancellationToken)
    {
        List<StampedEntry> entries = [];
        long bytes = 0;
        while (bytes < bytesMax && entries.Count < Limits.PageEntriesMax)
        {
            foreach (var stream in streams.Where(stream => stream.IsDry))
            {
                if (await stream.FillAsync(cancellationToken) is { } failure)
                {
                    return new([], false, failure);
                }
            }
            if (TakeFirst() is not { } first)
            {
                return new(entries, false, null);
            }
            if (!first.Tombstone && (first.ExpiresMs == 0 || first.ExpiresMs > nowMs))
            {
                entries.Add(first);
                bytes += first.Key.Length + first.Value.Length;
            }
        }
        return new(entries, true, null);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var stream in streams)
        {
            await stream.CloseAsync();
        }
    }

    /// <summary>The newest entry of the first key, taken from every replica that has the key; null at the end.</summary>
    private StampedEntry? TakeFirst()
    {
        StampedEntry? first = null;
        foreach (var stream in streams)
        {
            if (stream.Head is not { } head)
            {
                continue;
            }
            var order = first is null ? -1 : head.Key.Span.SequenceCompareTo(first.Key.Span);
            if (order < 0 || (order == 0 && head.Version > first!.Version))
            {
                first = head;
            }
        }
        foreach (var stream in streams)
        {
            if (first is not null && stream.Head?.Key.Span.SequenceEqual(first.Key.Span) == true)
            {
                stream.Skip();
            }
        }
        return first;
    }
}

/// <summary>What one replica keeps, page by page. A page whose answer is lost is asked for again.</summary>
internal sealed class SnapshotStream(
    IShardReplica replica,
    long snapshotId,
    ExapyteClientOptions options,
    MonotonicClock clock
)
{
    private const int PageBytes = 256 << 10;

    private StampedEntry[] entries = [];
    private int next;
    private long page;
    private bool more = true;

    /// <summary>The entry that comes next; null where none is at hand.</summary>
    public StampedEntry? Head => next < entries.Length ? entries[next] : null;

    /// <summary>Whether it must be asked before it is known what comes next.</summary>
    public bool IsDry => next == entries.Length && more;

    public void Skip() => next++;

    /// <summary>Takes pages until there is an entry or the end; why there is none where it fails.</summary>
    public async Task<OperationOutcome?> FillAsync(CancellationToken cancellationToken)
    {
        var deadlineMs = clock.After(options.OperationTimeout);
        var backoff = new Retries.Backoff(options);
        while (IsDry)
        {
            var answer = await AskAsync(page + 1, cancellationToken);
            if (answer is { Kind: OutcomeKind.Ok })
            {
                page++;
                entries = answer.Entries;
                next = 0;
                more = answer.More;
                deadlineMs = clock.After(options.OperationTimeout);
                continue;
            }
            if (answer is not null || clock.NowMs >= deadlineMs)
            {
                return OperationOutcome.Of(
                    OutcomeKind.Unavailable,
                    answer?.Detail ?? "A replica that keeps a shard's snapshot does not answer any more."
                );
            }
            await Task.Delay(TimeSpan.FromMilliseconds(backoff.NextMs()), clock.Time, cancellationToken);
        }
        return null;
    }

    /// <summary>Lets the replica let go.</summary>
    public async ValueTask CloseAsync()
    {
        try
        {
            await replica
                .ReadSnapshot(
                    new()
                    {
                        SnapshotId = snapshotId,
                        Page = 0,
                        BytesMax = 0,
                        Close = true,
                    }
                )
                .AsTask()
                .WaitAsync(options.AttemptTimeout, clock.Time);
        }
        catch (Exception)
        {
            // It lets go by itself when nobody reads for a while.
        }
    }

    private async Task<SnapshotPage?> AskAsync(long wanted, CancellationToken cancellationToken)
    {
        try
        {
            return await replica
                .ReadSnapshot(
                    new()
                    {
                        SnapshotId = snapshotId,
                        Page = wanted,
                        BytesMax = PageBytes,
                    }
                )
                .AsTask()
                .WaitAsync(options.AttemptTimeout, clock.Time, cancellationToken);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Lost on its way or late: the same page may be asked for again.
            return null;
        }
    }
}
