using CsCheck;
using Exapyte.Storage.Stores;
using Xunit;

namespace Exapyte.Storage.Tests.Stores;

public sealed class KeyRangeTests
{
    static readonly byte[] Bytes = [0, 1, 0x7F, 0xFE, 0xFF];
    static readonly Gen<byte[]> Keys = Gen.Int[0, 4].Select(i => Bytes[i]).Array[0, 5];

    [Fact]
    public void A_prefix_range_holds_exactly_the_keys_that_begin_with_it()
    {
        Gen.Select(Keys, Keys)
            .Sample(
                (prefix, key) => Assert.Equal(key.AsSpan().StartsWith(prefix), KeyRange.Prefix(prefix).Contains(key))
            );
    }

    [Fact]
    public void The_end_of_a_prefix_carries_over_its_last_bytes()
    {
        Assert.Equal([1, 3], KeyRange.Prefix([1, 2]).End!.Value.ToArray());
        Assert.Equal([2], KeyRange.Prefix([1, 0xFF, 0xFF]).End!.Value.ToArray());
        Assert.Null(KeyRange.Prefix([0xFF, 0xFF]).End);
        Assert.Null(KeyRange.Prefix([]).End);
    }

    [Fact]
    public void A_range_that_ends_where_it_starts_or_before_is_empty()
    {
        Assert.True(new KeyRange(new byte[] { 2 }, new byte[] { 2 }).IsEmpty);
        Assert.True(new KeyRange(new byte[] { 2 }, new byte[] { 1, 5 }).IsEmpty);
        Assert.False(new KeyRange(new byte[] { 2 }, new byte[] { 2, 0 }).IsEmpty);
        Assert.False(KeyRange.All.IsEmpty);
    }
}
