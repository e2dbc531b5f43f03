using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class MemoryStoreTests
{
    readonly MemoryStoreFixture _fixture = new(new MemoryStoreOptions { EntriesMax = 1000, BytesMax = 1_000_000 });

    MemoryStore Store => _fixture.Store;

    [Fact]
    [Trait("Scenario", "memory_store_initialization")]
    public void A_new_store_is_empty_and_has_its_configured_limits()
    {
        Assert.Equal(0, Store.ApproximateCount);
        Assert.Equal(0, Store.ApproximateBytes);
        Assert.Equal(0UL, Store.AppliedIndex);
        Assert.Empty(Store.All());
        Assert.Equal(1000, Store.Options.EntriesMax);
        Assert.Equal(1_000_000, Store.Options.BytesMax);
        Assert.Equal(default, Store.Statistics);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    public void A_bound_that_admits_nothing_is_refused(long entriesMax, long bytesMax)
    {
        var options = new MemoryStoreOptions { EntriesMax = entriesMax, BytesMax = bytesMax };

        Assert.Throws<ArgumentException>(() => new MemoryStore(options, TimeProvider.System));
    }

    [Fact]
    [Trait("Scenario", "memory_store_set_and_get")]
    public void An_entry_is_read_as_it_was_written()
    {
        byte[] key = [0, 0xFF, 0x80, (byte)'\n'];
        var entry = new StoredEntry(new EntryVersion(5, 6), 7, 8, EntryFlags.None, "text/plain", Key("value"));

        Store.Put(key, entry);

        Assert.True(Store.TryGet(key, out StoredEntry read));
        Assert.Equal(Describe(key, entry), Describe(key, read));
        Assert.True(Store.TryGetHeader(key, out StoredEntry header));
        Assert.Equal(entry.Version, header.Version);
        Assert.True(header.Value.IsEmpty);
    }

    [Fact]
    [Trait("Scenario", "memory_store_set_and_get")]
    public void An_empty_value_is_a_value()
    {
        Store.Put(Key("k"), Entry(""));

        Assert.Equal("", Store.Text("k"));
    }

    [Fact]
    [Trait("Scenario", "memory_store_set_and_get")]
    public void An_overwrite_replaces_value_and_version()
    {
        Store.Put(Key("k"), Entry("old", revision: 1));
        Store.Put(Key("k"), Entry("new", revision: 2));

        Assert.True(Store.TryGet(Key("k"), out StoredEntry read));
        Assert.Equal("new", read.Text());
        Assert.Equal(2UL, read.Version.Revision);
        Assert.Equal(1, Store.ApproximateCount);
    }

    [Fact]
    [Trait("Scenario", "memory_store_set_and_get")]
    public void A_range_is_scanned_in_the_order_of_its_bytes_both_ways()
    {
        foreach (string key in (string[])["b", "a", "c", "ab", "é", "B"])
            Store.Put(Key(key), Entry(key));

        Assert.Equal(["B", "a", "ab", "b", "c", "é"], Store.Keys());
        Assert.Equal(["é", "c", "b", "ab", "a", "B"], Store.Keys(reverse: true));
        Assert.Equal(["a", "ab", "b"], Store.Keys(new KeyRange(Key("a"), Key("c"))));
        Assert.Equal(["ab", "a"], Store.Keys(KeyRange.Prefix(Key("a")), reverse: true));
    }

    [Fact]
    public void The_buffers_of_a_put_may_be_used_again_at_once()
    {
        byte[] key = Key("k");
        byte[] value = Key("value");
        StoreBatch batch = Store.NewBatch();
        batch.Put(key, Entry(value));
        key[0] = (byte)'x';
        value[0] = (byte)'x';
        Store.Apply(batch);

        Assert.Equal("value", Store.Text("k"));
    }

    [Fact]
    [Trait("Scenario", "memory_store_delete")]
    public void Delete_says_whether_the_key_was_there()
    {
        Store.Put(Key("k"), Entry("v"));

        Assert.True(Store.Delete(Key("k"), _fixture.NowMs));
        Assert.False(Store.Delete(Key("k"), _fixture.NowMs));
        Assert.False(Store.Delete(Key("never"), _fixture.NowMs));
    }

    [Fact]
    [Trait("Scenario", "memory_store_delete")]
    public void A_deleted_key_is_absent_from_get_exists_and_scan()
    {
        Store.Put(Key("k"), Entry("v"));
        Store.Put(Key("l"), Entry("v"));

        Store.Delete(Key("k"), _fixture.NowMs);

        Assert.False(Store.TryGet(Key("k"), out _));
        Assert.False(Store.Exists(Key("k")));
        Assert.Equal(["l"], Store.Keys());
        Assert.Equal(1, Store.ApproximateCount);
    }

    [Fact]
    [Trait("Scenario", "memory_store_delete")]
    public void A_tombstone_is_kept_and_is_not_visible()
    {
        Store.Put(Key("k"), Tombstone(revision: 2));

        Assert.True(Store.TryGet(Key("k"), out StoredEntry read));
        Assert.True(read.IsTombstone);
        Assert.False(Store.Exists(Key("k")));
        Assert.False(Store.TryGetLive(Key("k"), out _));
    }

    [Fact]
    [Trait("Scenario", "memory_store_exists")]
    public void A_key_exists_from_its_write_until_it_expires()
    {
        Assert.False(Store.Exists(Key("k")));
        Store.Put(Key("k"), Entry("v", expiresMs: _fixture.NowMs + 1000));
        Assert.True(Store.Exists(Key("k")));
        _fixture.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(Store.Exists(Key("k")));
    }

    [Fact]
    public void A_batch_changes_entries_metadata_and_applied_index_together()
    {
        StoreBatch batch = Store.NewBatch();
        batch.Put(Key("k"), Entry("v"));
        batch.PutMeta(Key("m"), Key("meta"));
        batch.AppliedIndex = 9;

        Assert.Equal(0UL, Store.AppliedIndex);
        Store.Apply(batch);

        Assert.Equal(9UL, Store.AppliedIndex);
        Assert.Equal("v", Store.Text("k"));
        Assert.Equal(Key("meta"), Store.GetMeta(Key("m")));
        Assert.Equal(0UL, Store.ReadFlushedIndex());
    }

    [Fact]
    public void A_scan_shows_the_state_it_was_opened_on_while_writes_go_on()
    {
        for (int number = 0; number < 500; number++)
            Store.Put(Key(number), Entry("old"));
        using IStoreScan scan = Store.Scan(KeyRange.All, reverse: false);

        for (int number = 0; number < 500; number++)
        {
            if (number % 2 == 0)
                Store.Delete(Key(number), _fixture.NowMs);
            else
                Store.Put(Key(number), Entry("new"));
            Store.Put(Key(1000 + number), Entry("new"));
        }

        int seen = 0;
        while (scan.MoveNext())
        {
            Assert.Equal(Key(seen++), scan.CurrentKey.ToArray());
            Assert.Equal("old", scan.Current.Text());
        }
        Assert.Equal(500, seen);
    }

    [Fact]
    public void Clear_leaves_an_empty_store_with_nothing_to_sweep()
    {
        Store.Put(Key("k"), Entry("v", expiresMs: _fixture.NowMs + 1));
        Store.Clear();
        _fixture.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Empty(Store.All());
        Assert.Equal(0, Store.SweepExpired(100));
        Assert.Equal(0, Store.ApproximateBytes);
    }
}
