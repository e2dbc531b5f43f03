using CsCheck;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class MemoryStoreExpiryTests
{
    readonly MemoryStoreFixture _fixture = new();

    MemoryStore Store => _fixture.Store;

    [Fact]
    [Trait("Scenario", "memory_store_ttl_expiration")]
    public void An_entry_is_hidden_exactly_at_its_expiry()
    {
        Store.Put(Key("k"), Entry("v", expiresMs: _fixture.NowMs + 1000));

        _fixture.Time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.True(Store.TryGetLive(Key("k"), out _));
        _fixture.Time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(Store.TryGetLive(Key("k"), out _));
    }

    [Fact]
    [Trait("Scenario", "memory_store_ttl_expiration")]
    public void The_sweep_gives_the_memory_of_expired_entries_back()
    {
        Store.Put(Key("stays"), Entry("v"));
        long bytesBefore = Store.ApproximateBytes;
        for (int number = 0; number < 100; number++)
            Store.Put(Key(number), Entry(new byte[1000], expiresMs: _fixture.NowMs + 10 + number));

        _fixture.Time.Advance(TimeSpan.FromMilliseconds(59));
        Assert.Equal(50, Store.SweepExpired(1000));
        _fixture.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(50, Store.SweepExpired(1000));

        Assert.Equal(bytesBefore, Store.ApproximateBytes);
        Assert.Equal(["stays"], Store.Keys());
        Assert.Equal(100, Store.Statistics.SweptEntries);
    }

    [Fact]
    [Trait("Scenario", "memory_store_ttl_expiration")]
    public void The_sweep_removes_no_more_than_it_is_asked_to_and_the_earliest_first()
    {
        for (int number = 0; number < 10; number++)
            Store.Put(Key(number), Entry("v", expiresMs: _fixture.NowMs + 10 - number));
        _fixture.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(3, Store.SweepExpired(3));

        Assert.Equal(Enumerable.Range(0, 7).Select(Key), Store.All().Select(keyed => keyed.Key.ToArray()));
    }

    [Fact]
    [Trait("Scenario", "memory_store_ttl_expiration")]
    public void An_overwrite_clears_the_time_to_live()
    {
        Store.Put(Key("k"), Entry("v", expiresMs: _fixture.NowMs + 1000));
        Store.Put(Key("k"), Entry("w"));
        _fixture.Time.Advance(TimeSpan.FromDays(1));

        Assert.Equal(0, Store.SweepExpired(100));
        Assert.True(Store.Exists(Key("k")));
    }

    [Fact]
    [Trait("Scenario", "memory_store_ttl_expiration")]
    public void An_overwrite_renews_the_time_to_live()
    {
        Store.Put(Key("k"), Entry("v", expiresMs: _fixture.NowMs + 1000));
        _fixture.Time.Advance(TimeSpan.FromMilliseconds(900));
        Store.Put(Key("k"), Entry("v", expiresMs: _fixture.NowMs + 1000));
        _fixture.Time.Advance(TimeSpan.FromMilliseconds(900));

        Assert.Equal(0, Store.SweepExpired(100));
        Assert.True(Store.Exists(Key("k")));
        _fixture.Time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(1, Store.SweepExpired(100));
    }

    [Fact]
    public void The_sweep_removes_what_the_stamp_has_expired_whatever_was_overwritten_or_deleted_before()
    {
        Gen.Select(Gen.Int[0, 30], Gen.Int[0, 50], Gen.Bool)
            .Array[1, 200]
            .Sample(
                writes =>
                {
                    var store = new MemoryStore(new MemoryStoreOptions(), TimeProvider.System);
                    var expiries = new SortedDictionary<int, int>();
                    foreach ((int key, int expiresMs, bool isDelete) in writes)
                    {
                        if (isDelete)
                        {
                            store.Delete(Key(key), 0);
                            expiries.Remove(key);
                            continue;
                        }
                        store.Put(Key(key), Entry("v", expiresMs: expiresMs));
                        expiries[key] = expiresMs;
                    }
                    for (int stampMs = 0; stampMs <= 50; stampMs += 10)
                    {
                        store.SweepExpired(stampMs, int.MaxValue);
                        foreach ((int key, int expiresMs) in expiries.ToArray())
                        {
                            if (expiresMs != 0 && expiresMs <= stampMs)
                                expiries.Remove(key);
                        }
                        Assert.Equal(expiries.Keys.Select(Key), store.All().Select(keyed => keyed.Key.ToArray()));
                    }
                },
                iter: 300,
                threads: 1
            );
    }
}
