using System.Collections.Concurrent;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Snapshots;

/// <summary>
/// States of shards that this node keeps for readers who take them page by page (backups). One that nobody reads for
/// <see cref="RestMax"/> is let go, for it holds old files and memory. Thread-safe.
/// </summary>
internal sealed class PinnedSnapshots(TimeProvider time) : IDisposable
{
    /// <summary>Most states kept at one time.</summary>
    public const int OpenMax = 64;

    /// <summary>How long a state is kept without being read.</summary>
    public static readonly TimeSpan RestMax = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<long, PinnedSnapshot> open = new();

    // Never one of the process before: its readers must not read on in a state that they did not open.
    private long lastId = time.GetUtcNow().ToUnixTimeMilliseconds() << 16;
    private volatile bool disposed;

    /// <summary>States kept now.</summary>
    public int Count => open.Count;

    /// <summary>Keeps a shard's state of this moment.</summary>
    /// <param name="replicaId">The replica whose it is.</param>
    /// <param name="store">Its store.</param>
    /// <param name="revision">The shard's revision in it; the caller sees to it that nothing is applied meanwhile.</param>
    /// <param name="liveAtMs">Leave out what is deleted, or expired at this time; null: leave out nothing.</param>
    /// <param name="life">The origin of the versions of a raft shard, whose rows have none; 0 in leaderless ones.</param>
    /// <param name="damaged">Told where a row turns out to be damaged; may be null.</param>
    public ScanReply Open(
        long replicaId,
        IShardStore store,
        ulong revision,
        long? liveAtMs,
        ulong life = 0,
        Action<StoreDamagedException>? damaged = null
    )
    {
        if (disposed || open.Count >= OpenMax)
        {
            return new() { Kind = OutcomeKind.Overloaded, Detail = $"The node keeps {OpenMax} snapshots already." };
        }
        try
        {
            var id = Interlocked.Increment(ref lastId);
            open[id] = new(replicaId, store.Scan(default, reverse: false), liveAtMs, life, time, damaged);
            return new()
            {
                Kind = OutcomeKind.Ok,
                SnapshotId = id,
                Revision = revision,
            };
        }
        catch (Exception exception) when (exception is StoreFailedException or ObjectDisposedException)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = exception.Message };
        }
    }

    /// <summary>A page of a state that this replica keeps.</summary>
    public SnapshotPage Read(long replicaId, SnapshotPageRequest request)
    {
        if (!open.TryGetValue(request.SnapshotId, out var snapshot) || snapshot.ReplicaId != replicaId)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = "The snapshot is not kept any more." };
        }
        var page = request.Close ? new() { Kind = OutcomeKind.Ok } : snapshot.Read(request.Page, request.BytesMax);
        if (request.Close || page.Kind != OutcomeKind.Ok)
        {
            Close(request.SnapshotId);
        }
        return page;
    }

    /// <summary>Lets go what nobody has read for long.</summary>
    public void CloseIdle()
    {
        foreach (var (id, snapshot) in open)
        {
            if (snapshot.Rests >= RestMax)
            {
                Close(id);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        disposed = true;
        foreach (var id in open.Keys)
        {
            Close(id);
        }
    }

    private void Close(long id)
    {
        if (open.TryRemove(id, out var snapshot))
        {
            snapshot.Dispose();
        }
    }
}

/// <summary>One kept state and how far its reader has come. Thread-safe.</summary>
internal sealed class PinnedSnapshot(
    long replicaId,
    IStoreScan scan,
    long? liveAtMs,
    ulong life,
    TimeProvider time,
    Action<StoreDamagedException>? damaged
) : IDisposable
{
    private const int RowsMax = 10_000;

    private readonly Lock gate = new();
    private SnapshotPage last = new() { Kind = OutcomeKind.Ok, More = true };
    private long page;
    private long usedAt = time.GetTimestamp();
    private bool disposed;

    /// <summary>The replica whose it is.</summary>
    public long ReplicaId => replicaId;

    /// <summary>Since when it was not read.</summary>
    public TimeSpan Rests => time.GetElapsedTime(Volatile.Read(ref usedAt));

    /// <summary>The page; the one answered last is answered again, for its answer may have been lost.</summary>
    public SnapshotPage Read(long wanted, int bytesMax)
    {
        lock (gate)
        {
            Volatile.Write(ref usedAt, time.GetTimestamp());
            if (wanted == page && page > 0)
            {
                return last;
            }
            if (disposed || wanted != page + 1 || !last.More)
            {
                return new() { Kind = OutcomeKind.Unavailable, Detail = $"Page {wanted} does not follow page {page}." };
            }
            try
            {
                last = Next(bytesMax);
            }
            catch (Exception exception) when (exception is StoreFailedException or ObjectDisposedException)
            {
                if (exception is StoreDamagedException met)
                {
                    damaged?.Invoke(met);
                }
                return new() { Kind = OutcomeKind.Unavailable, Detail = exception.Message };
            }
            page = wanted;
            if (!last.More)
            {
                // The end is remembered until it was rested on; the state itself is of no more use.
                scan.Dispose();
                disposed = true;
            }
            return last;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            if (!disposed)
            {
                disposed = true;
                scan.Dispose();
            }
        }
    }

    private SnapshotPage Next(int bytesMax)
    {
        List<StampedEntry> entries = [];
        long bytes = 0;
        var more = true;
        for (var rows = 0; rows < RowsMax && entries.Count < Limits.PageEntriesMax && bytes < bytesMax; rows++)
        {
            more = scan.MoveNext();
            if (!more)
            {
                break;
            }
            var entry = scan.Current;
            if (liveAtMs is { } nowMs && !entry.IsLive(nowMs))
            {
                continue;
            }
            var version = entry.Version with { Origin = life == 0 ? entry.Version.Origin : life };
            var stamped = Leaderless.StampedCodec.FromStored(
                scan.CurrentKey.ToArray(),
                entry with
                {
                    Version = version,
                }
            );
            entries.Add(stamped);
            bytes += stamped.Key.Length + stamped.Value.Length;
        }
        return new()
        {
            Kind = OutcomeKind.Ok,
            Entries = [.. entries],
            More = more,
        };
    }
}
