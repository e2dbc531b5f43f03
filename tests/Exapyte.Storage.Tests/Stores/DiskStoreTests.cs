using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class DiskStoreTests : IDisposable
{
    readonly DiskStoreFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    [Trait("Scenario", "disk_store_initialization")]
    public void Opening_makes_the_files_of_an_empty_store()
    {
        Assert.True(File.Exists(Path.Combine(_fixture.Folder, "CURRENT")));
        Assert.Empty(_fixture.Store.ListPrefixes());
        Assert.Equal(0UL, _fixture.Shard.AppliedIndex);
        Assert.Equal(0UL, _fixture.Shard.ReadFlushedIndex());
        Assert.Equal(0, _fixture.Shard.ApproximateCount);
        Assert.Empty(_fixture.Shard.All());
    }

    [Fact]
    [Trait("Scenario", "disk_store_initialization")]
    public void A_second_opener_of_the_same_folder_is_refused()
    {
        var refusal = Assert.Throws<StoreInUseException>(() =>
            DiskStore.Open(_fixture.Folder, new DiskStoreOptions { BallastBytes = 0 })
        );

        Assert.Contains(_fixture.Folder, refusal.Message, StringComparison.Ordinal);
        _fixture.Shard.Put(Key("k"), Entry("v"));
        Assert.Equal("v", _fixture.Shard.Text("k"));
    }

    [Fact]
    [Trait("Scenario", "disk_store_initialization")]
    public void The_ballast_takes_its_space()
    {
        string folder = Path.Combine(_fixture.Folder, "with-ballast");
        using var store = DiskStore.Open(folder, new DiskStoreOptions { BallastBytes = 1024 * 1024 });

        Assert.Equal(1024 * 1024, new FileInfo(Path.Combine(folder, "ballast")).Length);
    }

    [Theory]
    [InlineData(1, 1024, 0)]
    [InlineData(64 * 1024 * 1024, 1, 0)]
    [InlineData(64 * 1024 * 1024, 1024, -1)]
    public void Senseless_options_are_refused(long memoryBytesMax, int openFilesMax, long ballastBytes)
    {
        var options = new DiskStoreOptions
        {
            MemoryBytesMax = memoryBytesMax,
            OpenFilesMax = openFilesMax,
            BallastBytes = ballastBytes,
        };

        Assert.Throws<ArgumentException>(() => DiskStore.Open(_fixture.Folder, options));
    }

    [Fact]
    [Trait("Scenario", "disk_store_persistence")]
    public void What_was_applied_is_there_after_dispose_and_reopen()
    {
        Fill(_fixture.Shard, 1000);
        List<string> before = _fixture.Shard.Describe();

        _fixture.Reopen();

        Assert.Equal(before, _fixture.Shard.Describe());
        Assert.Equal(1000UL, _fixture.Shard.AppliedIndex);
        Assert.Equal(1000UL, _fixture.Shard.ReadFlushedIndex());
        Assert.Equal(Key("meta 999"), _fixture.Shard.GetMeta(Key("m")));
    }

    [Fact]
    [Trait("Scenario", "disk_store_persistence")]
    public void What_was_flushed_is_there_after_a_crash_and_the_flushed_index_had_said_so()
    {
        Fill(_fixture.Shard, 1000);
        List<string> flushed = _fixture.Shard.Describe();
        Assert.Equal(0UL, _fixture.Shard.ReadFlushedIndex());
        _fixture.Store.Flush();
        Assert.Equal(1000UL, _fixture.Shard.ReadFlushedIndex());
        Fill(_fixture.Shard, 2000);
        Assert.Equal(1000UL, _fixture.Shard.ReadFlushedIndex());

        _fixture.Crash();

        Assert.Equal(1000UL, _fixture.Shard.AppliedIndex);
        Assert.Equal(flushed, _fixture.Shard.Describe());
    }

    [Fact]
    public void Shards_do_not_see_each_other()
    {
        ulong[] prefixes = [1, 2, 255, 256, ulong.MaxValue - 1, ulong.MaxValue];
        foreach (ulong prefix in prefixes)
        {
            IShardStore shard = _fixture.Store.OpenShard(prefix);
            StoreBatch batch = shard.NewBatch();
            batch.Put([0xFF, 0xFF], Entry($"{prefix}"));
            batch.PutMeta([0xFF], Key($"{prefix}"));
            batch.AppliedIndex = prefix;
            shard.Apply(batch);
        }

        Assert.Equal(prefixes, _fixture.Store.ListPrefixes());
        foreach (ulong prefix in prefixes)
        {
            IShardStore shard = _fixture.Store.OpenShard(prefix);
            KeyedEntry only = Assert.Single(shard.All());
            Assert.Equal($"{prefix}", only.Entry.Text());
            Assert.Single(shard.All(reverse: true));
            Assert.Equal(prefix, shard.AppliedIndex);
        }
    }

    [Fact]
    public void A_deleted_shard_never_shows_as_absent_what_was_in_it()
    {
        IShardStore shard = _fixture.Shard;
        Fill(shard, 3);
        using IStoreScan before = shard.Scan(KeyRange.All, reverse: false);

        _fixture.Store.DeleteShard(DiskStoreFixture.Prefix);

        Assert.Throws<StoreDeletedException>(() => shard.TryGet(Key("k0"), out _));
        Assert.Throws<StoreDeletedException>(() => shard.TryGetHeader(Key("k0"), out _));
        Assert.Throws<StoreDeletedException>(() => shard.GetMeta(Key("m")));
        Assert.Throws<StoreDeletedException>(() => shard.ScanMeta([], (_, _) => true));
        Assert.Throws<StoreDeletedException>(() => shard.Scan(KeyRange.All, reverse: false));
        Assert.Throws<StoreDeletedException>(() => shard.ScanState());
        Assert.Throws<StoreDeletedException>(() => shard.SweepExpired(long.MaxValue, 10));
        int seen = 0;
        while (before.MoveNext())
            seen++;
        Assert.Equal(3, seen);
    }

    [Fact]
    public void A_deleted_shard_is_gone_and_refuses_writes_while_the_others_stay()
    {
        foreach (ulong prefix in (ulong[])[6, 7, 8, ulong.MaxValue])
            Fill(_fixture.Store.OpenShard(prefix), 10);
        IShardStore deleted = _fixture.Shard;

        _fixture.Store.DeleteShard(DiskStoreFixture.Prefix);
        _fixture.Store.DeleteShard(ulong.MaxValue);
        _fixture.Store.Flush();

        Assert.Equal([6, 8], _fixture.Store.ListPrefixes());
        Assert.Throws<StoreDeletedException>(() => deleted.Put(Key("k"), Entry("v")));
        Assert.Equal(10, _fixture.Store.OpenShard(8).All().Count);
        _fixture.Crash();
        Assert.Equal([6, 8], _fixture.Store.ListPrefixes());
        Assert.Equal(0UL, _fixture.Shard.AppliedIndex);
    }

    [Fact]
    public void Clear_removes_entries_metadata_and_applied_index_of_its_shard_only()
    {
        Fill(_fixture.Shard, 10);
        Fill(_fixture.Store.OpenShard(8), 10);

        _fixture.Shard.Clear();

        Assert.Empty(_fixture.Shard.All());
        Assert.Null(_fixture.Shard.GetMeta(Key("m")));
        Assert.Equal(0UL, _fixture.Shard.AppliedIndex);
        Assert.Equal(10, _fixture.Store.OpenShard(8).All().Count);
        _fixture.Reopen();
        Assert.Equal(0UL, _fixture.Shard.AppliedIndex);
        Fill(_fixture.Shard, 3);
        Assert.Equal(3, _fixture.Shard.All().Count);
    }

    [Fact]
    public void Metadata_is_scanned_by_prefix_without_the_applied_index()
    {
        StoreBatch batch = _fixture.Shard.NewBatch();
        foreach (string key in (string[])["b1", "a", "b2", "c"])
            batch.PutMeta(Key(key), Key("value of " + key));
        batch.DeleteMeta(Key("c"));
        batch.AppliedIndex = 5;
        _fixture.Shard.Apply(batch);

        var all = new List<string>();
        _fixture.Shard.ScanMeta(
            [],
            (key, _) =>
            {
                all.Add(System.Text.Encoding.UTF8.GetString(key));
                return true;
            }
        );
        var some = new List<string>();
        _fixture.Shard.ScanMeta(
            Key("b"),
            (_, value) =>
            {
                some.Add(System.Text.Encoding.UTF8.GetString(value));
                return true;
            }
        );

        Assert.Equal(["a", "b1", "b2"], all);
        Assert.Equal(["value of b1", "value of b2"], some);
        Assert.Throws<ArgumentException>(() => batch.PutMeta([], [1]));
    }

    [Fact]
    public void A_batch_is_applied_to_the_store_that_made_it_and_to_no_other()
    {
        StoreBatch batch = _fixture.Store.OpenShard(1).NewBatch();
        batch.Put(Key("k"), Entry("v"));

        Assert.Throws<ArgumentException>(() => _fixture.Store.OpenShard(2).Apply(batch));
    }

    [Fact]
    public void A_cleared_batch_applies_nothing_of_its_former_changes()
    {
        StoreBatch batch = _fixture.Shard.NewBatch();
        batch.Put(Key("old"), Entry(new byte[5_000_000]));
        batch.AppliedIndex = 5;
        batch.Clear();
        Assert.True(batch.IsEmpty);
        batch.Put(Key("new"), Entry("v"));
        _fixture.Shard.Apply(batch);
        _fixture.Shard.Apply(batch);

        Assert.Equal(["new"], _fixture.Shard.Keys());
        Assert.Equal(0UL, _fixture.Shard.AppliedIndex);
    }

    [Fact]
    public void The_count_is_exact_where_it_is_small_and_near_where_it_is_large()
    {
        Fill(_fixture.Shard, 1234);
        Assert.Equal(1234, _fixture.Shard.ApproximateCount);

        IShardStore large = _fixture.Store.OpenShard(9);
        Fill(large, 40_000);
        _fixture.Store.Flush();

        Assert.InRange(large.ApproximateCount, 20_000, 80_000);
        Assert.True(large.ApproximateBytes > 0);
    }

    static void Fill(IShardStore shard, int count)
    {
        StoreBatch batch = shard.NewBatch();
        for (int number = 0; number < count; number++)
        {
            batch.Put(Key(number), Entry($"value {number}", (ulong)count));
            batch.PutMeta(Key("m"), Key($"meta {number}"));
            batch.AppliedIndex = (ulong)number + 1;
            if (number % 64 != 63 && number != count - 1)
                continue;
            shard.Apply(batch);
            batch.Clear();
        }
    }
}
