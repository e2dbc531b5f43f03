namespace Exapyte.Storage.Stores;

/// <summary>Reads and single writes as their callers say them, over <see cref="IShardStore"/>.</summary>
public static class ShardStoreExtensions
{
    /// <summary>Reads an entry that is visible at <paramref name="nowMs"/> (Unix milliseconds).</summary>
    public static bool TryGetLive(this IShardStore store, ReadOnlySpan<byte> key, long nowMs, out StoredEntry entry)
    {
        if (store.TryGet(key, out entry) && entry.IsLive(nowMs))
            return true;
        entry = default;
        return false;
    }

    /// <summary>Whether a key is visible at <paramref name="nowMs"/> (Unix milliseconds).</summary>
    public static bool Exists(this IShardStore store, ReadOnlySpan<byte> key, long nowMs) =>
        store.TryGetHeader(key, out StoredEntry header) && header.IsLive(nowMs);

    /// <summary>Writes one entry in a batch of its own.</summary>
    public static void Put(this IShardStore store, ReadOnlySpan<byte> key, in StoredEntry entry)
    {
        StoreBatch batch = store.NewBatch();
        batch.Put(key, entry, ExpiryOf(store, key));
        store.Apply(batch);
    }

    /// <summary>
    /// Removes one entry in a batch of its own and says whether it was visible at <paramref name="nowMs"/> (Unix
    /// milliseconds). The answer is exact as long as nobody else writes that key.
    /// </summary>
    public static bool Delete(this IShardStore store, ReadOnlySpan<byte> key, long nowMs)
    {
        bool wasThere = store.Exists(key, nowMs);
        StoreBatch batch = store.NewBatch();
        batch.Delete(key, ExpiryOf(store, key));
        store.Apply(batch);
        return wasThere;
    }

    static long ExpiryOf(IShardStore store, ReadOnlySpan<byte> key) =>
        store.TryGetHeader(key, out StoredEntry there) ? there.ExpiresMs : 0;
}
