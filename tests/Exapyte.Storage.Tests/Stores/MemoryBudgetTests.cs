using System.Text;
using Exapyte.Storage.Stores;
using Xunit;

namespace Exapyte.Storage.Tests.Stores;

public sealed class MemoryBudgetTests
{
    const int ValueBytes = 1_000;

    readonly MemoryBudget _budget = new(64 * 1024);

    [Fact]
    [Trait("Scenario", "memory_store_max_size_eviction")]
    public void Stores_together_stay_within_the_bound_and_say_what_they_let_go()
    {
        var stores = Enumerable.Range(0, 4).Select(_ => Store()).ToArray();
        for (var i = 0; i < 200; i++)
        {
            Put(stores[i % 4], $"k{i}");
            Assert.InRange(_budget.Bytes, 0, _budget.BytesMax);
        }
        Assert.Equal(_budget.Bytes, stores.Sum(store => store.ApproximateBytes));
        Assert.Equal(200, stores.Sum(store => store.Statistics.Entries + store.Statistics.EvictedEntries));
        Assert.True(stores.Sum(store => store.Statistics.EvictedBytes) > 100 * ValueBytes);
    }

    [Fact]
    public void A_store_that_fills_the_memory_makes_room_for_a_new_one()
    {
        var hog = Store();
        for (var i = 0; i < 200; i++)
            Put(hog, $"k{i}");
        var late = Store();
        for (var i = 0; i < 20; i++)
            Put(late, $"k{i}");
        Assert.Equal((20L, 0L), (late.Statistics.Entries, late.Statistics.EvictedEntries));
        Assert.InRange(_budget.Bytes, 0, _budget.BytesMax);
    }

    [Fact]
    public void Tombstones_are_kept_and_live_entries_make_room_for_them()
    {
        var store = Store();
        for (var i = 0; i < 30; i++)
            Put(store, $"k{i}");
        for (var i = 0; i < 1_000; i++)
            Put(store, $"gone{i}", EntryFlags.Tombstone);
        Assert.Equal((1_000L, 1_000L), (store.Statistics.Entries, store.Statistics.Tombstones));
    }

    [Fact]
    public void What_a_retired_store_took_the_others_may_have_and_it_can_still_be_read()
    {
        var retired = Store();
        Put(retired, "k");
        retired.Dispose();
        retired.Dispose();
        Put(retired, "late");
        Assert.Equal(0, _budget.Bytes);
        Assert.True(retired.TryGet("k"u8, out _));
    }

    MemoryStore Store() => new(new() { BytesMax = long.MaxValue }, TimeProvider.System, _budget);

    static void Put(MemoryStore store, string key, EntryFlags flags = EntryFlags.None)
    {
        var batch = store.NewBatch();
        batch.Put(
            Encoding.UTF8.GetBytes(key),
            new(new(1, 1), 1, 0, flags, "", flags == EntryFlags.None ? new byte[ValueBytes] : default)
        );
        store.Apply(batch);
    }
}
