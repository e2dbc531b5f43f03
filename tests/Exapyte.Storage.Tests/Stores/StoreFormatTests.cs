using Exapyte.Storage.Stores;
using Exapyte.Storage.Stores.Disk;
using Exapyte.Testing.Formats;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

/// <summary>Stores of earlier and later versions, the earlier ones as they were written.</summary>
public sealed class StoreFormatTests : IDisposable
{
    const ulong Shard = 77;
    static readonly DiskStoreOptions _options = new() { BallastBytes = 0 };

    readonly string _root = Directory.CreateTempSubdirectory("exapyte-format-").FullName;
    string _folder;

    public StoreFormatTests()
    {
        DataFolderArchive.Unpack(1, _root);
        _folder = Path.Combine(_root, "store");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_store_of_format_1_shows_what_it_held()
    {
        using DiskStore store = DiskStore.Open(_folder, _options);

        IReadOnlyList<IShardStore> shards = OpenAll(store);
        Assert.Equal(4, shards.Count);
        Assert.All(shards, shard => Assert.NotEqual(0u, shard.AppliedIndex));
        string[] keys = [.. shards.SelectMany(shard => shard.Keys()).Order(StringComparer.Ordinal)];
        Assert.Equal(2, keys.Count(key => key == "key-1"));
        Assert.Contains("b1", keys);
        Assert.Equal(2, shards.Count(shard => shard.Text("key-5") == "value 5"));
        Assert.Equal(1, shards.Count(shard => shard.Text("key-0") == "overwritten"));
        Assert.NotEmpty(MetaKeys(shards));
    }

    [Fact]
    public void Its_expiry_index_names_every_entry_at_the_moment_at_which_it_ends()
    {
        using DiskStore store = DiskStore.Open(_folder, _options);

        foreach (IShardStore shard in OpenAll(store))
        {
            List<KeyedEntry> ending = [.. shard.All().Where(keyed => keyed.Entry.ExpiresMs != 0)];
            Assert.NotEmpty(ending);
            Assert.Equal(
                ending.Select(keyed => Convert.ToHexString(keyed.Key.Span)).Order(StringComparer.Ordinal),
                shard.FindExpired(long.MaxValue, int.MaxValue).Select(Convert.ToHexString).Order(StringComparer.Ordinal)
            );
            Assert.All(
                ending,
                keyed =>
                    Assert.DoesNotContain(
                        shard.FindExpired(keyed.Entry.ExpiresMs - 1, int.MaxValue),
                        found => keyed.Key.Span.SequenceEqual(found)
                    )
            );
        }
    }

    [Fact]
    public void A_crash_before_the_new_rows_are_durable_begins_anew_and_one_after_it_goes_on()
    {
        List<string> before;
        using (DiskStore store = DiskStore.Open(_folder, _options))
        {
            before = Everything(store);
            CopyAsAfterACrash("crashed");
        }
        using (DiskStore store = DiskStore.Open(_folder, _options))
        {
            Assert.Equal(before, Everything(store));
            store.Flush();
            CopyAsAfterACrash("flushed");
        }
        using (DiskStore store = DiskStore.Open(_folder, _options))
        {
            Assert.Equal(before, Everything(store));
            Assert.All(OpenAll(store), shard => Assert.Equal(shard.AppliedIndex, shard.ReadFlushedIndex()));
        }
    }

    [Fact]
    public void A_migrated_store_holds_no_row_of_format_1()
    {
        using (DiskStore store = DiskStore.Open(_folder, _options))
        {
            _ = OpenAll(store);
            store.Flush();
        }
        using RocksEngine engine = RocksEngine.OpenReadOnly(_folder, _options);
        using RocksIterator rows = engine.OpenIterator(RowKey.ShardStart(0), RowKey.ShardEnd(ulong.MaxValue));
        HashSet<RowSpace> spaces = [];
        byte[] key = new byte[64];
        while (rows.Move(reverse: false, ref key) >= 0)
            spaces.Add((RowSpace)key[RowKey.PrefixBytes]);
        Assert.Equal([RowSpace.Entry, RowSpace.Meta, RowSpace.Expiry], spaces.Order());
    }

    [Fact]
    public void A_store_of_a_later_format_is_refused_with_the_way_to_move_and_left_as_it_was()
    {
        using (DiskStore.Open(_folder, _options)) { }
        using (RocksEngine engine = RocksEngine.Open(_folder, _options with { FlushesOnDispose = true }))
        {
            StoreFormat.Mark(engine, StoreFormat.Current + 1);
            engine.Flush();
        }

        var refusal = Assert.Throws<StoreFormatException>(() => DiskStore.Open(_folder, _options));

        Assert.Contains($"format {StoreFormat.Current + 1}", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("backup", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("restore", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<StoreFormatException>(() => DiskStore.Open(_folder, _options));
    }

    static IReadOnlyList<IShardStore> OpenAll(DiskStore store) =>
        [.. store.ListPrefixes().Select(prefix => store.OpenShard(prefix, Shard))];

    static List<string> MetaKeys(IEnumerable<IShardStore> shards)
    {
        List<string> rows = [];
        foreach (IShardStore shard in shards)
            shard.ScanMeta(
                [],
                (key, value) =>
                {
                    rows.Add($"{Convert.ToHexString(key)}={Convert.ToHexString(value)}");
                    return true;
                }
            );
        return rows;
    }

    static List<string> Everything(DiskStore store)
    {
        IReadOnlyList<IShardStore> shards = OpenAll(store);
        return
        [
            .. shards.SelectMany(shard => shard.Describe()),
            .. MetaKeys(shards),
            .. shards.Select(shard => $"{shard.AppliedIndex}"),
            .. shards.SelectMany(shard => shard.FindExpired(long.MaxValue, int.MaxValue)).Select(Convert.ToHexString),
        ];
    }

    /// <summary>Goes on with a copy that was made while the store was open: what is not flushed is not in it.</summary>
    void CopyAsAfterACrash(string name)
    {
        string after = Path.Combine(_root, name);
        Directory.CreateDirectory(after);
        foreach (string file in Directory.GetFiles(_folder))
            File.Copy(file, Path.Combine(after, Path.GetFileName(file)));
        _folder = after;
    }
}
