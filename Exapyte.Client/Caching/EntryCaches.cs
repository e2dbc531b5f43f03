using System.Collections.Concurrent;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Caching;

/// <summary>
/// The caches of the keyspaces that have one, in a process whose node brings word of what changes. There is none elsewhere:
/// nobody would tell it. Thread-safe.
/// </summary>
internal sealed class EntryCaches(ExapyteClientOptions options, MonotonicClock clock, ClientMeter meter)
{
    private readonly Lock gate = new();
    private readonly ConcurrentDictionary<long, EntryCache> caches = new();
    private volatile bool isEmpty = true;
    private long bytes;

    public ClientMeter Meter => meter;

    /// <summary>Bytes that all of them keep, roughly.</summary>
    public long Bytes => Volatile.Read(ref bytes);

    /// <summary>Bytes that they may keep.</summary>
    public long BytesMax => options.CacheBytesMax;

    /// <summary>Now, by both clocks.</summary>
    public CacheMoment Now => new(clock.NowMs, clock.Time.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>The cache of a keyspace; null where it has none.</summary>
    public EntryCache? Find(long keyspaceId) => isEmpty ? null : caches.GetValueOrDefault(keyspaceId);

    /// <summary>The cache of a keyspace by this map, the one before where that will do; null where it has none any more.</summary>
    public EntryCache? Of(KeyspaceMap map)
    {
        lock (gate)
        {
            var known = caches.GetValueOrDefault(map.KeyspaceId);
            var settings = map.Settings.Cache;
            if (known?.Settings == settings)
            {
                return known;
            }
            known?.Retire();
            if (settings is null)
            {
                caches.TryRemove(map.KeyspaceId, out _);
                isEmpty = caches.IsEmpty;
                return null;
            }
            var made = new EntryCache(this, map, settings);
            caches[map.KeyspaceId] = made;
            isEmpty = false;
            return made;
        }
    }

    /// <summary>The keyspace is gone, or its map is not kept any more.</summary>
    public void Remove(long keyspaceId)
    {
        lock (gate)
        {
            if (caches.TryRemove(keyspaceId, out var known))
            {
                known.Retire();
                isEmpty = caches.IsEmpty;
            }
        }
    }

    /// <summary>Entries have changed.</summary>
    public void HearOf(ChangedKeys changed)
    {
        if (Find(changed.KeyspaceId) is not { } cache)
        {
            return;
        }
        for (var i = 0; i < changed.Keys.Length; i++)
        {
            cache.Invalidate(changed.Keys[i], changed.Versions[i]);
        }
        if (changed.Keys.Length == 0)
        {
            cache.ForgetShard(changed.ShardId);
        }
    }

    /// <summary>Where all of them take more than they may, whichever takes most lets go of some.</summary>
    public void MakeRoom()
    {
        while (Bytes > BytesMax && caches.Values.MaxBy(cache => cache.Bytes)?.Shrink() == true) { }
    }

    public void AddBytes(long count) => Interlocked.Add(ref bytes, count);
}
