using CsCheck;
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
    public void An_entry_is_due_no_earlier_than_it_expires_and_late_by_a_thirty_second_at_most()
    {
        Gen.Select(Gen.Long[0, 1L << 42], Gen.Long[1, 1L << 42])
            .Sample(
                (modifiedMs, timeToLiveMs) =>
                {
                    long expiresMs = modifiedMs + timeToLiveMs;
                    long lateMs = ExpiryIndex.DueMs(modifiedMs, expiresMs) - expiresMs;
                    Assert.InRange(lateMs, 0, Math.Min(timeToLiveMs / 32, ExpiryIndex.StepMsMax));
                }
            );
    }

    [Theory]
    [InlineData(0, long.MaxValue, long.MaxValue)]
    [InlineData(5, 5, 5)]
    [InlineData(9, 5, 5)]
    [InlineData(0, -5, 0)]
    [InlineData(long.MinValue, 40, 40)]
    public void Extreme_expiries_have_a_place_in_the_index(long modifiedMs, long expiresMs, long dueMs)
    {
        Assert.Equal(dueMs, ExpiryIndex.DueMs(modifiedMs, expiresMs));
    }

    [Fact]
    public void Renewals_within_one_step_share_one_row_of_the_index()
    {
        const long TimeToLiveMs = 1_000_000;
        long[] due =
        [
            .. Enumerable
                .Range(0, 1000)
                .Select(second => ExpiryIndex.DueMs(WrittenMs + second, WrittenMs + second + TimeToLiveMs))
                .Distinct(),
        ];

        Assert.InRange(due.Length, 1, 2);
    }

    long Sweep(long stampMs) => _fixture.Store.SweepExpired(DiskStoreFixture.Prefix, stampMs, 1000);
}
