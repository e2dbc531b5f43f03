using Exapyte.Grains.Tests.Leaderless;
using Exapyte.Storage.Files;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>Stores that take nothing while the disk is full.</summary>
internal sealed class DiskUnderTest
{
    private readonly List<StoreThatFills> stores = [];
    private ulong lastPrefix = 1;
    private StoreFullException? refusal;

    public bool HasNoPrefix { get; set; }

    public List<ulong> GivenUp { get; } = [];

    public void SetFull(bool isFull)
    {
        refusal = isFull ? new StoreFullException("no space left") : null;
        stores.ForEach(store => store.Refuses = refusal);
    }

    public IShardStore Open(ulong prefix)
    {
        stores.Add(new(new MemoryStore(new(), TimeProvider.System)) { Refuses = refusal });
        return stores[^1];
    }

    public ulong Issue() =>
        HasNoPrefix ? throw new DiskException("no space left", DiskException.NoSpace) : ++lastPrefix;
}
