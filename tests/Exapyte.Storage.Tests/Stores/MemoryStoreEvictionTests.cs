using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class MemoryStoreEvictionTests
{
    static MemoryStore StoreOf(long entriesMax = long.MaxValue, long bytesMax = long.MaxValue, bool keep = true) =>
        new MemoryStoreFixture(
            new MemoryStoreOptions
            {
                EntriesMax = entriesMax,
                BytesMax = bytesMax,
                KeepTombstones = keep,
            }
        ).Store;

    [Fact]
    [Trait("Scenario", "memory_store_max_size_eviction")]
    public void The_number_of_entries_never_exceeds_its_bound()
    {
        MemoryStore store = StoreOf(entriesMax: 10);
        for (int number = 0; number < 100; number++)
        {
            store.Put(Key(number), Entry("v"));
            Assert.InRange(store.ApproximateCount, 1, 10);
        }

        Assert.Equal(10, store.All().Count);
        Assert.Equal(90, store.Statistics.EvictedEntries);
    }

    [Fact]
    [Trait("Scenario", "memory_store_max_size_eviction")]
    public void The_bytes_never_exceed_their_bound()
    {
        MemoryStore store = StoreOf(bytesMax: 100_000);
        for (int number = 0; number < 1000; number++)
        {
            store.Put(Key(number % 300), Entry(new byte[number % 2000]));
            Assert.InRange(store.ApproximateBytes, 1, 100_000);
        }

        MemoryStoreStatistics statistics = store.Statistics;
        Assert.Equal(statistics.Entries, store.All().Count);
        Assert.True(statistics.EvictedEntries > 0);
        Assert.True(statistics.EvictedBytes > 100_000);
    }

    [Fact]
    [Trait("Scenario", "memory_store_max_size_eviction")]
    public void What_is_read_stays_and_the_oldest_that_nobody_reads_goes()
    {
        MemoryStore store = StoreOf(entriesMax: 4);
        foreach (string key in (string[])["a", "b", "c", "d"])
            store.Put(Key(key), Entry("v"));
        store.TryGet(Key("a"), out _);
        store.TryGet(Key("c"), out _);

        store.Put(Key("e"), Entry("v"));
        Assert.Equal(["a", "c", "d", "e"], store.Keys());
        store.Put(Key("f"), Entry("v"));
        Assert.Equal(["a", "c", "e", "f"], store.Keys());
    }

    [Fact]
    [Trait("Scenario", "memory_store_max_size_eviction")]
    public void Hot_keys_survive_a_flood_of_cold_ones()
    {
        MemoryStore store = StoreOf(entriesMax: 100);
        for (int hot = 0; hot < 20; hot++)
            store.Put(Key(hot), Entry("hot"));
        for (int cold = 0; cold < 5000; cold++)
        {
            store.TryGet(Key(cold % 20), out _);
            store.Put(Key(1000 + cold), Entry("cold"));
        }

        for (int hot = 0; hot < 20; hot++)
            Assert.True(store.Exists(Key(hot)), $"hot key {hot} was evicted");
    }

    [Fact]
    [Trait("Scenario", "memory_store_max_size_eviction")]
    public void A_scan_does_not_make_cold_keys_hot()
    {
        MemoryStore store = StoreOf(entriesMax: 3);
        foreach (string key in (string[])["a", "b", "c"])
            store.Put(Key(key), Entry("v"));
        store.TryGet(Key("b"), out _);
        store.All();

        store.Put(Key("d"), Entry("v"));
        store.Put(Key("e"), Entry("v"));

        Assert.Equal(["b", "d", "e"], store.Keys());
    }

    [Fact]
    [Trait("Scenario", "memory_store_max_size_eviction")]
    public void An_entry_larger_than_the_bound_is_not_kept_and_drives_nothing_out()
    {
        MemoryStore store = StoreOf(bytesMax: 10_000);
        store.Put(Key("small"), Entry("v"));
        store.Put(Key("large"), Entry("v"));

        store.Put(Key("large"), Entry(new byte[20_000]));

        Assert.Equal(["small"], store.Keys());
        Assert.Equal(1, store.Statistics.EvictedEntries);
    }

    [Fact]
    public void Tombstones_are_never_evicted_where_they_are_kept()
    {
        MemoryStore store = StoreOf(entriesMax: 5);
        for (int number = 0; number < 8; number++)
            store.Put(Key(number), Tombstone());
        for (int number = 100; number < 120; number++)
            store.Put(Key(number), Entry("v"));

        Assert.Equal(Enumerable.Range(0, 8).Select(Key), store.All().Select(keyed => keyed.Key.ToArray()));
        Assert.Equal(8, store.Statistics.Tombstones);
    }

    [Fact]
    public void Tombstones_are_evicted_as_anything_else_where_they_are_not_kept()
    {
        MemoryStore store = StoreOf(entriesMax: 5, keep: false);
        for (int number = 0; number < 8; number++)
            store.Put(Key(number), Tombstone());

        Assert.Equal(5, store.ApproximateCount);
        Assert.Equal(5, store.Statistics.Tombstones);
    }

    [Fact]
    public void An_expired_entry_is_evicted_down_to_a_tombstone_of_its_version()
    {
        var fixture = new MemoryStoreFixture(new MemoryStoreOptions { BytesMax = 3000 });
        fixture.Store.Put(Key("k"), Entry(new byte[2000], revision: 9, expiresMs: fixture.NowMs + 1));
        fixture.Time.Advance(TimeSpan.FromSeconds(1));

        fixture.Store.Put(Key("l"), Entry(new byte[2000]));

        Assert.True(fixture.Store.TryGet(Key("k"), out StoredEntry read));
        Assert.True(read.IsTombstone);
        Assert.True(read.Value.IsEmpty);
        Assert.Equal(9UL, read.Version.Revision);
        Assert.True(fixture.Store.Exists(Key("l")));
        Assert.Equal(1, fixture.Store.SweepExpired(10));
    }

    [Fact]
    public void An_overwritten_or_deleted_entry_leaves_the_queue_of_victims()
    {
        MemoryStore store = StoreOf(entriesMax: 3);
        for (int round = 0; round < 50; round++)
        {
            store.Put(Key(round % 5), Entry("v"));
            store.Put(Key(round % 5), Tombstone());
            store.Put(Key(round % 5), Entry("w"));
            store.Delete(Key((round + 2) % 5), 0);
            Assert.InRange(store.All().Count, 1, 3);
            Assert.Equal(store.All().Count, store.ApproximateCount);
        }
    }
}
