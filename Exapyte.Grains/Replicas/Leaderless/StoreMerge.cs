using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Merges stamped entries into a store, where the greater stamp wins, and counts what is there. One merge at a time.
/// </summary>
internal sealed class StoreMerge(IShardStore store)
{
    private readonly StoreBatch batch = store.NewBatch();
    private readonly WriteOverlay merged = new();
    private long superseded;

    /// <summary>What the store holds, where it is counted.</summary>
    public ShardUsage Usage { get; } = new(store);

    /// <summary>Entries that lost against a greater stamp; one that comes again is not counted. For any thread.</summary>
    public long Superseded => Volatile.Read(ref superseded);

    /// <summary>Counts from now on, or no longer.</summary>
    public void Count(bool isWanted, long nowMs)
    {
        try
        {
            if (isWanted)
            {
                Usage.Begin(nowMs);
                Usage.Save(batch);
            }
            else
            {
                Usage.End(batch);
            }
            store.Apply(batch);
        }
        catch
        {
            Usage.Reload();
            throw;
        }
        finally
        {
            batch.Clear();
        }
    }

    /// <summary>Merges; answers what the entries lost to, as <see cref="LocalVerdict.Winners"/> tells it.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="index">Their index in the log; null where they are in none.</param>
    public VersionStamp[]? Run(StampedEntry[] entries, ulong? index)
    {
        VersionStamp[]? winners = null;
        var lost = 0;
        try
        {
            var order = StampOrder(entries);
            for (var at = 0; at < entries.Length; at++)
            {
                var i = order?[at] ?? at;
                var entry = entries[i];
                var stored = StampedCodec.ToStored(entry);
                if (
                    store.TryGetHeader(entry.Key.Span, out var current)
                    && (current.Version > stored.Version || (current.Version == stored.Version && !entry.Overrules))
                )
                {
                    if (current.Version > stored.Version)
                    {
                        lost++;
                        winners ??= new VersionStamp[entries.Length];
                        winners[i] = new(current.Version.Revision, current.Version.Origin);
                    }
                    continue;
                }
                batch.Put(entry.Key.Span, stored, current.ExpiresMs);
                if (Usage.IsCounted)
                {
                    CountOne(entry.Key, stored);
                }
            }
            Usage.Save(batch);
            batch.AppliedIndex = index;
            store.Apply(batch);
        }
        catch
        {
            Usage.Reload();
            throw;
        }
        finally
        {
            batch.Clear();
            merged.Clear();
        }
        Volatile.Write(ref superseded, superseded + lost);
        return winners;
    }

    private void CountOne(ReadOnlyMemory<byte> key, in StoredEntry after)
    {
        if (!merged.TryGet(key, out var before) && store.TryGet(key.Span, out var stored))
        {
            before = stored;
        }
        Usage.Replace(key.Span, before, after);
        merged.Set(key, after);
    }

    /// <summary>
    /// The positions of the entries by rising stamp, so that of two for one key the greater is put last; null where they
    /// stand that way, as they usually do.
    /// </summary>
    private static int[]? StampOrder(StampedEntry[] entries)
    {
        for (var i = 1; i < entries.Length; i++)
        {
            if (entries[i].Version < entries[i - 1].Version)
            {
                return [.. Enumerable.Range(0, entries.Length).OrderBy(at => entries[at].Version)];
            }
        }
        return null;
    }
}
