using System.Text;
using CsCheck;
using Exapyte.Keyspaces;

namespace Exapyte.Grains.Interfaces.Tests;

public sealed class KeyHashTests
{
    /// <summary>
    /// Keys that were placed once must be found for ever: these numbers never change. They come from the reference
    /// implementation (libxxhash 0.8.1, XXH3 64 bit, seed 0, top 16 bits), one for each of its ranges of lengths.
    /// </summary>
    [Theory]
    [Trait("Scenario", "sharded_distribution_hash_routing")]
    [InlineData("", 1, 11_526)]
    [InlineData("a", 1, 59_078)]
    [InlineData("\0", 1, 50_251)]
    [InlineData("abc", 1, 30_895)]
    [InlineData("user/42", 1, 53_448)]
    [InlineData("0123456789abcdef", 1, 25_667)]
    [InlineData("the quick brown fox jumps over the lazy dog", 1, 58_452)]
    [InlineData("x", 200, 20_719)]
    [InlineData("y", 1_024, 49_335)]
    public void A_key_has_the_slot_it_always_had(string text, int times, int slot)
    {
        var key = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(text, times)));

        Assert.Equal(slot, KeyHash.SlotOf(key, []));
    }

    [Theory]
    [Trait("Scenario", "sharded_distribution_hash_routing")]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(16)]
    public void A_hundred_thousand_keys_spread_evenly_within_ten_percent(int shards)
    {
        const int keys = 100_000;
        var map = Maps.Even(shards);
        var counts = new int[shards];
        for (var i = 0; i < keys; i++)
        {
            counts[map.ShardIndexOf(Encoding.UTF8.GetBytes($"user/{i}"))]++;
        }

        var even = keys / (double)shards;
        Assert.All(counts, count => Assert.InRange(count, even * 0.9, even * 1.1));
    }

    [Fact]
    public void Keys_that_agree_through_the_first_delimiter_share_a_slot()
    {
        var part = Gen.Char["abc"].Array[0, 5].Select(chars => new string(chars));
        Gen.Select(part, part, part)
            .Sample(
                (partition, one, other) =>
                    SlotOf($"{partition}::{one}", "::") == SlotOf($"{partition}::{other}::x", "::")
                    && SlotOf($"{partition}::{one}", "::") == SlotOf($"{partition}::", "")
            );
    }

    [Fact]
    public void A_key_without_the_delimiter_is_hashed_whole()
    {
        Assert.Equal(SlotOf("user42", ""), SlotOf("user42", "/"));
        Assert.NotEqual(SlotOf("user", ""), SlotOf("user42", "/"));
    }

    private static int SlotOf(string key, string delimiter) =>
        KeyHash.SlotOf(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(delimiter));
}
