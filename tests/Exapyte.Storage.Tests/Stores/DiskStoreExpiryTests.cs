using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class DiskStoreExpiryTests : IDisposable
{
    const long LateMs = WrittenMs + 10_000_000_000;

    readonly DiskStoreFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void The_sweep_deletes_what_the_stamp_has_expired_and_nothing_else()
    {
        _fixture.Shard.Put(Key("soon"), Entry("v", expiresMs: WrittenMs + 1_000));
        _fixture.Shard.Put(Key("later"), Entry("v", expiresMs: WrittenMs + 2_000));
        _fixture.Shard.Put(Key("never"), Entry("v"));

        Assert.Equal(0, Sweep(WrittenMs + 999));
        Assert.Equal(1, Sweep(WrittenMs + 1_100));
        Assert.Equal(["later", "never"], _fixture.Shard.Keys());
        Assert.Equal(1, Sweep(LateMs));
        Assert.Equal(0, Sweep(LateMs));
        Assert.Equal(["never"], _fixture.Shard.Keys());
    }

    [Fact]
    public void The_sweep_spares_an_entry_whose_expiry_was_cleared_or_renewed()
    {
        _fixture.Shard.Put(Key("cleared"), Entry("v", expiresMs: WrittenMs + 1_000));
        _fixture.Shard.Put(Key("cleared"), Entry("v"));
        _fixture.Shard.Put(Key("renewed"), Entry("v", expiresMs: WrittenMs + 1_000));
        _fixture.Shard.Put(Key("renewed"), Entry("v", expiresMs: WrittenMs + 100_000));
        _fixture.Shard.Put(Key("deleted"), Entry("v", expiresMs: WrittenMs + 1_000));
        _fixture.Shard.Delete(Key("deleted"), WrittenMs);

        Assert.Equal(0, Sweep(WrittenMs + 50_000));
        Assert.Equal(["cleared", "renewed"], _fixture.Shard.Keys());
        Assert.Equal(1, Sweep(LateMs));
        Assert.Equal(["cleared"], _fixture.Shard.Keys());
    }

    [Fact]
    public void The_sweep_goes_on_where_its_bound_stopped_it_also_after_a_reopen()
    {
        for (int number = 0; number < 100; number++)
            _fixture.Shard.Put(Key(number), Entry("v", expiresMs: WrittenMs + 1_000 + number));

        Assert.Equal(30, _fixture.Store.SweepExpired(DiskStoreFixture.Prefix, LateMs, 30));
        _fixture.Reopen();
        Assert.Equal(30, _fixture.Store.SweepExpired(DiskStoreFixture.Prefix, LateMs, 30));
        Assert.Equal(40, Sweep(LateMs));
        Assert.Empty(_fixture.Shard.All());
    }

    [Fact]
    public void An_entry_written_with_an_expiry_that_the_sweep_has_passed_is_swept_all_the_same()
    {
        _fixture.Shard.Put(Key("first"), Entry("v", expiresMs: WrittenMs + 1_000_000));
        Assert.Equal(1, Sweep(LateMs));

        _fixture.Shard.Put(Key("second"), Entry("v", expiresMs: WrittenMs + 10));

        Assert.Equal(1, Sweep(LateMs));
    }

    [Fact]
    public void An_entry_is_found_from_the_millisecond_on_at_which_it_ends()
    {
        _fixture.Shard.Put(Key("long"), Entry("v", expiresMs: WrittenMs + 3_000_000_000));

        Assert.Empty(_fixture.Shard.FindExpired(WrittenMs + 2_999_999_999, 10));
        Assert.Equal([Key("long")], _fixture.Shard.FindExpired(WrittenMs + 3_000_000_000, 10));
    }

    [Fact]
    public void What_was_found_is_found_again_until_it_is_deleted()
    {
        for (int number = 0; number < 10; number++)
            _fixture.Shard.Put(Key(number), Entry("v", expiresMs: WrittenMs + 1_000 - number));

        Assert.Equal([Key(9), Key(8), Key(7)], _fixture.Shard.FindExpired(LateMs, 3));
        Assert.Equal([Key(9), Key(8), Key(7)], _fixture.Shard.FindExpired(LateMs, 3));
        _fixture.Shard.Delete(Key(9), WrittenMs);
        Assert.Equal([Key(8), Key(7)], _fixture.Shard.FindExpired(LateMs, 2));
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(5)]
    [InlineData(-5)]
    public void Extreme_expiries_have_a_place_in_the_index(long expiresMs)
    {
        _fixture.Shard.Put(Key("k"), Entry("v", expiresMs: expiresMs));

        Assert.Equal([Key("k")], _fixture.Shard.FindExpired(long.MaxValue, 1));
        Assert.Equal(1, Sweep(long.MaxValue));
        Assert.Empty(_fixture.Shard.All());
    }

    [Fact]
    public void A_key_that_a_batch_wrote_twice_is_swept_at_its_last_end_alone()
    {
        StoreBatch batch = _fixture.Shard.NewBatch();
        batch.Put(Key("k"), Entry("v", expiresMs: WrittenMs + 1));
        batch.Put(Key("k"), Entry("v", expiresMs: WrittenMs + 1_000));
        _fixture.Shard.Apply(batch);

        Assert.Empty(_fixture.Shard.FindExpired(WrittenMs + 999, 10));
        Assert.Equal(0, Sweep(WrittenMs + 999));
        Assert.Equal(["k"], _fixture.Shard.Keys());
        Assert.Equal(1, Sweep(WrittenMs + 1_000));
    }

    [Fact]
    public void A_view_finds_and_sweeps_inside_its_bounds_alone()
    {
        IShardStore left = _fixture.Store.OpenView(new(1, 10, new(default, Key("m"))));
        IShardStore right = _fixture.Store.OpenView(new(1, 11, new(Key("m"), null)));
        left.Put(Key("a"), Entry("v", expiresMs: WrittenMs + 2));
        right.Put(Key("z"), Entry("v", expiresMs: WrittenMs + 1));

        Assert.Equal([Key("a")], left.FindExpired(LateMs, 10));
        Assert.Equal([Key("z")], right.FindExpired(LateMs, 10));
        Assert.Equal(1, left.SweepExpired(LateMs, 10));
        Assert.Equal(["z"], right.Keys());
    }

    long Sweep(long stampMs) => _fixture.Store.SweepExpired(DiskStoreFixture.Prefix, stampMs, 1000);
}
