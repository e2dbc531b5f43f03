using CsCheck;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class StoreViewTests : IDisposable
{
    const ulong Prefix = 3;

    readonly DiskStoreFixture _fixture = new();
    readonly IShardStore _whole;
    readonly IShardStore _left;
    readonly IShardStore _right;

    public StoreViewTests()
    {
        _whole = Open(1, KeyRange.All);
        _left = Open(2, new KeyRange(default, Key("m")));
        _right = Open(3, new KeyRange(Key("m"), null));
        foreach (string key in (string[])["a", "lzz", "m", "z"])
            _whole.Put(Key(key), Entry("v"));
    }

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Views_of_one_prefix_share_its_entries_and_each_sees_those_inside_its_bounds()
    {
        Assert.Equal(["a", "lzz", "m", "z"], _whole.Keys());
        Assert.Equal(["a", "lzz"], _left.Keys());
        Assert.Equal(["m", "z"], _right.Keys());
        Assert.True(_left.TryGet(Key("lzz"), out _));
        Assert.False(_left.TryGet(Key("m"), out _));
        Assert.False(_right.TryGetHeader(Key("lzz"), out _));
    }

    [Fact]
    public void Metadata_and_the_applied_index_are_each_views_own()
    {
        Write(_left, 5, "left");
        Write(_right, 9, "right");

        Assert.Equal(5u, _left.AppliedIndex);
        Assert.Equal(9u, _right.AppliedIndex);
        Assert.Equal(0u, _whole.AppliedIndex);
        Assert.Equal(Key("left"), _left.GetMeta(Key("m")));
        Assert.Equal(Key("right"), _right.GetMeta(Key("m")));
        Assert.Null(_whole.GetMeta(Key("m")));

        _fixture.Reopen();
        Assert.Equal(9u, Open(3, KeyRange.All).AppliedIndex);
    }

    [Fact]
    public void A_state_scan_shows_the_metadata_and_the_entries_of_its_view_and_nothing_of_another()
    {
        Write(_left, 5, "left");
        Write(_right, 9, "right");

        Assert.Equal(["meta m=left", "entry a", "entry lzz"], StateOf(_left));
        Assert.Equal(["meta m=right", "entry m", "entry z"], StateOf(_right));
        Assert.Equal(["entry a", "entry lzz", "entry m", "entry z"], StateOf(_whole));
    }

    [Fact]
    public void Narrower_bounds_hide_what_lies_outside_at_once()
    {
        _whole.Bounds = new KeyRange(Key("b"), Key("n"));

        Assert.Equal(["lzz", "m"], _whole.Keys());
        Assert.False(_whole.TryGet(Key("z"), out _));
        Assert.Equal(2, _whole.ApproximateCount);
    }

    [Fact]
    public void A_deleted_prefix_is_gone_for_all_its_views()
    {
        _fixture.Store.DeleteShard(Prefix);

        Assert.Throws<StoreDeletedException>(() => _left.TryGet(Key("a"), out _));
        Assert.Throws<StoreDeletedException>(() => _right.Scan(KeyRange.All, reverse: false));
        Assert.Empty(Open(2, KeyRange.All).All());
    }

    [Fact]
    public void The_key_ranges_common_part_holds_what_both_hold() =>
        Gen.Select(StoreModel.Ranges, StoreModel.Ranges, StoreModel.Keys)
            .Sample(
                (one, other, key) =>
                    Assert.Equal(one.Contains(key) && other.Contains(key), one.Within(other).Contains(key))
            );

    [Fact]
    public void Metadata_is_visited_from_a_key_on()
    {
        StoreBatch batch = _left.NewBatch();
        foreach (string key in (string[])["a", "h1", "h2", "h3", "z"])
            batch.PutMeta(Key(key), Key("v"));
        _left.Apply(batch);

        Assert.Equal(["h2", "h3"], MetaKeys("h", "h2"));
        Assert.Equal(["h1", "h2", "h3"], MetaKeys("h", ""));
        Assert.Equal(["h1", "h2", "h3"], MetaKeys("h", "a"));
        Assert.Empty(MetaKeys("h", "i"));
    }

    IShardStore Open(ulong shard, KeyRange bounds) => _fixture.Store.OpenView(new StoreView(Prefix, shard, bounds));

    List<string> MetaKeys(string prefix, string from)
    {
        List<string> keys = [];
        _left.ScanMeta(
            Key(prefix),
            (key, _) =>
            {
                keys.Add(System.Text.Encoding.UTF8.GetString(key));
                return true;
            },
            Key(from)
        );
        return keys;
    }

    static void Write(IShardStore view, ulong index, string value)
    {
        StoreBatch batch = view.NewBatch();
        batch.PutMeta(Key("m"), Key(value));
        batch.AppliedIndex = index;
        view.Apply(batch);
    }

    static List<string> StateOf(IShardStore view)
    {
        List<string> rows = [];
        using IStateScan scan = view.ScanState();
        while (scan.MoveNext())
        {
            string key = System.Text.Encoding.UTF8.GetString(scan.Key);
            rows.Add(
                scan.IsMeta ? $"meta {key}={System.Text.Encoding.UTF8.GetString(scan.Meta.Span)}" : $"entry {key}"
            );
        }
        return rows;
    }
}
