using Exapyte.Storage.Stores.Disk;

namespace Exapyte.Storage.Stores;

/// <summary>A shard replica whose rows could not all be read, and why, with file and offset as RocksDB tells.</summary>
public sealed record UnreadableShard(ulong Prefix, string Reason);

/// <summary>Reads what can be read of a damaged store into a new one.</summary>
public static class StoreSalvage
{
    /// <summary>
    /// Copies the shard replicas one by one, in memory of bounded size: whole, or not at all. What comes out is durable when
    /// it returns; the damaged store is left as it was. Prefixes that are not asked for stay behind.
    /// </summary>
    /// <param name="damaged">The folder of the damaged store, which nobody has open.</param>
    /// <param name="into">The folder of the new one, which is not there yet.</param>
    /// <param name="prefixes">The shard replicas that matter.</param>
    /// <param name="options">How both are opened.</param>
    /// <returns>Those that could not be read, of which nothing is in the new store.</returns>
    /// <exception cref="StoreDamagedException">The damaged store cannot be opened at all.</exception>
    /// <exception cref="StoreFullException">There is no space for a second store.</exception>
    public static IReadOnlyList<UnreadableShard> Copy(
        string damaged,
        string into,
        IEnumerable<ulong> prefixes,
        DiskStoreOptions options
    )
    {
        List<UnreadableShard> unreadable = [];
        using RocksEngine from = RocksEngine.OpenReadOnly(damaged, options);
        Directory.CreateDirectory(into);
        using RocksEngine to = RocksEngine.Open(into, options);
        var copier = new RowCopier(from, to);
        foreach (ulong prefix in prefixes.Distinct().Order())
        {
            try
            {
                copier.Copy(prefix);
            }
            catch (StoreDamagedException damage)
            {
                unreadable.Add(new(prefix, damage.Message));
                copier.Drop(prefix);
            }
        }
        to.Flush();
        return unreadable;
    }
}
